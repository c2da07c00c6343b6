#!/usr/bin/env bash
# Every client negotiates for itself, and events reach all that have.
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
random_file disk.img 1048576
mountpoint_file m
start_daemon --chardev socket,id=second,path=second.sock,server=on,wait=off \
  --monitor chardev=second,pretty=on --blockdev file,node-name=f,filename=disk.img
client <<'PY'
from client import *
from qmp import Qmp
one, same, silent = Qmp("qmp.sock"), Qmp("qmp.sock"), Qmp("qmp.sock", negotiate=False)
pretty = Qmp("second.sock", negotiate=False)
equal(silent.refusal("query-version"),
      "Expecting capabilities negotiation with 'qmp_capabilities'", "before negotiation")
one.run("block-export-add", type="fuse", id="e", node_name="f", mountpoint="m")
equal(same.refusal("block-export-add", type="fuse", id="e", node_name="f", mountpoint="m"),
      "Block export id 'e' is already in use", "the second one")
equal([e["id"] for e in same.run("query-block-exports")], ["e"], "exports")
same.run("block-export-del", id="e")
equal(one.event("BLOCK_EXPORT_DELETED"), {"id": "e"}, "event")
equal(same.event("BLOCK_EXPORT_DELETED"), {"id": "e"}, "event")
silent.run("qmp_capabilities")
silent.no_events()
equal(silent.refusal("qmp_capabilities"),
      "Capabilities negotiation is already complete, command ignored", "twice")
pretty.send(b'{"execute":"qmp_capabilities","id":[1]}')
text = b""
while not text.endswith(b"}\r\n"):
    text += pretty.socket.recv(1 << 16)
equal(text.count(b"\n") > 3, True, f"a reply over several lines: {text}")
one.run("quit")
PY
expect_end
