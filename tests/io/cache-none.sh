#!/usr/bin/env bash
# cache=none: nothing stays in the page cache, every write is in the image when it returns, and
# shared mappings still work.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_kernel 6.6 "shared mappings with direct I/O"
random_file disk.img 2097152
mountpoint_file m

serve -w --cache none disk.img m
same_bytes disk.img m
client m disk.img <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
image = os.open(sys.argv[2], os.O_RDONLY)
equal(resident_pages(fd, 2 * MIB), 0, "pages in the page cache after reading")
for offset, length in ((0, 1), (511, 3), (4095, 4098), (100000, 300001)):
    data = os.urandom(length)
    equal(os.pwrite(fd, data, offset), length)
    equal(os.pread(image, length, offset), data, "the image right after a write")
    equal(os.pread(fd, length, offset), data)
view = mmap.mmap(fd, MIB)
equal(view[4096:8192], os.pread(image, 4096, 4096), "a mapped read")
view[9000:9005] = b"hello"
view.flush()
equal(os.pread(image, 5, 9000), b"hello", "a mapped write after msync")
os.pwrite(fd, b"again", 9000)
equal(view[9000:9005], b"again", "a write seen in the mapping")
private = mmap.mmap(fd, MIB, mmap.MAP_PRIVATE)
private[0:1] = b"x"
PY
stop
