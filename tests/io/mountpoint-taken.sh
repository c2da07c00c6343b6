#!/usr/bin/env bash
# A second export on one mountpoint is refused, however the path is spelled and whoever asks.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 65536
mkdir folder
mountpoint_file folder/m
ln -s folder other
ln -s folder/m link

expect_fail "There already is a FUSE export on" fusebay mount disk.img folder/m folder/m
expect_fail "There already is a FUSE export on" fusebay mount disk.img folder/m other/../folder/./m
expect_fail "There already is a FUSE export on" fusebay mount disk.img folder/m other/m
not_mounted folder/m || fail "a refused mount was left behind"

serve disk.img folder/m
for name in folder/m other/m link "$dir/folder/m"; do
  expect_fail "There already is a FUSE export on '$name'" fusebay mount disk.img "$name"
done
expect_eq "$(mounts_at folder/m)" 1 "mounts"
same_bytes disk.img folder/m
stop
