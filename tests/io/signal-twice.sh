#!/usr/bin/env bash
# A second signal ends a server that cannot end in peace: here its image's disk does not answer.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
random_file disk.img 4194304
mountpoint_file lower upper

# The image of the second server is the export of a first one, which is stopped like a dead disk.
serve -w disk.img lower
slow=$server
serve -w --aio threads lower upper
kill -STOP "$slow"
at_exit+=("kill -CONT $slow 2>/dev/null")
bounded dd if=/dev/zero of=upper bs=4096 count=1 conv=notrunc,fsync status=none 2>/dev/null &
own_pids+=("$!")
sleep 0.5
kill -TERM "$server"
sleep 0.5
kill -TERM "$server" 2>/dev/null || true
sleep 0.5
kill -CONT "$slow"
await ended "$server" || fail "the server still runs after the second signal"
not_mounted upper || fail "still mounted"
stop "$slow"
