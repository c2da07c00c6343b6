#!/usr/bin/env bash
# `fusebay img map` prints what qemu-img map prints, in both forms, for every kind of cluster.
test_timeout=540
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-img qemu-io

# same_map ARGUMENTS...: the same output, and the same message and exit code.
same_map() {
  local output ours theirs our_code their_code message
  for output in human json; do
    our_code=0 their_code=0
    ours=$(fusebay img map --output="$output" "$@" 2>err.ours) || our_code=$?
    theirs=$(qemu-img map --output="$output" "$@" 2>err.theirs) || their_code=$?
    # Byte for byte: with the new line at the end that $() takes away.
    expect_eq "$ours" "$theirs" "map --output=$output $*"
    expect_eq "$our_code" "$their_code" "exit code of map --output=$output $*"
    message=$(sed 's/^qemu-img: //' err.theirs | head -1)
    expect_contains "$(cat err.ours)" "$message"
  done
}

# write IMAGE COMMAND...: qemu-io commands.
write() {
  local image=$1 arguments=()
  shift
  for command in "$@"; do
    arguments+=(-c "$command")
  done
  qemu-io -f qcow2 "${arguments[@]}" "$image" >/dev/null || fail "qemu-io fails on $image"
}

# Data, zeroes with and without a place, discarded clusters, and places out of order.
fill() { # IMAGE
  write "$1" 'write 1M 200k' 'write -z 1100k 64k' 'write -z -u 1216k 64k' 'discard 1024k 64k' \
    'write 64k 1k' 'write 0 64k' 'write -z 2M 1M' 'write 3000k 300k' 'write 128k 64k'
}

# --- raw ---
random_file whole.raw 65536
same_map -f raw whole.raw
random_file odd.raw 9000
same_map -f raw odd.raw
sparse_file odd.raw 100001
same_map -f raw odd.raw
sparse_file holes.raw 4M
for at in 0 3 7 100 101; do
  dd if=whole.raw of=holes.raw bs=4096 count=1 seek="$at" conv=notrunc status=none
done
same_map -f raw holes.raw
sparse_file hole.raw 1M
same_map -f raw hole.raw
: >empty.raw
same_map -f raw empty.raw

# --- one qcow2 image ---
for options in cluster_size=512 cluster_size=4k cluster_size=64k cluster_size=2M compat=v2 \
  extended_l2=on extended_l2=on,cluster_size=16k preallocation=metadata preallocation=falloc \
  extended_l2=on,preallocation=metadata data_file=d.raw data_file=e.raw,data_file_raw=on \
  data_file=f.raw,preallocation=metadata data_file=g.raw,extended_l2=on,preallocation=metadata; do
  image=${options//[=,.]/-}.qcow2
  qemu_create -f qcow2 -o "$options" "$image" 5M
  same_map "$image"
  fill "$image"
  same_map "$image"
  write "$image" 'write -z 0 128k' 'write -z 1M 64k'
  same_map "$image"
done
qemu_create -f qcow2 none.qcow2 0
same_map none.qcow2
qemu_create -f qcow2 small.qcow2 1536
write small.qcow2 'write 512 512'
same_map small.qcow2

# --- chains ---
qemu_create -f qcow2 base.qcow2 3M
write base.qcow2 'write 0 3M' 'write -z 1M 100k' 'discard 2M 64k'
qemu_create -f qcow2 -b base.qcow2 -F qcow2 -o extended_l2=on middle.qcow2 6M
write middle.qcow2 'write 1000k 10k' 'write -z 1200k 200k' 'write 4M 1M'
qemu_create -f qcow2 -b middle.qcow2 -F qcow2 -o cluster_size=4k top.qcow2 5M
same_map top.qcow2
write top.qcow2 'write 20k 10k' 'write -z 2M 50k' 'write 4M 10k'
same_map top.qcow2
mkdir elsewhere
qemu_create -f qcow2 -b "$dir/base.qcow2" -F qcow2 elsewhere/absolute.qcow2
qemu_create -f qcow2 -b ../base.qcow2 -F qcow2 elsewhere/relative.qcow2
same_map elsewhere/absolute.qcow2
same_map elsewhere/relative.qcow2
for base in odd holes hole; do
  qemu_create -f qcow2 -b "$base.raw" -F raw over.qcow2 6M
  same_map over.qcow2
  write over.qcow2 'write 64k 100k'
  same_map over.qcow2
done
qemu_create -f qcow2 -b odd.raw -F raw over.qcow2 6M
qemu_create -f qcow2 -b over.qcow2 -F qcow2 over2.qcow2
same_map over2.qcow2

# --- compressed: the human form refuses ---
qemu-img convert -f raw -O qcow2 -c holes.raw compressed.qcow2
same_map compressed.qcow2
qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd,cluster_size=4k holes.raw zstd.qcow2
same_map zstd.qcow2
write compressed.qcow2 'write 64k 64k'
same_map compressed.qcow2

# --- a part ---
for part in "0 1" "1 1" "100k 1M" "1M 0" "1M 1E" "4M 5M" "5M 1" "6M 1" "0 5M" "511 514"; do
  read -r start length <<<"$part"
  same_map --start-offset="$start" --max-length="$length" top.qcow2
  same_map -s "$start" -l "$length" -f raw holes.raw
done
same_map -s 1100k top.qcow2
same_map -l 1100k top.qcow2
same_map -s 0x10000 -l 1.5M top.qcow2

# --- -f, -U, and what is wrong ---
same_map -f raw top.qcow2
same_map -U top.qcow2
for arguments in "-s -1 x" "-s 8E x" "-l 1x x" "-l 8E x" ""; do
  # shellcheck disable=SC2086
  message=$(qemu-img map $arguments 2>&1 | sed 's/^qemu-img: //' | head -1 | cut -c 1-60) || true
  # shellcheck disable=SC2086
  expect_usage "$message" fusebay img map $arguments
done
expect_fail "No such file or directory" fusebay img map nowhere.qcow2
expect_usage "unknown format 'vmdk'" fusebay img map -f vmdk x
expect_usage "output" fusebay img map --output=xml x
