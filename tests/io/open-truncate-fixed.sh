#!/usr/bin/env bash
# open(O_TRUNC) changes nothing on a disk of fixed size, as on a block device: `dd of=` and `cat >`
# write to it; ftruncate still resizes.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 2097152
random_file new 1048576
cp disk.img copy.img
mountpoint_file m

serve -w disk.img m
: >m
same_bytes copy.img m
dd if=new of=m bs=64k status=none
cat new >m
dd if=new of=copy.img bs=64k conv=notrunc status=none
same_bytes copy.img m
expect_eq "$(size_of m)" 2097152 size
truncate -s 1048576 m
expect_eq "$(size_of m)" 1048576 "size after truncate(1)"
stop
