#!/usr/bin/env bash
# Set-user-ID and set-group-ID go when somebody without privilege changes the file, and whoever
# changes its owner, as on other file systems.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
need_program runuser
chmod 755 .
mountpoint_file m
as_nobody() { bounded runuser -u nobody -- "$@"; }
mode_is() { [ "$(stat -c %a m)" = "$1" ]; }
expect_mode() { await mode_is "$1" || fail "mode after $2: $(stat -c %a m), expected $1"; }

for cache in auto none writeback; do
  random_file disk.img 65536
  serve -w --growable --cache "$cache" --allow-other=on disk.img m

  chmod 6777 m
  as_nobody dd if=/dev/zero of=m bs=512 count=1 conv=notrunc,fsync status=none
  expect_mode 777 "a write ($cache)"
  chmod 6767 m
  as_nobody dd if=/dev/zero of=m bs=512 count=1 conv=notrunc,fsync status=none
  expect_mode 2767 "a write where the group cannot execute ($cache)"
  chmod 6777 m
  as_nobody truncate -s 32768 m
  expect_mode 777 "a truncate ($cache)"
  chmod 6777 m
  as_nobody fallocate -l 4096 m
  expect_mode 777 "a fallocate ($cache)"
  chmod 6777 m
  as_nobody dd if=/dev/zero of=m bs=32K count=1 conv=fsync status=none
  expect_mode 777 "an open that truncates ($cache)"
  chmod 6777 m
  dd if=/dev/zero of=m bs=512 count=1 conv=notrunc,fsync status=none
  expect_eq "$(stat -c '%a %s' m)" "6777 32768" "after a write by root ($cache)"
  chown nobody m
  expect_mode 777 "a chown ($cache)"
  stop
done
