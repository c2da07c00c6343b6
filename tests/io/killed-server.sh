#!/usr/bin/env bash
# After kill -9 the dead mount answers with an error at once, and a new mount on the same mountpoint
# cleans it up; the data that fsync returned for is there.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
mountpoint_file m
not_connected() { [[ "$(timeout 10 cat m 2>&1)" == *"Transport endpoint is not connected"* ]]; }

for turn in 1 2 3; do
  random_file disk.img 1048576
  serve -w disk.img m
  dd if=/dev/zero of=m bs=4096 count=5 conv=notrunc,fsync status=none
  exec 9<m
  kill -KILL "$server"
  await ended "$server" || fail "SIGKILL did not end it"
  await not_connected || fail "the dead mount says: $(timeout 10 cat m 2>&1 | head -c 200)"
  timeout 10 head -c 1 <&9 >/dev/null 2>&1 || true
  [ "$turn" = 3 ] || exec 9<&-

  serve -w disk.img m
  expect_eq "$(mounts_at m)" 1 "mounts"
  same_bytes disk.img m
  cmp -n 20480 m /dev/zero || fail "what was synced is lost"
  stop
  not_mounted m || fail "the dead mount is back"
  exec 9<&-
done
