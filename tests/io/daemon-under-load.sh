#!/usr/bin/env bash
# Snapshots, resizes, reopens and an export that comes and goes under a client that reads it, while
# fio writes and verifies: no error, no wrong byte, no stall above a second, and sound images
# afterwards.
client_timeout=450
test_timeout=510
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
need_program qemu-img fio
rounds=${FUSEBAY_TEST_ROUNDS:-20}
# Images are in memory, where that can be: it is the daemon that must not stall, not a disk.
mkdir images
[ "$(id -u)" != 0 ] || mount -t tmpfs -o size=1g none images || true
qemu-img create -q -f qcow2 images/0.qcow2 64M
mountpoint_file m second
start_daemon --object iothread,id=t0 --object iothread,id=t1 \
  --blockdev driver=qcow2,node-name=d0,file.driver=file,file.filename=images/0.qcow2,discard=unmap \
  --export type=fuse,id=e,node-name=d0,mountpoint=m,writable=on,iothread.0=t0,iothread.1=t1

fio --name=load --filename=m --size=64M --rw=randwrite --bs=4k --ioengine=libaio --iodepth=8 \
  --direct=1 --verify=crc32c --verify_backlog=256 --time_based --runtime=$((rounds * 2 + 10)) \
  --output=fio.json --output-format=json >.log.fio 2>&1 &
load=$!
own_pids+=("$load")
client "$rounds" "$load" <<'PY'
from client import *
from qmp import Qmp
import random
import struct
import threading
monitor, rounds, load = Qmp("qmp.sock"), int(sys.argv[1]), int(sys.argv[2])
BLOCK, MAGIC = 4096, 0xacca


class Reader(threading.Thread):
    """Reads the second export until that has gone: blocks that fio has not written yet are zeroes,
    others begin with its header, which says where the block belongs."""
    reads = with_data = 0

    def __init__(self):
        super().__init__()
        self.fd = os.open("second", os.O_RDONLY)
        self.wrong, self.warm = None, threading.Event()

    def run(self):
        try:
            for i in range(1 << 30):
                offset = random.randrange(64 * MIB // BLOCK) * BLOCK
                self.check(offset, os.pread(self.fd, BLOCK, offset))
                Reader.reads += 1
                if i == 20:
                    self.warm.set()
        except OSError:
            pass  # it is removed
        finally:
            self.warm.set()
            os.close(self.fd)

    def check(self, offset, data):
        if data == bytes(BLOCK):
            return
        Reader.with_data += 1
        magic, _, length, _, place = struct.unpack_from("<HHIQQ", data.ljust(BLOCK))
        if len(data) != BLOCK or (magic, length, place) != (MAGIC, BLOCK, offset):
            self.wrong = f"at {offset}: {len(data)} bytes, {data[:40].hex()}"
            raise OSError(self.wrong)


time.sleep(1)
for i in range(1, rounds + 1):
    monitor.run("blockdev-snapshot-sync", node_name=f"d{i - 1}", snapshot_file=f"images/{i}.qcow2",
                snapshot_node_name=f"d{i}", format="qcow2")
    for size in 96, 64:
        monitor.run("block_resize", node_name=f"d{i}", size=size * MIB)
    monitor.run("block-export-add", type="fuse", id="second", node_name=f"d{i}",
                mountpoint="second", iothread="t1")
    reader = Reader()
    reader.start()
    reader.warm.wait(20)
    monitor.run("block-export-del", id="second", mode="hard")
    equal(monitor.event("BLOCK_EXPORT_DELETED"), {"id": "second"})
    reader.join(20)
    equal((reader.is_alive(), reader.wrong), (False, None), "what the second export's client met")
    for discard in "unmap", "ignore":
        image = {"driver": "file", "filename": f"images/{i}.qcow2", "discard": discard}
        monitor.run("blockdev-reopen", options=[{"driver": "qcow2", "node-name": f"d{i}",
                                                 "file": image, "backing": f"d{i - 1}",
                                                 "discard": discard}])
    os.kill(load, 0)
print(f"second export: {Reader.reads} reads, {Reader.with_data} of them of data")
if Reader.with_data == 0:
    fail("nobody has read data of the second export")
PY
status=0
wait "$load" || status=$?
expect_eq "$status" 0 "exit status of fio: $(tail -5 .log.fio)"
client <<'PY'
from client import *
import json
with open("fio.json") as file:
    text = file.read()
job = json.loads(text[text.index("{"):])["jobs"][0]
equal(job["error"], 0, "fio's error")
for kind in "read", "write":
    slowest = job[kind]["lat_ns"]["max"] / 1e9
    print(f"{kind}: {job[kind]['total_ios']} requests, the slowest {slowest:.3f} s")
    if slowest > 1:
        fail(f"a {kind} took {slowest} s")
PY
quit_daemon
for ((i = 0; i <= rounds; i++)); do
  qemu-img check -q "images/$i.qcow2" || fail "image $i of $rounds is damaged"
done
