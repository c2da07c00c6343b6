#!/usr/bin/env bash
# An ext4 file system lives in a writable export: mkfs, loop mount, a tree, fstrim, umount, fsck.
# usage: raw-ext4.sh CACHE
test_timeout=360
. "$(dirname "$0")/../io/lib.sh"
need_loop
need_fuse
need_program mkfs.ext4 e2fsck fstrim tar
sparse_file disk.img 512M
mountpoint_file m
mkdir inside
tree=/usr/share/doc
[ -d "$tree" ] || tree=/etc

serve -w --cache "$1" disk.img m
bounded mkfs.ext4 -q m
loop_device loop m
bounded mount "$loop" inside
bounded tar -C "$tree" --ignore-failed-read -cf tree.tar . 2>/dev/null || true
bounded tar -C inside --no-same-owner -xf tree.tar
rm -rf inside/a*
dd if=/dev/urandom of=inside/large bs=1M count=24 status=none
sync -f inside
rm inside/large
sync -f inside
before=$(stat -c %b disk.img)
bounded fstrim inside
[ "$(stat -c %b disk.img)" -le $((before - 40000)) ] || fail "fstrim gave nothing back"
(cd inside && find . -type f -exec sha256sum {} + | sort) >before
[ -s before ] || fail "no files in the tree"
bounded umount inside
losetup -d "$loop"
bounded e2fsck -fn m >fsck.log 2>&1 || fail "e2fsck: $(cat fsck.log)"
stop

# The same from the image itself, without the export.
bounded e2fsck -fn disk.img >fsck.log 2>&1 || fail "e2fsck of the image: $(cat fsck.log)"
mount -o loop,ro disk.img inside
(cd inside && find . -type f -exec sha256sum {} + | sort) >after
umount inside
same_bytes before after
