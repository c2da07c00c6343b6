#!/usr/bin/env bash
# allow-other as root: on and auto allow it, off does not.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
need_program runuser
random_file disk.img 65536
mountpoint_file m
chmod 755 .
as_nobody() { bounded runuser -u nobody -- "$@"; }

for value in on auto; do
  serve -w --allow-other="$value" disk.img m
  expect_contains "$(mount_lines m)" allow_other
  expect_fail "Permission denied" as_nobody cat m # mode 0600
  chmod 644 m
  as_nobody cmp disk.img m
  stop
done
serve --allow-other=off disk.img m
[[ "$(mount_lines m)" != *allow_other* ]] || fail "allow_other is set"
expect_fail "Permission denied" as_nobody stat m
same_bytes disk.img m
stop

# Where the program that mounts refuses allow_other, auto does without, and says nothing of it.
need_program fusermount3
cat >mounter <<'SH'
#!/bin/sh
case $* in *allow_other*) echo "allow_other is not allowed here" >&2 && exit 1 ;; esac
exec fusermount3 "$@"
SH
chmod +x mounter
expect_fail "not allowed here" fusebay mount --fusermount ./mounter --allow-other=on disk.img m
output=$(fusebay mount --fusermount "$dir/mounter" -w disk.img m 2>&1 | without_stalls)
expect_eq "$output" "" "what auto says"
[[ "$(mount_lines m)" != *allow_other* ]] || fail "allow_other is set"
expect_fail "Operation not permitted" chmod 644 m
fusebay umount m
expect_no_daemons
