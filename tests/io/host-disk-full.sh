#!/usr/bin/env bash
# A full host disk: ENOSPC reaches the client, nothing is lost that fsync returned for, and the
# export works on when there is room again.
test_timeout=360
. "$(dirname "$0")/lib.sh"
need_loop
need_fuse
need_program mkfs.ext4
sparse_file host.ext4 24M
mkfs.ext4 -q -m 0 -O ^has_journal host.ext4
mkdir host
loop_device loop host.ext4
mount "$loop" host
mountpoint_file m

for cache in auto none; do
  dd if=/dev/zero of=host/ballast bs=1M count=8 status=none
  sparse_file host/disk.img 64M
  serve -w --cache "$cache" host/disk.img m
  client m host/ballast <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
block = os.urandom(65536)
synced, full = [], False
for at in range(0, 64 * MIB, 65536):
    try:
        equal(os.pwrite(fd, at.to_bytes(8, "little") + block[8:], at), 65536, "a write")
        os.fsync(fd)
        synced.append(at)
    except OSError as error:
        equal(error.errno, errno.ENOSPC, "errno")
        full = True
        break
equal(full and len(synced) > 20, True, f"full after {len(synced)} writes")
def intact():
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    for at in synced:
        equal(os.pread(fd, 65536, at), at.to_bytes(8, "little") + block[8:], f"block at {at}")
intact()
os.unlink(sys.argv[2])
os.pwrite(fd, block, synced[-1] + 65536)
os.fsync(fd)
intact()
with open("synced", "w") as out:
    out.write(str(len(synced)))
PY
  stop
  client host/disk.img <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDONLY)
for at in range(0, int(open("synced").read()) * 65536, 65536):
    equal(os.pread(fd, 8, at), at.to_bytes(8, "little"), f"the image at {at}")
PY
  rm host/disk.img
done
umount host
