#!/usr/bin/env bash
# What is punched out of an export becomes free on the host; what is zeroed stays correct.
. "$(dirname "$0")/lib.sh"
need_fuse
need_program fallocate
fallocate -l 4096 can && fallocate -p -l 4096 can || skip "needs a file system with punch hole"
random_file disk.img 8388608
sync disk.img
mountpoint_file m

serve -w disk.img m
full=$(stat -c %b disk.img)
fallocate -p -o 1048576 -l 4194304 m
sync m
[ "$(stat -c %b disk.img)" -le $((full - 8000)) ] || fail "no space came back"
cmp -n 4194304 -i 1048576:0 m /dev/zero || fail "the hole does not read as zeroes"
stop
