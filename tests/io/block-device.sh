#!/usr/bin/env bash
# A block device is an image, too.
. "$(dirname "$0")/lib.sh"
need_loop
need_fuse
need_fusebay
random_file back.img 4194304
mountpoint_file m
loop_device loop back.img

serve "$loop" m
expect_eq "$(size_of m)" 4194304 size
same_bytes back.img m
stop
serve -w "$loop" m
dd if=/dev/zero of=m bs=64k count=4 seek=2 conv=notrunc,fsync status=none
cmp -n 262144 -i 131072:0 "$loop" /dev/zero || fail "the write is not on the device"
cp m shown
client m <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
fallocate(fd, PUNCH_HOLE | KEEP_SIZE, MIB, MIB)
equal(os.pread(fd, MIB, MIB), bytes(MIB), "a punched hole")
expect_errno(errno.ENOSPC, os.pwrite, fd, b"x", 4 * MIB)
PY
stop
loop_device fixed -r back.img
expect_fail "$fixed" fusebay mount -w "$fixed" m
serve "$fixed" m
same_bytes "$fixed" m
stop
