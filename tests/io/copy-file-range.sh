#!/usr/bin/env bash
# copy_file_range works inside one export; to another mount tools fall back to copying.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 4194304
mountpoint_file m

serve -w disk.img m
client m <<'PY'
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
model = bytearray(os.pread(fd, 4 * MIB, 0))
for source, target, length in ((0, MIB, 300000), (12345, 2 * MIB + 7, 4567), (3 * MIB, 100, MIB)):
    done = 0
    while done < length:
        count = os.copy_file_range(fd, fd, length - done, source + done, target + done)
        equal(count > 0, True, "progress")
        done += count
    model[target:target + length] = model[source:source + length]
equal(os.pread(fd, 4 * MIB, 0), bytes(model), "all bytes")
equal(os.copy_file_range(fd, fd, 100, 4 * MIB, 0), 0, "a copy from the end")
equal(os.copy_file_range(fd, fd, 9999, 0, 4 * MIB - 100), 100, "a copy over the end")
PY
cp m elsewhere.img
same_bytes m elsewhere.img
stop
same_bytes disk.img elsewhere.img
