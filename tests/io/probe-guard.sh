#!/usr/bin/env bash
# A guessed raw image cannot be turned into another format by a client: such a write is refused;
# with --format raw it is a write like any other.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
mountpoint_file m
sparse_file disk.img 1M

serve -w --cache none disk.img m
client m <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
magic = b"QFI\xfb\x00\x00\x00\x03" + bytes(504)
expect_errno(errno.EPERM, os.pwrite, fd, magic, 0)
equal(os.pread(fd, 512, 0), bytes(512), "the first sector")
os.pwrite(fd, b"QFI\xfb", 0)               # no version: no qcow2
expect_errno(errno.EPERM, os.pwrite, fd, b"\x03", 7)
equal(os.pread(fd, 8, 0), b"QFI\xfb" + bytes(4), "the first bytes")
os.pwrite(fd, b"harmless" + bytes(504), 0)
os.pwrite(fd, magic, 512)
PY
stop
serve -f raw -w disk.img m
printf 'QFI\373' | dd of=m conv=notrunc status=none
stop
expect_eq "$(head -c 3 disk.img)" QFI "the image's start"
