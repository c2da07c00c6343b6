#!/usr/bin/env bash
# Root's exports are read ahead by 1 MiB, with any cache; other mounts are left alone.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
random_file disk.img 65536
mountpoint_file a b

has_read_ahead() { [ "$(read_ahead "$1")" = "$2" ]; } # set when the file is there already
read_ahead() { cat "/sys/class/bdi/$(mount_lines "$1" | cut -d' ' -f3)/read_ahead_kb"; }

serve disk.img a
[ -w "/sys/class/bdi/$(mount_lines a | cut -d' ' -f3)/read_ahead_kb" ] || skip "/sys is read-only"
await has_read_ahead a 1024 || fail "it is $(read_ahead a)"
first=$server
echo 256 >"/sys/class/bdi/$(mount_lines a | cut -d' ' -f3)/read_ahead_kb"
random_file other.img 65536
serve -w --cache writeback other.img b
await has_read_ahead b 1024 || fail "it is $(read_ahead b)"
expect_eq "$(read_ahead a)" 256
stop
stop "$first"
