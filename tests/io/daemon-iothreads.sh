#!/usr/bin/env bash
# An export runs on the iothreads it names, on all of them and no others; without any on the default
# loops, which are there only then.
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
random_file disk.img 33554432
mountpoint_file one list plain
start_daemon --object iothread,id=t0 --object iothread,id=t1 --object iothread,id=t2 \
  --blockdev driver=file,node-name=f,filename=disk.img
export daemon=$server

client <<'PY'
from client import *
from qmp import Qmp
monitor = Qmp("qmp.sock")
tasks = "/proc/" + os.environ["daemon"] + "/task"


def loops():
    """CPU time in ticks of every loop, by its thread's name."""
    times = {}
    for task in os.listdir(tasks):
        text = open(f"{tasks}/{task}/stat").read()
        name = text[text.index("(") + 1:text.rindex(")")]
        if name.startswith(("IO ", "fusebay-io")):
            fields = text[text.rindex(")") + 2:].split()
            times[name] = int(fields[11]) + int(fields[12])
    return times


def load(path, threads):
    """Reads past the page cache until about a second of CPU time is used."""
    program = ("import mmap, os, sys\n"
               "fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)\n"
               "buffer = mmap.mmap(-1, 4096)\n"
               "for i in range(15000): os.preadv(fd, [buffer], i % 8192 * 4096)\n")
    readers = [subprocess.Popen([sys.executable, "-c", program, path]) for _ in range(threads)]
    equal([reader.wait() for reader in readers], [0] * threads, "readers")


def busy(path, threads):
    before = loops()
    load(path, threads)
    return {name for name, time in loops().items() if time - before.get(name, 0) >= 2}


equal(sorted(loops()), ["IO t0", "IO t1", "IO t2"], "loops before an export")
monitor.run("block-export-add", type="fuse", id="one", node_name="f", mountpoint="one",
            iothread="t0")
equal(busy("one", 4), {"IO t0"}, "loops that work for one iothread")
monitor.run("block-export-add", type="fuse", id="list", node_name="f", mountpoint="list",
            iothread=["t1", "t2"])
equal(busy("list", 8), {"IO t1", "IO t2"}, "loops that work for a list")
equal([name for name in loops() if name.startswith("fusebay-io")], [], "default loops")
monitor.run("block-export-add", type="fuse", id="plain", node_name="f", mountpoint="plain")
equal(busy("plain", 4) & {"IO t0", "IO t1", "IO t2"}, set(), "iothreads that work for no name")

for thread in "t0", "t1", "t2":
    equal(monitor.refusal("object-del", id=thread),
          f"object '{thread}' is in use, can not be deleted")
equal(monitor.refusal("block-export-add", type="fuse", id="x", node_name="f", mountpoint="m",
                      iothread="nope"), 'iothread "nope" not found')
monitor.run("block-export-del", id="list")
monitor.event("BLOCK_EXPORT_DELETED")
monitor.run("object-del", id="t1")
monitor.run("object-del", id="t2")
monitor.run("qom-set", path="t0", property="poll-max-ns", value=0)
equal(monitor.run("qom-get", path="/objects/t0", property="poll-max-ns"), 0, "poll-max-ns")
equal(busy("one", 2), {"IO t0"}, "loops that work for one iothread")
PY
quit_daemon
