#!/usr/bin/env bash
# fusebay and QEMU's tools refuse to harm each other: both speak the same image locks.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_program qemu-img qemu-io qemu-storage-daemon
random_file disk.img 1048576
mountpoint_file m other
write_it() { qemu-io -f raw -c 'write 0 512' disk.img; }
read_it() { qemu-io -r -f raw -c 'read 0 512' disk.img; }

serve -w disk.img m
expect_fail 'Failed to get "write" lock' write_it
expect_fail 'Failed to get shared "write" lock' qemu-img convert -f raw -O raw disk.img copy.img
expect_fail 'Failed to get "write" lock' fusebay mount -w disk.img other
expect_fail 'Failed to get shared "write" lock' fusebay mount disk.img other
stop

serve disk.img m
expect_fail 'Failed to get "write" lock' write_it
read_it >/dev/null || fail "two readers"
expect_fail 'Failed to get "write" lock' fusebay mount -w disk.img other
fusebay mount disk.img other
fusebay umount other
stop

qemu-storage-daemon --blockdev driver=file,node-name=f,filename=disk.img,locking=on \
  --export type=fuse,id=e,node-name=f,mountpoint="$dir/other",writable=on &
own_pids+=("$!")
await is_mounted other || fail "the peer does not mount"
# The peer's export shares writing; ours does not, and that is what clashes.
expect_fail 'Failed to get shared "write" lock' fusebay mount -w disk.img m
expect_fail 'Failed to get shared "write" lock' fusebay mount disk.img m
kill -TERM "$!"
wait "$!" || true
not_mounted m || fail "mounted"
serve -w disk.img m
stop
