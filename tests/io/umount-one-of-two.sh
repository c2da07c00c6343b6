#!/usr/bin/env bash
# When one of several mountpoints is unmounted the others stay; with the last one the server ends.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
random_file disk.img 1048576
mountpoint_file a b

serve -w disk.img a b
umount a
sleep 0.3
same_bytes disk.img b
expect_idle "$server"
dd if=/dev/zero of=b bs=4096 count=1 conv=notrunc,fsync status=none
same_bytes disk.img b
umount b
expect_end
