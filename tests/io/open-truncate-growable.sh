#!/usr/bin/env bash
# open(O_TRUNC) empties a growable export, which then grows with what is written.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 2097152
random_file new 300001
mountpoint_file m

serve -w --growable disk.img m
: >m
expect_eq "$(size_of m)" 0 "size after O_TRUNC"
cat new >m
same_bytes new m
cat new >>m
cat new new >twice
same_bytes twice m
stop
cmp -n 600002 twice disk.img || fail "the image differs"
