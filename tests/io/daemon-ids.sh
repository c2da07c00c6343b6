#!/usr/bin/env bash
# Names are given once; what is wrong with them is said in QEMU's words.
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
random_file disk.img 65536
mountpoint_file m n
start_daemon --object iothread,id=t0 --blockdev driver=file,node-name=f,filename=disk.img \
  --export type=fuse,id=e,node-name=f,mountpoint=m
client <<'PY'
from client import *
from qmp import Qmp
monitor = Qmp("qmp.sock")
FILE = {"driver": "file", "filename": "disk.img"}
NULL = {"type": "null", "data": {}}
equal(monitor.refusal("blockdev-add", node_name="f", **FILE), "Duplicate nodes with node-name='f'")
equal(monitor.refusal("blockdev-add", node_name="9", **FILE), "Invalid node-name: '9'")
equal(monitor.refusal("blockdev-add", **FILE), "'node-name' must be specified for the root node")
equal(monitor.refusal("block-export-add", type="fuse", id="e", node_name="f", mountpoint="n"),
      "Block export id 'e' is already in use")
equal(monitor.refusal("block-export-add", type="fuse", id="9", node_name="f", mountpoint="n"),
      "Invalid block export id")
equal(monitor.refusal("block-export-add", type="fuse", id="x", node_name="f", mountpoint="m"),
      "There already is a FUSE export on 'm'")
equal(monitor.refusal("block-export-del", id="x"), "Export 'x' is not found")
equal(monitor.refusal("object-add", qom_type="iothread", id="t0"),
      "attempt to add duplicate property 't0' to object (type 'container')")
equal(monitor.refusal("object-del", id="x"), "object 'x' not found")
equal(monitor.refusal("chardev-add", id="qmp", backend=NULL),
      "Chardev with id 'qmp' already exists")
equal(monitor.refusal("chardev-remove", id="qmp"), "Chardev 'qmp' is busy")
equal(monitor.refusal("chardev-remove", id="x"), "Chardev 'x' not found")
equal(monitor.refusal("blockdev-del", node_name="x"), "Failed to find node with node-name='x'")
equal(monitor.refusal("no-such-command"), "The command no-such-command has not been found")
equal(monitor.run("chardev-add", id="x", backend=NULL), {}, "chardev-add")
equal(sorted(item["label"] for item in monitor.run("query-chardev")), ["qmp", "x"], "chardevs")
equal(monitor.run("chardev-remove", id="x"), {}, "chardev-remove")
PY
quit_daemon
