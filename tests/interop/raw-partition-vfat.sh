#!/usr/bin/env bash
# A partition table and a FAT file system on a partition, through a loop device over the export.
. "$(dirname "$0")/../io/lib.sh"
need_loop
need_fuse
need_program sfdisk partx mkfs.vfat fsck.vfat
sparse_file disk.img 64M
mountpoint_file m

serve -w disk.img m
printf 'label: dos\nstart=2048, size=40960, type=c\nstart=43008, type=83\n' |
  bounded sfdisk -q m >sfdisk.log 2>&1 || fail "sfdisk: $(cat sfdisk.log)"
expect_contains "$(sfdisk -d m)" "start=        2048, size=       40960, type=c"
loop_device loop -P m
wait_until 5 test -b "${loop}p1" || partx -a "$loop" # a kernel that knows no partition tables
wait_until 20 test -b "${loop}p1" || skip "no partition devices"
bounded mkfs.vfat -F 16 "${loop}p1" >/dev/null
bounded fsck.vfat -n "${loop}p1" >/dev/null || fail "fsck.vfat on the device"
bounded blockdev --flushbufs "$loop"
losetup -d "$loop"
loop_device loop --offset $((2048 * 512)) --sizelimit $((40960 * 512)) m
bounded fsck.vfat -n "$loop" >/dev/null || fail "fsck.vfat through the export"
losetup -d "$loop"
stop
expect_contains "$(sfdisk -d disk.img)" "start=       43008"
