#!/usr/bin/env bash
# Hundreds of exports come and go in one daemon under I/O: afterwards it holds no more memory and
# descriptors than before, and the last one is added as fast as the first.
# FUSEBAY_TEST_EXPORTS is how many; the curve is printed.
client_timeout=280
test_timeout=290
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
mkdir images mounts
start_daemon --object iothread,id=t0 --blockdev null-co,node-name=n,size=1048576,read-zeroes=on
own=$server client "${FUSEBAY_TEST_EXPORTS:-500}" <<'PY'
from client import *
from qmp import Qmp
import threading
COUNT, ROUNDS = int(sys.argv[1]), 4
monitor, process = Qmp("qmp.sock"), "/proc/" + os.environ["own"]
for i in range(COUNT):
    with open(f"images/{i}", "wb") as image:
        image.write(b"%6d" % i * 10000)
    open(f"mounts/{i}", "w").close()


def memory():
    """KiB that the daemon alone has."""
    with open(process + "/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))


def descriptors():
    return len(os.listdir(process + "/fd"))


def check(i):
    with open(f"mounts/{i}", "rb") as file:
        equal(file.read(6), b"%6d" % i, f"export {i}")


def read_all(exports, stop):
    while not stop.is_set():
        for i in list(exports):
            check(i)


def round_trip():
    """Adds all, reads them meanwhile, removes all; seconds per add."""
    times, ready, stop = [], [], threading.Event()
    reader = threading.Thread(target=read_all, args=(ready, stop))
    reader.start()
    for i in range(COUNT):
        begin = time.monotonic()
        monitor.run("blockdev-add", driver="file", node_name=f"n{i}", filename=f"images/{i}")
        threads = {"iothread": "t0"} if i % 2 else {}
        monitor.run("block-export-add", type="fuse", id=f"e{i}", node_name=f"n{i}",
                    mountpoint=f"mounts/{i}", **threads)
        times.append(time.monotonic() - begin)
        if i % 10 == 0:
            ready.append(i)
    stop.set()
    reader.join()
    for i in range(COUNT):
        monitor.run("block-export-del", id=f"e{i}", mode="hard")
        equal(monitor.event("BLOCK_EXPORT_DELETED"), {"id": f"e{i}"})
        monitor.run("blockdev-del", node_name=f"n{i}")
    return times


seen = []
for number in range(ROUNDS):
    times = round_trip()
    parts = [times[i * COUNT // 10:(i + 1) * COUNT // 10] for i in range(10)]
    curve = [sorted(part)[len(part) // 2] for part in parts]
    print("ms per add:", *(f"{1000 * seconds:.1f}" for seconds in curve))
    seen.append((descriptors(), memory()))
    print(f"descriptors {seen[-1][0]}, memory {seen[-1][1]} KiB")
# The first round fills pools and starts loops.
equal(len({descriptors for descriptors, _ in seen[1:]}), 1, f"numbers of descriptors {seen}")
if seen[-1][1] > seen[1][1] * 1.1 + 1024:
    fail(f"memory grows: {seen}")
monitor.run("quit")
PY
expect_end
