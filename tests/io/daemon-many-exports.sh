#!/usr/bin/env bash
# Hundreds of exports come and go in one daemon while clients read and write them: all bytes are
# right, afterwards it holds no more memory and descriptors than before, and the last one is added
# nearly as fast as the first. FUSEBAY_TEST_EXPORTS is how many; the curve is printed.
client_timeout=840
test_timeout=870
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
# What a shell has at first; the daemon takes what it may have.
ulimit -S -n 1024
[ "$(ulimit -H -n)" = unlimited ] || [ "$(ulimit -H -n)" -ge 4096 ] || skip "needs 4096 descriptors"
mkdir images mounts
start_daemon --object iothread,id=t0 --blockdev null-co,node-name=n,size=1048576,read-zeroes=on
own=$server client "${FUSEBAY_TEST_EXPORTS:-500}" <<'PY'
from client import *
from qmp import Qmp
import threading
COUNT, ROUNDS, PLACE = int(sys.argv[1]), 4, 30000
# A change waits until nobody is inside any export, which costs some microseconds for each.
MAX_SLOPE = 3
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


def is_writable(i):
    return i % 10 == 0


# What an image may hold at PLACE: the last one, and the one before it.
written = {i: 2 * [b"%6d" % i] for i in range(COUNT) if is_writable(i)}


class Load(threading.Thread):
    """Reads all exports that are `ready` and writes some, until the end or something is wrong."""

    def __init__(self):
        super().__init__()
        self.ready, self.over, self.wrong, self.count = set(), threading.Event(), None, 0

    def run(self):
        while not self.over.wait(0.001):
            for i in list(self.ready):
                time.sleep(0.001)  # so that the load is the same with one export and with many
                try:
                    self.use(i)
                except (OSError, AssertionError) as error:
                    if i in self.ready:
                        self.wrong = f"export {i}: {error!r}"
                        return

    def use(self, i):
        with open(f"mounts/{i}", "r+b" if is_writable(i) else "rb", buffering=0) as file:
            equal(file.read(6), b"%6d" % i, f"export {i}")
            self.count += 1
            if is_writable(i):
                written[i] = [written[i][-1], b"%6d" % self.count]
                equal(os.pwrite(file.fileno(), written[i][-1], PLACE), 6, f"written to {i}")
                equal(os.pread(file.fileno(), 6, PLACE), written[i][-1], f"export {i}")

    def end(self):
        self.over.set()
        self.join()
        if self.wrong is not None:
            fail(self.wrong)


def round_trip(load):
    """Adds all, removes all; seconds per add."""
    times = []
    for i in range(COUNT):
        begin = time.monotonic()
        monitor.run("blockdev-add", driver="file", node_name=f"n{i}", filename=f"images/{i}")
        threads = {"iothread": "t0"} if i % 2 else {}
        monitor.run("block-export-add", type="fuse", id=f"e{i}", node_name=f"n{i}",
                    mountpoint=f"mounts/{i}", writable=is_writable(i), **threads)
        times.append(time.monotonic() - begin)
        if i % 5 == 0:
            load.ready.add(i)
    for i in range(COUNT):
        load.ready.discard(i)
        monitor.run("block-export-del", id=f"e{i}", mode="hard")
        equal(monitor.event("BLOCK_EXPORT_DELETED"), {"id": f"e{i}"})
        monitor.run("blockdev-del", node_name=f"n{i}")
        with open(f"images/{i}", "rb") as image:
            data = image.read()
        if is_writable(i):
            if data[PLACE:PLACE + 6] not in written[i]:
                fail(f"image {i} has {data[PLACE:PLACE + 6]!r} rather than {written[i]}")
            data = data[:PLACE] + b"%6d" % i + data[PLACE + 6:]
        equal(data == b"%6d" % i * 10000, True, f"all else of image {i} is as it was")
    return times


seen, slopes = [], []
for number in range(2 * ROUNDS):
    if number >= ROUNDS and min(slopes) <= MAX_SLOPE:
        break
    load = Load()
    load.start()
    try:
        times = round_trip(load)
    finally:
        load.end()
    parts = [times[i * COUNT // 10:(i + 1) * COUNT // 10] for i in range(10)]
    curve = [sorted(part)[len(part) // 2] for part in parts]
    slopes.append(curve[-1] / curve[0])
    print("ms per add:", *(f"{1000 * seconds:.1f}" for seconds in curve), f"; {load.count} uses")
    seen.append((descriptors(), memory()))
    print(f"descriptors {seen[-1][0]}, memory {seen[-1][1]} KiB")
# The first round fills pools and starts loops.
equal(len({descriptors for descriptors, _ in seen[1:]}), 1, f"numbers of descriptors {seen}")
if seen[-1][1] > seen[1][1] * 1.1 + 1024:
    fail(f"memory grows: {seen}")
# The machine may have other things to do at the end of a round, but not of all.
if min(slopes) > MAX_SLOPE:
    fail(f"the last ones take {min(slopes):.1f} times as long to add as the first ones")
monitor.run("quit")
PY
expect_end
