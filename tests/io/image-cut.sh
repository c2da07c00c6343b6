#!/usr/bin/env bash
# An image that is cut while it is exported: reads of what is gone end with zeroes or an error, what
# is left stays right, nothing hangs or spins, and umount works.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_program qemu-img
mountpoint_file m
random_file raw.img 4194304

for format in raw qcow2; do
  qemu-img convert -O "$format" raw.img disk.img
  serve -f "$format" --cache none disk.img m
  same_bytes raw.img m
  truncate -s 1048576 disk.img
  bounded cat m >shown 2>/dev/null || true
  bounded dd if=m of=/dev/null bs=4096 skip=1000 status=none 2>/dev/null || true
  cmp -n 524288 raw.img shown || fail "what is left is wrong"
  expect_idle "$server"
  stop
done
