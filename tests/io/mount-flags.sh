#!/usr/bin/env bash
# The mount table shows what an export is: ro or rw, nosuid, nodev, noatime, the image, fusebay; and
# the flags that were asked for.
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

# has_flags LIST OPTION...: an export with these options has the flags of the list.
has_flags() {
  local flag wanted=$1
  shift
  serve "$@" disk.img m
  flags=,$(mount_lines m | cut -d' ' -f6),$(mount_lines m | sed 's/.* //'),
  for flag in ${wanted//,/ }; do
    expect_contains "$flags" ",$flag,"
  done
}
has_flags rw,noexec,nosuid,nodev,noatime -o writable,noexec
stop
has_flags rw,noexec,dirsync -w -o dirsync,user=joe --auto-unmount
stop

# What noexec is for.
printf '#!/bin/sh\necho ran\n' >script.img
mountpoint_file script
for option in exec noexec; do
  serve -f raw -w -o "$option" script.img script
  chmod u+x script
  if [ "$option" = exec ]; then
    expect_eq "$(./script)" ran
  else
    expect_status 126 "Permission denied" bash -c ./script
  fi
  stop
done
