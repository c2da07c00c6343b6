#!/usr/bin/env bash
# A symbolic link as image or mountpoint means the file that it points to.
. "$(dirname "$0")/lib.sh"
need_fuse
random_file disk.img 1048576
mkdir deep
mountpoint_file deep/m
ln -s disk.img image-link
ln -s deep/m mount-link

serve image-link mount-link
is_mounted deep/m || fail "not mounted on the target"
same_bytes disk.img deep/m
same_bytes disk.img mount-link
stop
not_mounted deep/m || fail "still mounted"
[ -L mount-link ] || fail "the link was replaced"
