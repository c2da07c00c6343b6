#!/usr/bin/env bash
# Without --foreground the command returns when the file is ready, and holds none of its caller's
# descriptors.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 1048576
mountpoint_file m

# The command substitution ends only when every copy of its pipe is closed.
output=$(fusebay mount disk.img m 2>&1 </dev/null | without_stalls)
expect_eq "$output" "" "what a mount says"
same_bytes disk.img m
daemon=$(own_daemons)
expect_eq "$(wc -w <<<"$daemon")" 1 "number of daemons"
expect_eq "$(readlink "/proc/$daemon/cwd")" / "the daemon's folder"
expect_idle "$daemon"
fusebay umount m
not_mounted m || fail "still mounted"
expect_no_daemons
