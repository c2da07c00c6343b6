#!/usr/bin/env bash
# Relative paths mean the caller's folder, also for a server in the background.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
mkdir -p images mounts/deep
random_file images/disk.img 1048576
mountpoint_file mounts/deep/m

cd mounts
fusebay mount ../images/disk.img deep/m
same_bytes ../images/disk.img deep/m
expect_contains "$(mount_lines deep/m)" "$dir/images/disk.img"
fusebay umount deep/m
not_mounted deep/m || fail "still mounted"
expect_no_daemons
