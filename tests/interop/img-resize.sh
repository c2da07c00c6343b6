#!/usr/bin/env bash
# `fusebay img resize` makes of an image what qemu-img resize makes of it, and refuses what that
# refuses, in the same words.
test_timeout=900
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-img qemu-io

# What one of the two says, without its name, its hint at the help and QEMU's warning about probing.
words() { sed -E -e 's/^(qemu-img|fusebay img resize): //' -e '/^Try |^WARNING: |^   /d' "$1"; }

# Holes of the file below clusters that are smaller than the file's own depend on where they are.
see_holes=1

# What of an image must be the same: its size, its soundness, what it has and what of that is holes.
picture() { # FORMAT FILE
  qemu-img info -f "$1" "$2" | grep 'virtual size'
  [ "$1" = raw ] || qemu-img check -q -f "$1" "$2" || echo "damaged"
  qemu-img map -f "$1" --output=json "$2" |
    sed -E 's/.*"start": ([0-9]+), .*"present": (\w+), "zero": (\w+), .*/\1 \2 \3/' |
    awk -v see_holes="$see_holes" '{ now = $2 (see_holes ? $3 : "") }
      now != state { print $1, now; state = now }'
}

# both FORMAT [OPTION]... SIZE: on a copy of image.FORMAT each, which then become image.FORMAT.
both() {
  local format=$1 ours=0 theirs=0
  shift
  cp "image.$format" ours
  cp "image.$format" theirs
  qemu-img resize -f "$format" "${@:1:$#-1}" theirs "${!#}" >theirs.out 2>theirs.err || theirs=$?
  fusebay img resize -f "$format" "${@:1:$#-1}" ours "${!#}" >ours.out 2>ours.err || ours=$?
  expect_eq "$ours" "$theirs" "exit status of: resize $format $* ($(cat ours.err))"
  expect_eq "$(cat ours.out)" "$(cat theirs.out)" "output of: resize $format $*"
  expect_eq "$(words ours.err)" "$(words theirs.err)" "errors of: resize $format $*"
  expect_eq "$(picture "$format" ours)" "$(picture "$format" theirs)" "image after: $format $*"
  qemu-img compare -q -f "$format" -F "$format" ours theirs || fail "bytes after: $format $*"
  mv ours "image.$format"
}

fill() { # FORMAT FILE
  bounded qemu-io -f "$1" -c 'write -P 7 64k 200k' -c 'write -P 8 3M 1M' "$2" >/dev/null
}

sizes='8M +1M +0 9M -1M -3000G 0 7E +7.9E 16E foo 1x 1.5M +'
for options in cluster_size=64k cluster_size=512 extended_l2=on compat=0.10; do
  [ "$options" = cluster_size=512 ] && see_holes= || see_holes=1
  qemu_create -f qcow2 -o "$options" image.qcow2 4M
  fill qcow2 image.qcow2
  for size in $sizes +100; do
    both qcow2 "$size"
  done
  both qcow2 --preallocation=metadata 10M
  both qcow2 --preallocation=falloc +1M
  both qcow2 --preallocation=full 12M
  both qcow2 --preallocation=full 12M
  both qcow2 --preallocation=falloc --shrink 1M
  both qcow2 --preallocation=some 12M
  both qcow2 --shrink -8500k
  both qcow2 --shrink -q 1M
  both qcow2 --shrink -100M
  both qcow2 20M
done

qemu_create -f raw image.raw 4M
fill raw image.raw
for size in ${sizes//7E /} +513; do
  both raw "$size"
done
both raw --preallocation=metadata 16M
both raw --preallocation=falloc 16M
both raw --preallocation=full +1M
both raw --shrink -10M
both raw -q --shrink 1M

# What grows shows zeroes, even where the backing image has more than the old disk had.
qemu_create -f raw base.raw 8M
bounded qemu-io -f raw -c 'write -P 9 0 8M' base.raw >/dev/null
qemu_create -f qcow2 -b base.raw -F raw image.qcow2 1000k
both qcow2 6M
both qcow2 --shrink 3M

# Snapshots keep their size; version 2 cannot tell it.
for compat in 0.10 1.1; do
  qemu_create -f qcow2 -o compat="$compat" image.qcow2 4M
  fill qcow2 image.qcow2
  qemu-img snapshot -c before image.qcow2
  both qcow2 6M
  both qcow2 --shrink 2M
done

# An external data file grows with its image.
qemu_create -f qcow2 -o data_file=data.bin image.qcow2 1M
fusebay img resize -q image.qcow2 --preallocation=falloc 2M
expect_eq "$(size_of data.bin)" 2097152 "size of the data file"

expect_fail "Not enough arguments" fusebay img resize image.raw
expect_fail "Expecting image file name and size" fusebay img resize image.raw 1M 2M
expect_fail "missing.qcow2" fusebay img resize missing.qcow2 1M
expect_fail "vmdk" fusebay img resize -f vmdk image.raw 1M
expect_fail "not in qcow2 format" fusebay img resize -f qcow2 image.raw 1M
expect_eq "$(fusebay img resize image.raw 5M)" "Image resized." "output with a guessed format"
expect_eq "$(size_of image.raw)" 5242880 "size"
