#!/usr/bin/env bash
# SEEK_DATA and SEEK_HOLE tell a raw image's holes, and ENXIO past the end.
. "$(dirname "$0")/lib.sh"
need_fuse
sparse_file disk.img 4M
dd if=/dev/urandom of=disk.img bs=64k count=3 seek=5 conv=notrunc,fsync status=none
dd if=/dev/urandom of=disk.img bs=64k count=1 seek=40 conv=notrunc,fsync status=none
mountpoint_file m

serve disk.img m
client m disk.img <<'PY'
from client import *
export, image = (os.open(path, os.O_RDONLY) for path in sys.argv[1:3])
size = 4 * MIB
equal(extents(export, size), extents(image, size), "extents")
equal(len(extents(export, size)), 5, "number of extents")
equal(os.lseek(export, 330000, os.SEEK_DATA), 330000, "inside data")
equal(os.lseek(export, 1, os.SEEK_HOLE), 1, "inside a hole")
equal(os.lseek(export, 2600000, os.SEEK_DATA), 40 * 65536)
expect_errno(errno.ENXIO, os.lseek, export, 41 * 65536, os.SEEK_DATA)
equal(os.lseek(export, size - 1, os.SEEK_HOLE), size - 1)
for offset in (size, size + 1, 2 * size):
    expect_errno(errno.ENXIO, os.lseek, export, offset, os.SEEK_DATA)
    expect_errno(errno.ENXIO, os.lseek, export, offset, os.SEEK_HOLE)
equal(os.lseek(export, 0, os.SEEK_END), size)
PY
cp --sparse=auto m copy.img
same_bytes disk.img copy.img
[ "$(stat -c %b copy.img)" -le 4096 ] || fail "cp did not see the holes"
stop
