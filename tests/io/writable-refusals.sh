#!/usr/bin/env bash
# What cannot be written is not exported writable.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
need_program qemu-img
qemu_create -f qcow2 disk.qcow2 4M
printf '\002' | dd of=disk.qcow2 bs=1 seek=79 conv=notrunc status=none # marked as corrupt
random_file disk.img 65536
mountpoint_file m
mkdir host

expect_fail "disk.qcow2: cannot be written: the image is marked as corrupt" \
  fusebay mount -w disk.qcow2 m
mount --bind . host && mount -o remount,bind,ro host || skip "needs bind mounts"
expect_fail "Read-only file system" fusebay mount -w host/disk.img m
expect_fail "disk.img" fusebay mount -w host/disk.img m
serve host/disk.img m
same_bytes disk.img m
stop
umount host
not_mounted m || fail "mounted"
