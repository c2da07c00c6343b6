#!/usr/bin/env bash
# Two exports of one node agree: a write through one is seen through the other within 100 ms, with
# cache=none at once; so is a new size; so are shared mappings.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_kernel 6.6 "shared mappings with direct I/O"

for cache in auto none; do
  sparse_file disk.img 4M
  mountpoint_file a b
  serve -w --cache "$cache" disk.img a b
  client a b "$cache" <<'PY'
from client import *
a, b = (os.open(name, os.O_RDWR) for name in sys.argv[1:3])
patience = 0.1 if sys.argv[3] == "auto" else 0
late = time.sleep if patience else (lambda seconds: None)
for turn in range(50):
    writer, reader = (a, b) if turn % 2 else (b, a)
    data = bytes([turn + 1]) * 8192
    os.pread(reader, 8192, turn * 4096)     # now in the reader's page cache
    os.pwrite(writer, data, turn * 4096)
    late(patience)
    equal(os.pread(reader, 8192, turn * 4096), data, f"turn {turn}")
map_a, map_b = (mmap.mmap(fd, MIB) for fd in (a, b))
equal(map_b[:4], map_a[:4])
os.pwrite(a, b"written", 8192)
within(0.1, lambda: map_b[8192:8199] == b"written", "a write in the other's mapping")
map_a[0:6] = b"mapped"
map_a.flush()
within(0.1, lambda: os.pread(b, 6, 0) == b"mapped", "a mapped write in the other")
os.ftruncate(a, 2 * MIB)
within(1.2, lambda: os.fstat(b).st_size == 2 * MIB, "the new size in the other")
PY
  stop
done
