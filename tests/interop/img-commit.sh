#!/usr/bin/env bash
# `fusebay img commit` leaves the disk, the backing file and the image as qemu-img commit does.
test_timeout=900
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-img qemu-io

words() { sed -E -e 's/^(qemu-img|fusebay img commit): //' -e '/^Try |^WARNING: |^   /d' "$1"; }
change() { bounded qemu-io -f "$1" "${@:3}" "$2" >/dev/null; }

# Which parts of the disk the image itself has, neighbours as one.
own_parts() {
  qemu-img map -f qcow2 --output=json "$1" |
    sed -nE 's/.*"start": ([0-9]+), .*"depth": 0, "present": true, "zero": (\w+).*/\1 \2/p'
}

# make FOLDER FORMAT OPTIONS BASE_SIZE SIZE: base and an overlay with data, zeroes, and less.
make() {
  mkdir -p "$1"
  qemu_create -f "$2" "$1/base" "$4"
  change "$2" "$1/base" -c 'write -P 1 0 2M' -c 'write -P 2 3M 500k'
  qemu_create -f qcow2 -o "$3" -b base -F "$2" "$1/top" "$5"
  change qcow2 "$1/top" -c 'write -P 3 64k 200k' -c 'write -P 4 1900k 300k' \
    -c 'write -z 1M 300k' -c 'write -P 5 3500k 1k' -c 'discard 512k 128k'
}

# both FORMAT OPTIONS BASE_SIZE SIZE [OPTION]...: in a folder of each program's own.
both() {
  local format=$1 what="$*" folder ours=0 theirs=0
  rm -rf ours theirs
  make ours "${@:1:4}"
  make theirs "${@:1:4}"
  shift 4
  qemu-img convert -O raw ours/top disk.raw
  qemu-img commit -f qcow2 "$@" theirs/top >theirs.out 2>theirs.err || theirs=$?
  fusebay img commit -f qcow2 "$@" ours/top >ours.out 2>ours.err || ours=$?
  expect_eq "$ours" "$theirs" "exit status of: $what ($(cat ours.err))"
  expect_eq "$(cat ours.out)" "$(cat theirs.out)" "output of: $what"
  expect_eq "$(words ours.err)" "$(words theirs.err)" "errors of: $what"
  [ "$format" = raw ] || qemu-img check -q -f "$format" ours/base || fail "base damaged: $what"
  qemu-img check -q ours/top || fail "the image is damaged: $what"
  qemu-img compare -q -f "$format" -F "$format" ours/base theirs/base || fail "base differs: $what"
  qemu-img compare -q -f raw -F qcow2 disk.raw ours/top || fail "the disk has changed: $what"
  expect_eq "$(qemu-img info -f "$format" ours/base | grep virtual)" \
    "$(qemu-img info -f "$format" theirs/base | grep virtual)" "size of the base: $what"
  expect_eq "$(own_parts ours/top)" "$(own_parts theirs/top)" "what the image has: $what"
}

for format in raw qcow2; do
  for options in cluster_size=64k cluster_size=512 extended_l2=on compat=0.10; do
    both "$format" "$options" 4M 4M
    both "$format" "$options" 4M 6M -q
    both "$format" "$options" 6M 4M -d
  done
done

# An image with its data in a file of its own.
make data raw data_file=data.bin 4M 4M
qemu-img convert -O raw data/top disk.raw
fusebay img commit -q data/top
qemu-img compare -q -f raw -F raw disk.raw data/base || fail "base with a data file"
expect_eq "$(own_parts data/top)" "" "what the image has, with a data file"
qemu-img check -q data/top || fail "the image with a data file is damaged"

# Compressed clusters; a snapshot, which keeps its own; the middle of a chain.
make more qcow2 cluster_size=64k 4M 4M
qemu-img snapshot -c before more/top
change qcow2 more/top -c 'write -c -P 6 2560k 64k' -c 'write -P 7 64k 64k'
qemu_create -f qcow2 -b top -F qcow2 more/above
change qcow2 more/above -c 'write -P 8 128k 64k'
qemu-img convert -O raw more/above disk.raw
fusebay img commit -q more/above
qemu-img compare -q -f raw -F qcow2 disk.raw more/top || fail "the middle differs"
fusebay img commit -q more/top
qemu-img compare -q -f raw -F qcow2 disk.raw more/base || fail "the base differs"
qemu-img check -q more/top || fail "the image with a snapshot is damaged"
qemu-img snapshot -a before more/top
expect_contains "$(qemu-io -r -f qcow2 -c 'read -P 3 64k 200k' more/top)" "read 204800/204800"

# Killed at any moment, it has lost nothing and is done again.
make killed qcow2 cluster_size=512 4M 4M
qemu-img convert -O raw killed/top disk.raw
for delay in 0.01 0.03 0.05 0.1 0.2; do
  "$FUSEBAY" img commit -q killed/top &
  sleep "$delay"
  { kill -KILL $! && wait $!; } 2>/dev/null || true
  qemu-img compare -q -U -f raw -F qcow2 disk.raw killed/top || fail "lost after $delay seconds"
done
fusebay img commit -q killed/top
qemu-img compare -q -f raw -F qcow2 disk.raw killed/base || fail "base after several starts"

make progress raw cluster_size=64k 4M 4M
expect_contains "$(fusebay img commit -p -d progress/top 2>&1)" "(100.00/100%)"
expect_fail "Image does not have a backing file" fusebay img commit progress/base
expect_fail "Expecting one image file name" fusebay img commit
expect_fail "Expecting one image file name" fusebay img commit progress/top progress/base
expect_fail "not in qcow2 format" fusebay img commit -f qcow2 progress/base
expect_fail "unknown image format 'vmdk'" fusebay img commit -f vmdk progress/top
expect_fail "missing" fusebay img commit missing
mv progress/base progress/elsewhere
expect_fail "backing file 'base'" fusebay img commit progress/top
