#!/usr/bin/env bash
# Every I/O engine reads and writes the same bytes, through the page cache, with one loop or more.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
mountpoint_file m

for arguments in "--aio threads" "--aio io_uring" "--aio threads --loops 1" \
  "--aio io_uring --loops 3"; do
  random_file disk.img 8388608
  cp disk.img before.img
  # shellcheck disable=SC2086
  serve -w $arguments disk.img m
  same_bytes before.img m
  random_file new 3000001
  dd if=new of=m bs=99991 seek=7 conv=notrunc,fsync status=none
  dd if=new of=before.img bs=99991 seek=7 conv=notrunc status=none
  same_bytes before.img m
  stop
  same_bytes before.img disk.img
done
expect_usage "" fusebay mount --aio turbo disk.img m
