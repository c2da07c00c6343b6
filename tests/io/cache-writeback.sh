#!/usr/bin/env bash
# cache=writeback: small writes are gathered and fsync brings them to the image; it is for the sole
# export of a node.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
sparse_file disk.img 4M
mountpoint_file m other

expect_usage "writeback" fusebay mount -w --cache writeback disk.img m other
not_mounted m || fail "mounted"

serve -w --cache writeback disk.img m
client m disk.img <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
for at in range(0, MIB, 1000):
    os.pwrite(fd, bytes([at % 251]) * 1000, at)
os.fsync(fd)
with open(sys.argv[1], "rb") as export, open(sys.argv[2], "rb") as image:
    shown = export.read()
    equal(image.read(), shown, "the image after fsync")
    equal(shown[:1000], bytes(1000), "first block")
    equal(shown[1000:2000], bytes([1000 % 251]) * 1000, "second block")
os.utime(fd, ns=(10**18, 10**18))
os.pwrite(fd, b"last", 3 * MIB)
PY
stop
client disk.img <<'PY'
from client import *
equal(os.pread(os.open(sys.argv[1], os.O_RDONLY), 4, 3 * MIB), b"last", "written before the end")
PY

# What the program has been told is written is never lost silently at the end.
rm disk.img
sparse_file disk.img 1M
serve -w --cache writeback disk.img m
client m <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
os.pwrite(fd, b"e" * 8192, MIB - 100)
expect_errno(errno.ENOSPC, os.fsync, fd)
os.ftruncate(fd, MIB)
equal(os.pread(fd, 8192, MIB - 100), b"e" * 100, "what there was room for")
os.fsync(fd)
PY
stop
expect_eq "$(size_of disk.img)" 1048576 "the image's size"
