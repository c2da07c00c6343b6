#!/usr/bin/env bash
# Where the kernel's FUSE cannot be had, the message says so and nothing is left behind.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
need_namespaces
random_file disk.img 65536
mountpoint_file m

hidden() { unshare -m sh -c 'mount --bind /dev/null /dev/fuse && exec timeout 120 "$@"' sh "$@"; }
expect_fail "Failed to mount FUSE session to export" hidden "$FUSEBAY" mount disk.img m
not_mounted m || fail "mounted"
expect_no_daemons
