#!/usr/bin/env bash
# A killed background server: list does not show it as alive, umount takes its mount away.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 65536
mountpoint_file m

fusebay mount disk.img m
kill -KILL "$(own_daemons)"
expect_no_daemons
bounded "$FUSEBAY" list >/dev/null || fail "list fails with a dead mount"
fusebay umount m
not_mounted m || fail "still mounted"
fusebay mount disk.img m
same_bytes disk.img m
fusebay umount m
[[ "$(fusebay list)" != *"$dir/m"* ]] || fail "still listed"
