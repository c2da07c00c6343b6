#!/usr/bin/env bash
# --offset and --size export a part of a raw image, and only that part.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 4194304
cp disk.img before.img
mountpoint_file m

serve --offset 1000448 --size 1048576 disk.img m
expect_eq "$(size_of m)" 1048576 size
cmp -n 1048576 -i 1000448:0 disk.img m || fail "the wrong part"
stop

serve -w --offset 1M --size 2M disk.img m
dd if=/dev/zero of=m bs=64k conv=notrunc status=none 2>/dev/null || true
stop
dd if=/dev/zero of=before.img bs=1M seek=1 count=2 conv=notrunc status=none
same_bytes before.img disk.img

serve --offset 4000000 disk.img m
expect_eq "$(size_of m)" 194304 "size up to the end"
stop
expect_fail "disk.img" fusebay mount --offset 5M disk.img m
expect_fail "disk.img" fusebay mount --offset 1M --size 4M disk.img m
expect_usage "" fusebay mount --offset 1x disk.img m
expect_usage "" fusebay mount --offset -1 disk.img m
not_mounted m || fail "mounted"
