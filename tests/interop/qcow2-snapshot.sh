#!/usr/bin/env bash
# --snapshot shows the disk at the time of an internal snapshot, by name or id, at its size then.
. "$(dirname "$0")/../io/lib.sh"
. "$here/../interop/images.sh"
need_fuse
need_fusebay
need_program qemu-img qemu-io
qemu_create -f qcow2 disk.qcow2 24M
mountpoint_file m
scribble disk.qcow2 1
qemu-img snapshot -c "first one" disk.qcow2
scribble disk.qcow2 2
qemu-img snapshot -c second disk.qcow2
scribble disk.qcow2 3

for name in "first one" second 1 2; do
  qemu-img convert -l "$name" -O raw disk.qcow2 reference.img
  serve --snapshot "$name" disk.qcow2 m
  expect_eq "$(size_of m)" "$(size_of reference.img)" size
  same_bytes reference.img m
  stop
done
qemu-img convert -O raw disk.qcow2 reference.img
serve disk.qcow2 m
same_bytes reference.img m
stop

expect_fail "third" fusebay mount --snapshot third disk.qcow2 m
expect_usage "snapshot" fusebay mount -w --snapshot second disk.qcow2 m
fusebay info --output=json disk.qcow2 >ours.json
qemu-img info --output=json disk.qcow2 >theirs.json
bounded python3 "$here/../interop/compare_info.py" ours.json theirs.json || fail "info"
expect_contains "$(fusebay info disk.qcow2)" "first one"
