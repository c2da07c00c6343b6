#!/usr/bin/env bash
# An image can be mounted over its own path: it was opened first.
. "$(dirname "$0")/lib.sh"
need_fuse
need_program qemu-img
random_file raw.img 3145728
qemu-img convert -O qcow2 raw.img disk.qcow2
cp disk.qcow2 copy.qcow2

serve -f qcow2 disk.qcow2 disk.qcow2
same_bytes raw.img disk.qcow2
stop
same_bytes copy.qcow2 disk.qcow2

# The mount that a killed server leaves hides the image, and goes before the image is opened.
need_fusebay
dead() { ! timeout 10 stat disk.qcow2 >/dev/null 2>&1; }
for options in "" -w; do
  # shellcheck disable=SC2086
  serve $options disk.qcow2 disk.qcow2
  kill -KILL "$server"
  await ended "$server" || fail "SIGKILL did not end it"
  await dead || fail "no dead mount is left"
  # shellcheck disable=SC2086
  serve $options disk.qcow2 disk.qcow2
  expect_eq "$(mounts_at disk.qcow2)" 1 "mounts"
  same_bytes raw.img disk.qcow2
  expect_fail "There already is a FUSE export on 'disk.qcow2'" \
    fusebay mount disk.qcow2 disk.qcow2
  stop
  same_bytes copy.qcow2 disk.qcow2
done
