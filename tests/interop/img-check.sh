#!/usr/bin/env bash
# `fusebay img check` says and repairs what qemu-img check does, of one kind of image, whole and
# damaged in every way of qcow2_damage.py.
# usage: img-check.sh KIND
test_timeout=900
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-img qemu-io
interop=$here/../interop

# create [OPTION]...: an image with data, zero clusters and holes. Less than a refcount block.
create() {
  qemu_create -f qcow2 "$@" disk.qcow2 12M || skip "qemu-img cannot make it: $*"
  scribble 'write -P 1 0 1M' 'write -P 2 5M 200k' 'write -z 7M 1M' 'write -P 3 11M 64k'
}

scribble() {
  local words=() command
  for command in "$@"; do
    words+=(-c "$command")
  done
  bounded qemu-io -f qcow2 "${words[@]}" disk.qcow2 >qemu-io.log || fail "$(cat qemu-io.log)"
}

case $1 in
  plain) create ;;
  cluster-512) create -o cluster_size=512 ;;
  cluster-4k-refcount-8) create -o cluster_size=4k,refcount_bits=8 ;;
  cluster-2m) create -o cluster_size=2M ;;
  extended-l2) create -o extended_l2=on ;;
  v2) create -o compat=0.10 ;;
  refcount-1) create -o refcount_bits=1 ;;
  refcount-4) create -o refcount_bits=4 ;;
  refcount-64) create -o refcount_bits=64,lazy_refcounts=on ;;
  data-file) create -o data_file=disk.data ;;
  preallocated) create -o preallocation=metadata ;;
  backing)
    qemu_create -f raw base.img 6M
    create -b base.img -F raw
    ;;
  compressed)
    python3 >text.img -c '
print("".join(f"{i * i} the quick brown fox\n" * 40 for i in range(9000)))'
    truncate -s 12M text.img
    qemu-img convert -c -O qcow2 text.img disk.qcow2
    scribble 'write -P 4 100k 300k'
    ;;
  snapshots)
    create
    qemu-img snapshot -c one disk.qcow2
    scribble 'write -P 5 512k 1M'
    qemu-img snapshot -c two disk.qcow2
    ;;
  bitmaps)
    create
    qemu-img bitmap --add --enable disk.qcow2 one
    qemu-img bitmap --add disk.qcow2 two
    scribble 'write -P 6 3M 1M'
    ;;
  *) fail "no kind $1" ;;
esac
python3 "$interop/img_check.py" "$FUSEBAY" disk.qcow2 || fail "img check differs"
