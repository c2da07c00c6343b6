#!/usr/bin/env bash
# `fusebay img info` prints what qemu-img info prints, in both forms, and what `fusebay info` does.
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-img qemu-io

# same_info ARGUMENTS...
same_info() {
  local ours theirs
  ours=$(fusebay img info "$@")
  theirs=$(qemu-img info "$@")
  expect_eq "$ours" "$theirs" "info $*"
  expect_eq "$(fusebay info "$@")" "$theirs" "fusebay info $*"
  ours=$(fusebay img info --output=json "$@" | python3 -m json.tool --sort-keys)
  theirs=$(qemu-img info --output=json "$@" | python3 -m json.tool --sort-keys)
  expect_eq "$ours" "$theirs" "info --output=json $*"
}

sparse_file x.raw 1M
same_info x.raw
for options in compat=v2 compat=v3 lazy_refcounts=on refcount_bits=1 cluster_size=2M \
  extended_l2=on compression_type=zstd preallocation=metadata data_file=d.raw \
  data_file=e.raw,data_file_raw=on; do
  qemu_create -f qcow2 -o "$options" x.qcow2 10M
  same_info x.qcow2
  qemu-io -c 'write 1M 1M' x.qcow2 >/dev/null
  same_info -f qcow2 x.qcow2
done
qemu_create -f qcow2 base.qcow2 10M
qemu_create -f qcow2 -b base.qcow2 -F qcow2 middle.qcow2
mkdir sub
qemu_create -f qcow2 -b ../middle.qcow2 -F qcow2 sub/top.qcow2 20M
same_info sub/top.qcow2
same_info --backing-chain sub/top.qcow2
same_info -U --backing-chain middle.qcow2
