#!/usr/bin/env bash
# A second signal ends a server that cannot end in peace: here its image's disk does not answer. One
# signal waits for what runs.
. "$(dirname "$0")/daemon-lib.sh"
need_root
need_fuse
random_file disk.img 4194304
mountpoint_file lower upper late

# The image of the second server is the export of a first one, which is stopped like a dead disk.
serve -w disk.img lower
slow=$server
serve -w --aio threads lower upper
kill -STOP "$slow"
at_exit+=("kill -CONT $slow 2>/dev/null")
bounded dd if=/dev/zero of=upper bs=4096 count=1 conv=notrunc,fsync status=none 2>/dev/null &
own_pids+=("$!")
sleep 2 # until it has been sent
kill -TERM "$server"
sleep 0.5
kill -TERM "$server" 2>/dev/null || true
sleep 0.5
kill -CONT "$slow"
await ended "$server" || fail "the server still runs after the second signal"
not_mounted upper || fail "still mounted"
stop "$slow"

# A daemon's socket and pid file go, too, even while a command waits for such a disk.
serve -w --cache none disk.img lower
slow=$server
start_daemon --pidfile p --blockdev file,node-name=f,filename=lower,aio=threads \
  --export fuse,id=e,node-name=f,mountpoint=upper,writable=on
kill -STOP "$slow"
at_exit+=("kill -CONT $slow 2>/dev/null")
sleep 2 # until nothing that the kernel has been told of is valid any more
qmp block-export-add '{"type": "fuse", "id": "late", "node-name": "f", "mountpoint": "late"}' \
  >/dev/null 2>&1 &
own_pids+=("$!")
sleep 2 # until it has been sent
kill -TERM "$server"
sleep 0.5
[ -e p ] || fail "it has not waited for its disk"
kill -TERM "$server"
await test ! -e p || fail "the pid file stays after the second signal"
[ ! -e qmp.sock ] || fail "the socket stays after the second signal"
not_mounted upper || fail "still mounted"
not_mounted late || fail "the export that was being added is mounted"
kill -CONT "$slow"
expect_end "$server" 1
stop "$slow"

# One signal while a command waits: the command ends first, and has its answer.
serve --cache none disk.img lower
slow=$server
start_daemon --blockdev file,node-name=f,filename=lower,read-only=on,aio=threads
kill -STOP "$slow"
at_exit+=("kill -CONT $slow 2>/dev/null")
sleep 2
client <<PY
from client import *
from qmp import Qmp
monitor = Qmp("qmp.sock")
monitor.send({"execute": "block-export-add", "id": "add", "arguments": {
    "type": "fuse", "id": "late", "node-name": "f", "mountpoint": "late"}})
time.sleep(0.5)
os.kill($server, $(kill -l TERM))
time.sleep(0.5)
os.kill($slow, $(kill -l CONT))
equal(monitor.reply(), {"return": {}, "id": "add"}, "the reply")
monitor.wait_for_end()
PY
expect_end
not_mounted late || fail "the export that was being added is mounted"
stop "$slow"
