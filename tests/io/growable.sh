#!/usr/bin/env bash
# A growable export takes a write at any offset; a hole before it reads as zeroes, also after what
# lay there was cut off.
. "$(dirname "$0")/lib.sh"
need_fuse
mountpoint_file m

for cache in auto none; do
  random_file disk.img 65536
  serve -w --growable --cache "$cache" disk.img m
  client m disk.img <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
model = bytearray(os.pread(fd, MIB, 0))
rng = random.Random(3)
def write(offset, data):
    equal(os.pwrite(fd, data, offset), len(data))
    model.extend(bytes(max(0, offset + len(data) - len(model))))
    model[offset:offset + len(data)] = data
    equal(os.fstat(fd).st_size, len(model), "size")
write(65536, b"at the end")
write(70001, b"past the end")
write(1000003, rng.randbytes(5001))
os.ftruncate(fd, 500)
del model[500:]
write(3000, b"after a cut")
for turn in range(100):
    if turn % 10 == 9:
        size = rng.randrange(len(model))
        os.ftruncate(fd, size)
        del model[size:]
    write(rng.randrange(2 * MIB), rng.randbytes(rng.randrange(1, 9000)))
equal(os.pread(fd, 4 * MIB, 0), bytes(model), "all bytes")
append = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
for turn in range(20):
    data = rng.randbytes(777)
    os.write(append, data)
    model += data
equal(os.pread(fd, 4 * MIB, 0), bytes(model), "all bytes after appending")
os.fsync(fd)
with open(sys.argv[2], "rb") as image:
    equal(image.read(len(model)), bytes(model), "the image")
PY
  stop
done
