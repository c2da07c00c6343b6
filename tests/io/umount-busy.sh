#!/usr/bin/env bash
# `fusebay umount` of a file in use is refused and harms nobody.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 1048576
mountpoint_file m

serve disk.img m
exec 9<m
expect_fail "m" fusebay umount m
is_mounted m || fail "unmounted in spite of the refusal"
cmp - disk.img <&9 || fail "the open file does not read"
exec 9<&-
fusebay umount m
expect_end
mkdir folder
for name in m folder nowhere; do
  expect_fail "$name" fusebay umount "$name"
done
