#!/usr/bin/env bash
# Without image locks another program may write the image: an open sees it, whatever is cached.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
mountpoint_file m

for mode in "" -w; do
  random_file disk.img 65536
  serve $mode --locking off disk.img m
  same_bytes disk.img m
  sleep 1.1 # the times of files may be that coarse
  printf 'from elsewhere' | dd of=disk.img bs=4096 seek=3 conv=notrunc status=none
  same_bytes disk.img m
  stop
done
