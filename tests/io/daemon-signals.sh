#!/usr/bin/env bash
# SIGINT, SIGTERM and SIGHUP end a daemon in peace: status 0, everything flushed, nothing left.
# SIGPIPE does nothing.
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
need_program qemu-img
random_file disk.img 1048576
mountpoint_file m

for signal in INT TERM HUP; do

  start_daemon --pidfile p --blockdev driver=file,node-name=f,filename=disk.img \
    --export type=fuse,id=e,node-name=f,mountpoint=m,writable=on
  head -c 65536 /dev/urandom >new
  dd if=new of=m conv=notrunc status=none
  kill -PIPE "$server"
  client <<PY
from client import *
from qmp import Qmp
monitor = Qmp("qmp.sock")
os.kill($server, $(kill -l "$signal"))
monitor.wait_for_end()
equal(os.path.exists("qmp.sock"), False, "the socket at the end of the connection")
equal([event["event"] for event in monitor.events], ["BLOCK_EXPORT_DELETED"], "events")
within(10, lambda: not os.path.exists("p"), "the end of the pid file")
PY
  not_mounted m || fail "SIG$signal: still mounted"
  # Whoever sees that may start the next one at once.
  "$FUSEBAY" daemon --pidfile p --chardev socket,id=c,path=qmp.sock,server=on,wait=off \
    --blockdev driver=file,node-name=f,filename=disk.img \
    --export type=fuse,id=e,node-name=f,mountpoint=m,writable=on >.log.next 2>&1 &
  next=$!
  own_pids+=("$next")
  expect_end
  cmp -n 65536 new disk.img || fail "SIG$signal: the image is not what was written"
  await test -e p || fail "SIG$signal: the next one does not start: $(cat .log.next)"
  same_bytes disk.img m
  stop "$next"
  not_mounted m || fail "SIG$signal: still mounted"
  [ ! -e p ] || fail "SIG$signal: the pid file stays"
done

# The place is free when the first connection ends, even if another client keeps the daemon waiting.
start_daemon
client <<PY
from client import *
from qmp import Qmp
deaf, monitor = Qmp("qmp.sock"), Qmp("qmp.sock")
for _ in range(8):
    deaf.send({"execute": "query-qmp-schema"})
time.sleep(0.5)
os.kill($server, $(kill -l TERM))
monitor.wait_for_end()
equal(os.path.exists("qmp.sock"), False, "the socket at the end of the connection")
PY
expect_end

# Clients that never stop writing: what they have synced is there, and the image is sound.
for end in quit TERM; do
  rm -f busy.qcow2
  qemu-img create -q -f qcow2 busy.qcow2 64M
  start_daemon --blockdev qcow2,node-name=q,file.driver=file,file.filename=busy.qcow2 \
    --export type=fuse,id=e,node-name=q,mountpoint=m,writable=on
  client "$end" "$server" <<'PY'
from client import *
from qmp import Qmp
import json
import signal
import threading
WRITERS, SLOTS = 4, 64
synced = [0] * (WRITERS * SLOTS)  # a block each: the highest number that a sync has covered
ended = []


def write(first):
    """Numbers block after block, until the file is no more."""
    fd = os.open("m", os.O_RDWR)
    try:
        for number in range(1, 1 << 30):
            block = first + number % SLOTS
            os.pwrite(fd, number.to_bytes(8, "little") * 512, block * MIB // 4)
            os.fsync(fd)
            synced[block] = number
    except OSError as error:
        ended.append(error.errno)


threads = [threading.Thread(target=write, args=(i * SLOTS,)) for i in range(WRITERS)]
monitor = Qmp("qmp.sock")
[thread.start() for thread in threads]
within(240, lambda: all(synced), "the first round of writes")
if sys.argv[1] == "quit":
    monitor.run("quit")
else:
    os.kill(int(sys.argv[2]), signal.SIGTERM)
[thread.join(240) for thread in threads]
equal(len(ended), WRITERS, "writers that have ended")
with open("synced", "w") as file:
    json.dump(synced, file)
PY
  expect_end
  not_mounted m || fail "$end: still mounted"
  qemu-img check -q busy.qcow2 || fail "$end: the image is damaged"
  qemu-img convert -O raw busy.qcow2 busy.raw
  client <<'PY'
from client import *
import json
with open("synced") as file, open("busy.raw", "rb") as image:
    for block, number in enumerate(json.load(file)):
        image.seek(block * MIB // 4)
        data = image.read(PAGE)
        found = int.from_bytes(data[:8], "little")
        if found < number or data != data[:8] * 512:
            fail(f"block {block} is {data[:16].hex()}, expected {number} or later")
PY
done

# Also before it is ready: nobody connects.
launch_daemon --chardev socket,id=w,path=wait.sock,server=on,wait=on
await test -S wait.sock || fail "no socket"
kill -TERM "$server"
expect_end
