#!/usr/bin/env bash
# A disk of fixed size: a write over its end is short, one at or past the end is ENOSPC.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
mountpoint_file m

for cache in auto none; do
  random_file disk.img 1048676 # ends inside a page and a sector
  serve -w --cache "$cache" disk.img m
  client m <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
size = os.fstat(fd).st_size
equal(os.pwrite(fd, b"a" * 8192, size - 100), 100, "write over the end")
equal(os.pread(fd, 8192, size - 100), b"a" * 100)
expect_errno(errno.ENOSPC, os.pwrite, fd, b"b", size)
expect_errno(errno.ENOSPC, os.pwrite, fd, b"b" * 10000, size + 12345)
equal(os.fstat(fd).st_size, size, "size")
equal(os.pread(fd, 8192, size), b"", "read at the end")
equal(os.pread(fd, 8192, size + MIB), b"", "read past the end")
append = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
expect_errno(errno.ENOSPC, os.write, append, b"c")
PY
  stop
  expect_eq "$(size_of disk.img)" 1048676 "the image's size"
done
