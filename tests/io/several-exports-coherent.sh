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

def soon(limit, change, is_seen, what):
    """A machine that does something else for a moment is not at fault: a late one is repeated."""
    times = []
    while not times or (times[-1] > limit and len(times) < 5):
        change(len(times))
        times.append(within(20, lambda: is_seen(len(times)), what))
    if times[-1] > limit:
        fail(f"{what}: seen after {times} seconds")


for turn in range(50):
    writer, reader = (a, b) if turn % 2 else (b, a)
    offset = turn * 4096
    def data(attempt):
        return bytes([turn + 1, attempt]) * 4096
    def write(attempt):
        os.pread(reader, 8192, offset)      # now in the reader's page cache
        os.pwrite(writer, data(attempt), offset)
        if sys.argv[3] == "none":
            equal(os.pread(reader, 8192, offset), data(attempt), f"turn {turn}, at once")
    soon(0.1, write, lambda attempt: os.pread(reader, 8192, offset) == data(attempt),
         f"turn {turn}")
map_a, map_b = (mmap.mmap(fd, MIB) for fd in (a, b))
equal(map_b[:4], map_a[:4])



def map_write(turn):
    map_a[0:6] = b"map%3d" % turn
    map_a.flush()


soon(0.1, lambda turn: os.pwrite(a, b"write%2d" % turn, 8192),
     lambda turn: map_b[8192:8199] == b"write%2d" % turn, "a write in the other's mapping")
soon(0.1, map_write, lambda turn: os.pread(b, 6, 0) == b"map%3d" % turn,
     "a mapped write in the other")
soon(1.2, lambda turn: os.ftruncate(a, (2 + turn) * MIB),
     lambda turn: os.fstat(b).st_size == (2 + turn) * MIB, "the new size in the other")
PY
  stop
done
