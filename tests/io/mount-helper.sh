#!/usr/bin/env bash
# `mount -t fuse.fusebay` and /etc/fstab lines work through the helper mount.fuse.fusebay.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
need_program qemu-img
helper=$(dirname "$FUSEBAY")/mount.fuse.fusebay
[ -e "$helper" ] || fail "no $helper"
[ ! -e /sbin/mount.fuse.fusebay ] || skip "a helper is installed already"
ln -s "$helper" /sbin/mount.fuse.fusebay
at_exit+=("rm -f /sbin/mount.fuse.fusebay")
random_file disk.img 1048576
qemu-img convert -O qcow2 disk.img disk.qcow2
cp disk.img reference.img
mountpoint_file m

bounded mount -t fuse.fusebay disk.qcow2 m
same_bytes reference.img m
umount m
expect_no_daemons

# rw alone is mount's default and does not make an export writable.
bounded mount -t fuse.fusebay "$dir/disk.img" "$dir/m" -o rw,noauto,nofail,x-test=1,_netdev
expect_fail "Read-only file system" dd if=/dev/zero of=m bs=512 count=1 conv=notrunc
umount m
expect_no_daemons
bounded mount -t fuse.fusebay disk.img m -o writable,cache=none
dd if=/dev/zero of=m bs=512 count=1 conv=notrunc status=none
umount m
expect_no_daemons
for option in nonsense cache=nonsense writable=7; do
  ! bounded mount -t fuse.fusebay disk.img m -o "$option" 2>message || fail "took -o $option"
  grep -q "${option%%=*}" message || fail "does not name $option: $(cat message)"
done

# An own fstab, as if it were the system's, in an own mount namespace.
printf '%s %s fuse.fusebay format=qcow2,noauto 0 0\n' "$dir/disk.qcow2" "$dir/m" >fstab
[ -e /etc/fstab ] || skip "needs /etc/fstab for its last part"
need_namespaces
bounded unshare -m bash -c '
  mount --bind fstab /etc/fstab && mount m && cmp reference.img m && umount m' || fail "fstab"
expect_no_daemons
