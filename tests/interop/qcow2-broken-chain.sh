#!/usr/bin/env bash
# A backing file that is missing, is a loop or is not what the image says: refused by name.
. "$(dirname "$0")/../io/lib.sh"
need_fuse
need_fusebay
need_program qemu-img
mountpoint_file m
qemu_create -f qcow2 base.qcow2 4M
qemu_create -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
serve top.qcow2 m
stop

mv base.qcow2 gone.qcow2
expect_fail "base.qcow2" fusebay mount top.qcow2 m
expect_fail "No such file or directory" fusebay mount top.qcow2 m
random_file base.qcow2 65536
expect_fail "base.qcow2" fusebay mount top.qcow2 m
cp top.qcow2 base.qcow2
expect_fail "" fusebay mount top.qcow2 m

qemu_create -f qcow2 -o data_file=disk.data with-data.qcow2 4M
rm disk.data
expect_fail "disk.data" fusebay mount with-data.qcow2 m
qemu_create -f qcow2 --object secret,id=s,data=x \
  -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 secret.qcow2 1M 2>/dev/null ||
  exit 0
expect_fail "secret.qcow2" fusebay mount secret.qcow2 m
expect_contains "$(fusebay mount secret.qcow2 m 2>&1 || true)" "encrypt"
