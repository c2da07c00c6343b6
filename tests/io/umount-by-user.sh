#!/usr/bin/env bash
# The user unmounts: the server ends by itself, the image is flushed and free, nothing spins.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
need_program fusermount3
mountpoint_file m

for command in "umount m" "fusermount3 -u m" "$FUSEBAY umount m" "umount -l m"; do
  random_file disk.img 1048576
  serve -w disk.img m
  dd if=/dev/zero of=m bs=4096 count=9 conv=notrunc status=none
  bounded $command || fail "$command"
  expect_end
  not_mounted m || fail "still mounted"
  cmp -n 36864 disk.img /dev/zero || fail "the write is lost"
done

# A lazy umount with a file still open: the server goes on for it, idle, and ends with it.
serve disk.img m
exec 9<m
umount -l m
cmp -n 36864 <(head -c 36864 <&9) /dev/zero || fail "the open file does not read"
expect_idle "$server"
exec 9<&-
expect_end
