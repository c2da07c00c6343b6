#!/usr/bin/env bash
# The whole life of a daemon's disk over QMP: every reply and every event, in order.
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
need_program qemu-img
qemu-img create -q -f qcow2 base.qcow2 16M
mountpoint_file m
start_daemon

client <<'PY'
from client import *
from qmp import Qmp
monitor = Qmp("qmp.sock")
BLOCK = 1 << 20


def write(offset, byte):
    with open("m", "r+b") as file:
        file.seek(offset)
        file.write(bytes([byte]) * BLOCK)
        file.flush()
        os.fsync(file.fileno())


def read(offset):
    with open("m", "rb") as file:
        file.seek(offset)
        data = file.read(BLOCK)
    equal(len(set(data)), 1, f"kinds of bytes at {offset}")
    return data[0]


def done(command, **arguments):
    equal(monitor.run(command, **arguments), {}, command)
    monitor.no_events()


def names():
    return [node["node-name"] for node in monitor.run("query-named-block-nodes")]


# Nodes and an export.
done("object-add", qom_type="iothread", id="t0")
done("blockdev-add", driver="file", node_name="file", filename="base.qcow2", discard="unmap")
done("blockdev-add", driver="qcow2", node_name="base", file="file", discard="unmap")
equal(sorted(names()), ["base", "file"], "nodes")
done("block-export-add", type="fuse", id="e", node_name="base", mountpoint="m", writable=True,
     iothread="t0")
equal(monitor.run("query-block-exports"),
      [{"id": "e", "type": "fuse", "node-name": "base", "shutting-down": False}], "exports")
equal(os.stat("m").st_size, 16 * BLOCK, "size")
write(0, 1)
equal(read(0), 1, "what was written")
write(BLOCK, 2)

# What is used is not taken away.
equal(monitor.refusal("object-del", id="t0"), "object 't0' is in use, can not be deleted")
equal(monitor.refusal("blockdev-del", node_name="base"), "Node base is in use", "blockdev-del")

# A live snapshot while the file is open: writes go to the overlay, and the base keeps its bytes.
stays_open = open("m", "r+b", buffering=0)
done("blockdev-snapshot-sync", node_name="base", snapshot_file="top.qcow2",
     snapshot_node_name="top", format="qcow2")
stays_open.seek(0)
stays_open.write(bytes([3]) * BLOCK)
equal([read(0), read(BLOCK)], [3, 2], "through the overlay")
stays_open.close()
equal(monitor.run("query-block-exports")[0]["node-name"], "top", "the node exported")

# Another size, seen by an open file at once.
with open("m", "rb") as file:
    done("block_resize", node_name="top", size=32 * BLOCK)
    equal(os.fstat(file.fileno()).st_size, 32 * BLOCK, "size of the open file")

# A write above the threshold is told of, once.
done("block-set-write-threshold", node_name="top", write_threshold=16 * BLOCK)
write(31 * BLOCK, 4)
told = monitor.event("BLOCK_WRITE_THRESHOLD")
equal([told["node-name"], told["write-threshold"]], ["top", 16 * BLOCK], "the threshold")
equal(15 * BLOCK < told["amount-exceeded"] <= 16 * BLOCK, True, "how far above it")
write(31 * BLOCK, 4)
monitor.no_events()

# An export in use goes only by force.
with open("m", "rb") as file:
    equal(monitor.refusal("block-export-del", id="e"), "export 'e' still in use")
equal(monitor.run("block-export-del", id="e"), {}, "block-export-del")
equal(monitor.event("BLOCK_EXPORT_DELETED"), {"id": "e"})
equal(monitor.run("query-block-exports"), [], "exports")
equal(os.stat("m").st_size, 0, "the mountpoint itself")

# Read-only from now on.
if "top" in names():
    fail("the overlay outlives its only user")
done("blockdev-add", driver="qcow2", node_name="disk",
     file={"driver": "file", "filename": "top.qcow2"}, backing="base")
done("blockdev-reopen", options=[{"driver": "qcow2", "node-name": "disk", "read-only": True,
                                  "file": {"driver": "file", "filename": "top.qcow2",
                                           "read-only": True}, "backing": "base"}])
equal(monitor.refusal("block-export-add", type="fuse", id="e", node_name="disk", mountpoint="m",
                      writable=True), "Cannot export read-only node as writable")
done("block-export-add", type="fuse", id="e", node_name="disk", mountpoint="m")
equal([read(0), read(BLOCK), read(31 * BLOCK)], [3, 2, 4], "read-only")
expect_errno(errno.EROFS, os.open, "m", os.O_RDWR)

# An image of its own, as a job.
equal(monitor.run("blockdev-create", job_id="new",
                  options={"driver": "file", "filename": "new.raw", "size": BLOCK}), {})
states = []
while "null" not in states:
    data = monitor.event("JOB_STATUS_CHANGE")
    equal(data["id"], "new", "job")
    states.append(data["status"])
    if states[-1] == "concluded":
        equal(monitor.run("query-jobs")[0]["status"], "concluded", "job")
        equal(monitor.run("job-dismiss", id="new"), {}, "job-dismiss")
equal(states, ["created", "running", "waiting", "pending", "concluded", "null"], "states")
equal(os.stat("new.raw").st_size, BLOCK, "size of the new file")

# The end of an export by its user, and of everything.
subprocess.run(["umount", "m"] if os.geteuid() == 0 else ["fusermount3", "-u", "m"], check=True)
equal(monitor.event("BLOCK_EXPORT_DELETED"), {"id": "e"})
done("blockdev-del", node_name="disk")
done("blockdev-del", node_name="base")
done("blockdev-del", node_name="file")
equal(names(), [], "nodes")
done("object-del", id="t0")
equal(monitor.run("quit"), {}, "quit")
monitor.wait_for_end()
monitor.no_events()
PY
expect_end
qemu-img check -q top.qcow2 || fail "the overlay is damaged"
qemu-img check -q base.qcow2 || fail "the base is damaged"
