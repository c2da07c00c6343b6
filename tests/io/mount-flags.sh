#!/usr/bin/env bash
# The mount table shows what an export is: ro or rw, nosuid, nodev, noatime, the image, fusebay.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 65536
mountpoint_file m

serve disk.img m
line=$(mount_lines m)
expect_contains "$line" " - fuse.fusebay $dir/disk.img "
flags=,$(cut -d' ' -f6 <<<"$line"),
for flag in ro nosuid nodev noatime; do
  expect_contains "$flags" ",$flag,"
done
expect_contains ",${line##* }," ",default_permissions,"
stop

serve -w disk.img m
flags=,$(mount_lines m | cut -d' ' -f6),
for flag in rw nosuid nodev noatime; do
  expect_contains "$flags" ",$flag,"
done
stop
