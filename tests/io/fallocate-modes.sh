#!/usr/bin/env bash
# Every mode of fallocate, inside the file, over its end and past it.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_program fallocate
fallocate -l 4096 can && fallocate -p -l 4096 can || skip "needs a file system with punch hole"
mountpoint_file m

for growable in "" --growable; do
  random_file disk.img 1048576
  # shellcheck disable=SC2086
  serve -w $growable disk.img m
  client m <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
model = bytearray(os.pread(fd, 4 * MIB, 0))
def size_and_bytes(what):
    equal(os.fstat(fd).st_size, len(model), f"size after {what}")
    equal(os.pread(fd, 8 * MIB, 0), bytes(model), f"bytes after {what}")
def zero(start, end):
    model[start:end] = bytes(max(0, min(end, len(model)) - start))

expect_errno(errno.EOPNOTSUPP, fallocate, fd, PUNCH_HOLE, 0, 4096)   # the kernel's own answer
for offset, length in ((0, 4096), (5000, 10000), (65536, 65536), (262145, 1)):
    fallocate(fd, PUNCH_HOLE | KEEP_SIZE, offset, length)
    zero(offset, offset + length)
size_and_bytes("punching inside")
allocated = os.fstat(fd).st_blocks
fallocate(fd, 0, 0, MIB)
size_and_bytes("allocating inside")
equal(os.fstat(fd).st_blocks * 512 >= max(MIB, allocated * 512), True, "allocated")
fallocate(fd, KEEP_SIZE, 1000, 70000)
size_and_bytes("allocating inside, keeping the size")
fallocate(fd, PUNCH_HOLE | KEEP_SIZE, len(model) - 1000, 100000)
zero(len(model) - 1000, len(model))
size_and_bytes("punching over the end")
fallocate(fd, PUNCH_HOLE | KEEP_SIZE, len(model) + 1000, 4096)
size_and_bytes("punching past the end")
fallocate(fd, ZERO_RANGE, 300001, 70001)
zero(300001, 370002)
fallocate(fd, ZERO_RANGE | KEEP_SIZE, len(model) - 10, 5000)
zero(len(model) - 10, len(model))
fallocate(fd, ZERO_RANGE | KEEP_SIZE, len(model) + 10, 5000)
size_and_bytes("zeroing, keeping the size")
os.pwrite(fd, b"x" * 1000, len(model) - 1000)
model[-1000:] = b"x" * 1000
fallocate(fd, ZERO_RANGE, len(model) - 500, 3000)
zero(len(model) - 500, len(model))
model.extend(bytes(2500))
size_and_bytes("zeroing over the end")
fallocate(fd, 0, len(model), 10000)
model.extend(bytes(10000))
size_and_bytes("allocating at the end")
fallocate(fd, 0, len(model) + 5000, 777)
model.extend(bytes(5777))
size_and_bytes("allocating past the end")
for mode in (COLLAPSE_RANGE, INSERT_RANGE, UNSHARE_RANGE, COLLAPSE_RANGE | KEEP_SIZE):
    expect_errno(errno.EOPNOTSUPP, fallocate, fd, mode, 4096, 4096)
expect_errno(errno.EINVAL, fallocate, fd, 0, 0, 0)
expect_errno(errno.EFBIG, fallocate, fd, 0, 2**63 - 4096, 4096)
expect_errno(errno.EBADF, fallocate, os.open(sys.argv[1], os.O_RDONLY), 0, 0, 4096)
size_and_bytes("the refusals")
PY
  stop
done
