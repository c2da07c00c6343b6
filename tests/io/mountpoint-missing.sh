#!/usr/bin/env bash
# A mountpoint that does not exist is refused by name, and made with --create.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 1048576

expect_fail "Failed to stat 'nowhere': No such file or directory" fusebay mount disk.img nowhere
[ ! -e nowhere ] || fail "the refused mountpoint was made"
expect_fail "'no/folder': No such file or directory" fusebay mount --create disk.img no/folder

serve --create disk.img nowhere
same_bytes disk.img nowhere
stop
[ -f nowhere ] || fail "the mountpoint went away"
