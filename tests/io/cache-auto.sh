#!/usr/bin/env bash
# cache=auto keeps the page cache over open and close; what the page cache serves is right.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 4194304
mountpoint_file m

serve disk.img m
same_bytes disk.img m
client m <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDONLY)
equal(resident_pages(fd, 4 * MIB), 1024, "pages kept from an earlier open")
PY
stop

serve -w disk.img m
client m disk.img <<'PY'
from client import *
for turn in range(3):
    fd = os.open(sys.argv[1], os.O_RDWR)
    os.pwrite(fd, bytes([65 + turn]) * 5000, 1000)
    equal(os.pread(fd, 5000, 1000), bytes([65 + turn]) * 5000)
    os.close(fd)
    fd = os.open(sys.argv[1], os.O_RDONLY)
    equal(os.pread(fd, 5000, 1000), bytes([65 + turn]) * 5000, "after a new open")
    with open(sys.argv[2], "rb") as image:
        image.seek(1000)
        equal(image.read(5000), bytes([65 + turn]) * 5000, "in the image")
    if turn:
        equal(resident_pages(fd, 4 * MIB) > 0, True, "page cache kept")
    os.pread(fd, 4 * MIB, 0)
    os.close(fd)
PY
stop
