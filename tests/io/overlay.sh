#!/usr/bin/env bash
# --overlay: the image stays as it is; the writes are in a file, or gone when the process ends.
. "$(dirname "$0")/lib.sh"
need_fusebay
need_fuse
need_program qemu-img qemu-io

# put TEXT OFFSET FILE
put() { printf '%s' "$1" | dd of="$3" bs=1 seek="$2" conv=notrunc,fsync status=none; }
get() { dd if="$1" bs=1 skip="$2" count="$3" status=none; }
expect_unchanged() { expect_eq "$(sha256sum <"$1")" "$2" "contents of $1"; }

export TMPDIR=$dir/tmp
mkdir tmp
qemu_create -f qcow2 disk.qcow2 4M
bounded qemu-io -f qcow2 -c 'write -P 65 0 1M' disk.qcow2 >/dev/null
random_file disk.raw 3000000
cp disk.raw old.raw
mountpoint_file m
before=$(sha256sum <disk.qcow2)

# A temporary one: written, read back, and gone without a trace, for every way to end.
for signal in TERM KILL; do
  serve --overlay disk.qcow2 m
  put hello 1000 m
  expect_eq "$(get m 999 7)" "AhelloA" "what is read back"
  expect_eq "$(ls -A tmp)" "" "files in TMPDIR"
  kill -"$signal" "$server"
  await ended "$server" || fail "still running after SIG$signal"
  wait "$server" || true
  umount -l m 2>/dev/null || fusermount3 -u -z m 2>/dev/null || true
  expect_unchanged disk.qcow2 "$before"
  expect_eq "$(ls -A tmp)" "" "files left behind"
done

# Several mountpoints, in the background, of a raw image whose size is no multiple of 512.
mountpoint_file n
fusebay mount --overlay --growable disk.raw m n
put hello 3000100 m
expect_eq "$(get n 3000100 5)" "hello" "at the other mountpoint"
fusebay umount m n
expect_no_daemons
same_bytes disk.raw old.raw

# A part of a raw image, and a snapshot.
serve --overlay --format raw --offset 512 --size 1024 disk.raw m
put hello 0 m
cmp <(tail -c +513 old.raw | head -c 1024 | tail -c +6) <(tail -c +6 m) || fail "the part differs"
stop
qemu-img snapshot -c before disk.qcow2
bounded qemu-io -f qcow2 -c 'write -P 66 0 1M' disk.qcow2 >/dev/null
serve --overlay --snapshot before disk.qcow2 m
put hello 1 m
expect_eq "$(get m 0 7)" "AhelloA" "the snapshot with what was written"
stop

# With a name: made, used again, and as QEMU sees it.
mkdir folder
before=$(sha256sum <disk.qcow2)
serve --overlay=folder/o.qcow2 disk.qcow2 m
put hello 1 m
expect_fail "lock" fusebay mount --overlay=folder/o.qcow2 disk.qcow2 n
stop
serve --overlay=folder/o.qcow2 disk.qcow2 m
expect_eq "$(get m 0 7)" "BhelloB" "what was written before"
put world 7 m
stop
expect_unchanged disk.qcow2 "$before"
info=$(qemu-img info folder/o.qcow2)
expect_contains "$info" "backing file: $dir/disk.qcow2"
expect_contains "$info" "backing file format: qcow2"
qemu-img check -q folder/o.qcow2 || fail "the overlay is damaged"
expect_contains "$(qemu-io -r -f qcow2 -c 'read -v 0 16' folder/o.qcow2)" "BhelloBworld"

# QEMU's own overlays, with a relative name.
qemu_create -f qcow2 -b ../disk.raw -F raw folder/r.qcow2
serve --overlay=folder/r.qcow2 disk.raw m
put hello 1 m
stop
same_bytes disk.raw old.raw

# What is no overlay of the image is refused and stays what it was, and no new file is left.
expect_fail "folder/o.qcow2: its backing file is '$dir/disk.qcow2', not 'disk.raw'" \
  fusebay mount --overlay=folder/o.qcow2 disk.raw m
expect_fail "disk.qcow2: this image has no backing file" \
  fusebay mount --overlay=disk.qcow2 disk.raw m
expect_fail "not in qcow2 format" fusebay mount --overlay=old.raw disk.raw m
expect_fail "its backing file's format is 'qcow2'" \
  fusebay mount --format raw --overlay=folder/o.qcow2 disk.qcow2 m
expect_fail "Could not create 'nowhere/o.qcow2'" \
  fusebay mount --overlay=nowhere/o.qcow2 disk.raw m
expect_fail "missing.raw" fusebay mount --overlay=new.qcow2 missing.raw m
expect_fail "" fusebay mount --overlay=new.qcow2 disk.raw missing
[ ! -e new.qcow2 ] || fail "an overlay that was never used is left"
expect_fail "temporary file in '$dir/nowhere'" env TMPDIR="$dir/nowhere" \
  "$FUSEBAY" mount --overlay disk.raw m
expect_usage "temporary" fusebay mount --overlay=o.qcow2 --offset 512 disk.raw m
