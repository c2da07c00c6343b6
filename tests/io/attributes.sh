#!/usr/bin/env bash
# What stat shows: one regular file, mode 0400 or 0600, the server's user, the image's size and
# allocation, a useful block size.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_program qemu-img
sparse_file disk.img 16M
dd if=/dev/urandom of=disk.img bs=1M count=3 conv=notrunc,fsync status=none
mountpoint_file m

serve disk.img m
expect_eq "$(stat -c '%i %h %a %u %g %s %F' m)" \
  "1 1 400 $(id -u) $(id -g) 16777216 regular file" "ro export"
[ "$(stat -c %o m)" -ge 4096 ] || fail "st_blksize is $(stat -c %o m)"
expect_eq "$(stat -c %b m)" "$(stat -c %b disk.img)" "st_blocks"
stop

serve -w disk.img m
expect_eq "$(stat -c %a m)" 600 "mode of a writable export"
dd if=/dev/urandom of=m bs=1M count=1 seek=8 conv=notrunc,fsync status=none
expect_eq "$(stat -c %b m)" "$(stat -c %b disk.img)" "st_blocks after a write"
stop

qemu_create -f qcow2 disk.qcow2 1G
serve disk.qcow2 m
expect_eq "$(stat -c %s m)" 1073741824 "size of a qcow2"
[ "$(stat -c %o m)" -ge 4096 ] || fail "st_blksize is $(stat -c %o m)"
[ "$(stat -c %b m)" -le 4096 ] || fail "st_blocks of an empty qcow2: $(stat -c %b m)"
stop
