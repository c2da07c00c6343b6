#!/usr/bin/env bash
# An ordinary user who may open /dev/fuse needs no root: fusermount3 mounts.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
need_program runuser fusermount3
[ -u "$(command -v fusermount3)" ] || skip "needs a setuid fusermount3"
grep -q '^user_allow_other' /etc/fuse.conf 2>/dev/null && skip "user_allow_other is set"
chmod 755 .
cp "$FUSEBAY" ./fusebay # where every user can reach it
FUSEBAY=$dir/fusebay
mkdir -m 700 home
random_file home/disk.img 1048576
mountpoint_file home/m home/foreign
chown -R nobody home
chmod 600 home/disk.img
mode=$(stat -c %a /dev/fuse)
at_exit+=("chmod $mode /dev/fuse")
chmod 0666 /dev/fuse
user() { bounded runuser -u nobody -- env -C home XDG_RUNTIME_DIR="$dir/home" "$@"; }

output=$(user ../fusebay mount disk.img m 2>&1 | without_stalls) || true
is_mounted home/m || fail "mount: $output"
expect_eq "$output" "" "what a mount with allow-other=auto says"
user cmp disk.img m
line=$(mount_lines home/m)
expect_contains "$line" " - fuse.fusebay $dir/home/disk.img "
expect_contains "$line" "user_id=$(id -u nobody)"
expect_eq "$(user stat -c '%a %u' m)" "400 $(id -u nobody)" "mode and owner"
expect_contains "$(user ../fusebay list)" "$dir/home/m"
expect_fail "Permission denied" cat home/m # not for root either: allow_other is off
user ../fusebay umount m
not_mounted home/m || fail "still mounted"

user ../fusebay mount -w disk.img m
user dd if=/dev/zero of=m bs=4096 count=1 conv=notrunc status=none
user fusermount3 -u m
not_mounted home/m || fail "still mounted"
expect_no_daemons
cmp -n 4096 /dev/zero home/disk.img || fail "the write is not in the image"

expect_fail "" user ../fusebay mount --allow-other=on disk.img m
not_mounted home/m || fail "mounted in spite of the refusal"
fusebay mount home/disk.img home/m
expect_fail "m" user ../fusebay umount m # which is root's
is_mounted home/m || fail "unmounted a mount of root's"
fusebay umount home/m
chmod 400 home/disk.img
expect_fail "Permission denied" user ../fusebay mount -w disk.img m
chown root home/foreign
expect_fail "" user ../fusebay mount disk.img foreign
not_mounted home/foreign || fail "mounted on a foreign file"
expect_no_daemons
