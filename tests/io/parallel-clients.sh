#!/usr/bin/env bash
# Many clients at once, each with its own part of the file: everybody reads what it wrote.
. "$(dirname "$0")/lib.sh"
need_fuse
sparse_file disk.img 16M
mountpoint_file m

for cache in auto none; do
  serve -w --cache "$cache" disk.img m
  client m <<'PY'
from client import *
def work(part):
    rng = random.Random(part)
    fd = os.open(sys.argv[1], os.O_RDWR | (os.O_DIRECT if part % 2 else 0))
    model, buffer = bytearray(MIB), aligned_buffer(65536)
    base = part * MIB
    whole = aligned_buffer(MIB)
    equal(os.preadv(fd, [whole], base), MIB)
    model[:] = whole[:]
    for turn in range(150):
        at = rng.randrange(240) * PAGE
        buffer[:] = rng.randbytes(65536)
        os.pwritev(fd, [buffer], base + at)
        model[at:at + 65536] = buffer[:]
    equal(os.preadv(fd, [whole], base), MIB)
    equal(bytes(whole[:]), bytes(model), f"part {part}")
children = []
for part in range(12):
    child = os.fork()
    if child == 0:
        try:
            work(part)
            os._exit(0)
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
    children.append(child)
equal([os.waitpid(child, 0)[1] for child in children], [0] * 12, "exit statuses")
PY
  same_bytes disk.img m
  stop
done
