#!/usr/bin/env bash
# --direct opens the image with O_DIRECT; requests of any offset and length still work, with every
# I/O engine.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
mountpoint_file m
random_file disk.img 1049089 # no multiple of anything
dd if=disk.img of=probe iflag=direct bs=4096 count=1 status=none 2>/dev/null ||
  skip "needs a file system with O_DIRECT"

for aio in threads native io_uring; do
  serve -w --direct --aio "$aio" disk.img m
  flags=$(awk '/flags/ {print $2}' /proc/"$server"/fdinfo/"$(
    find "/proc/$server/fd" -lname "$dir/disk.img" -printf '%f\n' | head -1
  )")
  [ $((flags & 040000)) != 0 ] || fail "the image is not open with O_DIRECT: $flags"
  client m <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
model = bytearray(os.pread(fd, 2 * MIB, 0))
equal(len(model), 1049089, "size")
rng = random.Random(7)
for turn in range(200):
    offset = rng.randrange(len(model))
    length = min(rng.choice([1, 511, 512, 513, 4096, 10000]), len(model) - offset)
    data = rng.randbytes(length)
    equal(os.pwrite(fd, data, offset), length)
    model[offset:offset + length] = data
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
equal(os.pread(fd, 2 * MIB, 0), bytes(model), "all of it")
os.fsync(fd)
PY
  cp m shown
  stop
  same_bytes disk.img shown
done
expect_usage "direct" fusebay mount --aio native disk.img m
