#!/usr/bin/env bash
# fsync and fdatasync flush the image to the disk; close does not, unless --writethrough.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_program strace
strace -o trace true 2>/dev/null || skip "needs ptrace"
sparse_file disk.img 1M
mountpoint_file m

syncs() { grep -cE '(fsync|fdatasync|sync_file_range|FSYNC|DSYNC)' trace || true; }
traced() { # OPTIONS...: serves under strace, which ends with it.
  strace -f -qq -e trace=fsync,fdatasync,sync_file_range,pwritev2 -o trace \
    "$FUSEBAY" mount --foreground --aio threads -w "$@" disk.img m >.log.traced 2>&1 &
  own_pids+=("$!")
  server=$!
  await is_mounted m || fail "not mounted"
}

traced
dd if=/dev/zero of=m bs=4096 count=4 conv=notrunc status=none
expect_eq "$(syncs)" 0 "flushes at a write and a close"
dd if=/dev/zero of=m bs=4096 count=4 conv=notrunc,fsync status=none
[ "$(syncs)" -ge 1 ] || fail "fsync did not reach the image"
before=$(syncs)
dd if=/dev/zero of=m bs=4096 count=4 conv=notrunc,fdatasync status=none
[ "$(syncs)" -gt "$before" ] || fail "fdatasync did not reach the image"
before=$(syncs)
dd if=/dev/zero of=m bs=4096 count=4 conv=notrunc status=none
fusebay umount m
expect_end
[ "$(syncs)" -gt "$before" ] || fail "the image was not flushed at the end"

traced --writethrough
dd if=/dev/zero of=m bs=4096 count=1 conv=notrunc status=none
[ "$(syncs)" -ge 1 ] || fail "a write with --writethrough did not reach the disk"
fusebay umount m
expect_end
