#!/usr/bin/env bash
# A client's O_DIRECT is honoured in every cache mode, and agrees with buffered reads and writes.
. "$(dirname "$0")/lib.sh"
need_fuse
random_file disk.img 4194304
mountpoint_file m

for cache in auto none; do
  serve -w --cache "$cache" disk.img m
  client m <<'PY'
from client import *
direct = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
plain = os.open(sys.argv[1], os.O_RDWR)
for offset, length in ((0, 512), (512, 4096), (4096, 4096), (65536, MIB), (MIB + 512, 3 * 512)):
    buffer = aligned_buffer(length)
    equal(os.preadv(direct, [buffer], offset), length, "direct read")
    equal(bytes(buffer), os.pread(plain, length, offset), "direct against buffered read")
    data = os.urandom(length)
    buffer[:] = data
    equal(os.pwritev(direct, [buffer], offset), length, "direct write")
    equal(os.pread(plain, length, offset), data, "buffered read after a direct write")
    os.pwrite(plain, data[::-1], offset)
    equal(os.preadv(direct, [buffer], offset), length)
    equal(bytes(buffer), data[::-1], "direct read after a buffered write")
buffer = aligned_buffer(8192)
equal(os.preadv(direct, [buffer], 4 * MIB - 4096), 4096, "direct read over the end")
equal(os.preadv(direct, [buffer], 4 * MIB), 0, "direct read at the end")
PY
  same_bytes disk.img m
  stop
done
