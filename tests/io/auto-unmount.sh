#!/usr/bin/env bash
# With --auto-unmount the mount goes away even when the server is killed.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_program fusermount3
need_root_mount
random_file disk.img 65536
mountpoint_file m

serve --auto-unmount disk.img m
same_bytes disk.img m
kill -KILL "$server"
await not_mounted m || fail "still mounted"
serve --auto-unmount disk.img m
same_bytes disk.img m
stop
