#!/usr/bin/env bash
# A writable export can be cut and lengthened to any size in bytes; what comes back reads as zeroes.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 1048576
cp disk.img copy.img
mountpoint_file m

serve -w disk.img m
client m copy.img <<'PY'
from client import *
path, model = sys.argv[1], bytearray(open(sys.argv[2], "rb").read())
for size in (1000000, 1000001, 12345, 12346, 20000, 3000000, 4096, 1, 777777):
    if size % 2:
        os.truncate(path, size)
    else:
        fd = os.open(path, os.O_RDWR)
        os.ftruncate(fd, size)
        os.close(fd)
    model = model[:size] + bytes(max(0, size - len(model)))
    equal(os.stat(path).st_size, size, "size")
    equal(open(path, "rb").read(), bytes(model), f"bytes after truncate to {size}")
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, b"tail", size - 4 if size > 4 else 0)
    if size > 4:
        model[size - 4:size] = b"tail"
    else:
        model = bytearray(b"t")
    os.close(fd)
PY
cp m shown
stop
expect_eq "$(size_of shown)" 777777 "size shown"
cmp -n 777777 shown disk.img || fail "the image differs"
size=$(size_of disk.img)
[ "$size" -ge 777777 ] && [ "$size" -lt $((777777 + 4096)) ] || fail "the image's size is $size"
