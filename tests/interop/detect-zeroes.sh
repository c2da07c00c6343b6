#!/usr/bin/env bash
# detect-zeroes=off|on|unmap: zeroes written through an export leave what QEMU's leave: the same
# bytes, the same zero clusters and holes, the same space given back.
. "$(dirname "$0")/../io/lib.sh"
need_fuse
need_fusebay
need_program qemu-img qemu-io fallocate
fallocate -l 4096 can && fallocate -p -l 4096 can || skip "needs a file system with punch hole"

# Data first; then zeroes over whole clusters with and without data, over parts, across their ends.
commands() {
  printf '%s\n' 'write -P 17 0 4M' 'write -P 0 64k 64k' 'write -P 0 256k 1M' 'write -P 0 5M 128k' \
    'write -P 0 2052k 8k' 'write -P 0 2172k 8k' 'write -P 0 2300k 200k' 'write -P 18 6M 64k' \
    'write -P 0 6M 64k' 'write -P 19 6M 4k' 'write -P 0 7M 512'
}

# Where data is and where zeroes are, wherever they lie in the file.
map_of() {
  qemu-img map --output=json "$@" | python3 -c '
import json, sys
runs = []
for e in json.load(sys.stdin):
    if runs and runs[-1][1:] == [e["data"], e["zero"]]:
        runs[-1][0] += e["length"]
    else:
        runs.append([e["length"], e["data"], e["zero"]])
print(runs)'
}
blocks_of() { sync "$1"; stat -c %b "$1"; }

# try FORMAT MODE [qemu-img create -o OPTIONS]
try() {
  local format=$1 mode=$2 what="$1 $2 ${3:-}"
  rm -f theirs.img ours.img
  qemu_create -f "$format" ${3:+-o "$3"} theirs.img 8M
  cp theirs.img ours.img
  commands | bounded qemu-io --image-opts \
    "driver=$format,discard=unmap,detect-zeroes=$mode,file.filename=theirs.img,file.discard=unmap" \
    >qemu-io.log 2>&1
  serve -w -f "$format" --detect-zeroes="$mode" ours.img m
  commands | bounded qemu-io -f raw m >>qemu-io.log 2>&1
  ! grep -qi 'error\|fail' qemu-io.log || fail "$what: qemu-io: $(cat qemu-io.log)"
  stop
  [ "$format" = raw ] || qemu-img check -q ours.img || fail "$what: check"
  qemu-img compare -q -f "$format" -F "$format" ours.img theirs.img ||
    fail "$what: the bytes differ"
  expect_eq "$(map_of -f "$format" ours.img)" "$(map_of -f "$format" theirs.img)" "$what: map"
  [ $(($(blocks_of ours.img) - 256)) -le "$(blocks_of theirs.img)" ] ||
    fail "$what: takes $(blocks_of ours.img) blocks, QEMU's $(blocks_of theirs.img)"
}

mountpoint_file m
for mode in off on unmap; do
  try qcow2 "$mode" cluster_size=64k
  try qcow2 "$mode" cluster_size=4k
  try qcow2 "$mode" extended_l2=on
  try qcow2 "$mode" compat=0.10
  try raw "$mode"
done
expect_usage "detect-zeroes=unmap needs discard=on" \
  fusebay mount -w --detect-zeroes=unmap --discard=off ours.img m
expect_usage "detect-zeroes: unknown mode 'maybe'" fusebay mount --detect-zeroes=maybe ours.img m
