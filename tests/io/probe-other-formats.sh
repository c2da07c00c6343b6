#!/usr/bin/env bash
# An image of a format that fusebay does not read is refused by the format's name, not shown raw;
# --format raw shows it.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_program qemu-img
mountpoint_file m

for format in vmdk vdi vhdx vpc qed parallels luks; do
  options=()
  [ "$format" != luks ] || options=(--object secret,id=s,data=x -o key-secret=s,iter-time=10)
  qemu-img create -q -f "$format" "${options[@]}" "disk.$format" 4M 2>/dev/null || continue
  expect_fail "disk.$format" fusebay mount "disk.$format" m
  message=$(fusebay mount "disk.$format" m 2>&1 || true)
  [[ "${message,,}" == *"$format"*"$format"* ]] || fail "does not name $format: $message"
  serve -f raw "disk.$format" m
  same_bytes "disk.$format" m
  stop
done
expect_usage "vmdk" fusebay mount -f vmdk disk.vmdk m
random_file disk.raw 65536
expect_fail "disk.raw" fusebay mount -f qcow2 disk.raw m
