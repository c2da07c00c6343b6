#!/usr/bin/env bash
# SEEK_DATA finds what the kernel has not sent yet, mapped or delayed, so that a copy has it; and
# holes stay holes while somebody has the file open for writing.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_kernel 6.6 "shared mappings with direct I/O"
mountpoint_file m

for cache in auto none writeback; do
  rm -f disk.img copy.img
  sparse_file disk.img 2M
  serve -w --growable --cache "$cache" disk.img m
  client m <<'PY'
from client import *
import subprocess
fd = os.open(sys.argv[1], os.O_RDWR)
reader = os.open(sys.argv[1], os.O_RDONLY)
view = mmap.mmap(fd, 2 * MIB)
view[300000:300006] = b"mapped"
equal(262144 <= os.lseek(reader, 0, os.SEEK_DATA) <= 300000, True, "a mapped write is data")
expect_errno(errno.ENXIO, os.lseek, reader, MIB, os.SEEK_DATA)
os.pwrite(fd, b"delayed" * 1000, MIB)
equal(os.lseek(reader, 400000, os.SEEK_DATA), MIB, "a write is data")
equal(os.lseek(reader, 0, os.SEEK_HOLE), 0, "a hole")
view[1500000:1500005] = b"again"
os.pwrite(fd, b"past the end", 2 * MIB)
subprocess.run(["cp", "--sparse=auto", sys.argv[1], "copy.img"], check=True, timeout=20)
with open("copy.img", "rb") as copy:
    equal(copy.read(), view[:] + b"past the end", "a copy")
PY
  stop
  same_bytes disk.img copy.img
done
