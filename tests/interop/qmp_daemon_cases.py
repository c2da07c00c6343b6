"""What two storage daemons are told, in order, after the typical call. Each is a request (a
command's name and its arguments), or bytes as they are."""
import json

FILE = {"driver": "file", "filename": "disk.raw"}
EXPORT = {"type": "fuse", "node-name": "q", "mountpoint": "m"}
NULL = {"type": "null", "data": {}}
IDS = [0, -1, 1.5, "x", "", None, True, [], [1, {"a": None}], {}, {"b": [True, "\u00e4"]}, 2**63,
       "a\"b\\c\n", "\U0001F600"]


def request(name, arguments=None, **more):
    """Bytes of a request."""
    text = {"execute": name, **more}
    if arguments is not None:
        text["arguments"] = arguments
    return json.dumps(text).encode()


def ids():
    """Ids of any type, with replies and with refusals."""
    for value in IDS:
        yield request("query-version", id=value)
        yield request("no-such-command", id=value)
        yield request("blockdev-del", {"node-name": "none"}, id=value)


def framing():
    """Single quotes, several values on a line, what is no request."""
    return [
        b"{'execute': 'query-version', 'id': 'a\\'b'}",
        b"{'execute':'query-version'}{'execute':'query-version','id':2}",
        b'{"execute":"query-version","id":1} {"execute":"nope","id":2}\t{"id":3}',
        b'{"execute":"query-version","id":1}[]{"execute":"query-version","id":2}',
        b'[]', b'1', b'"x"', b'null', b'{}', b'{"id":7}', b'{"execute":1}', b'{"execute":null}',
        b'{"execute":"query-version","more":1}', b'{"execute":"query-version","arguments":[]}',
        b'{"execute":"query-version","arguments":null}', b'}', b']', b'{"a":}', b'{"a" 1}', b'@',
        b'{"execute":"query-version"', b'\xff{"execute":"query-version","id":4}',
        b'{"execute":"query-version","execute":"nope"}', b"{'execute':\"query-version'}",
        b'{"exec-oob":"query-version"}', b'{"execute":"qmp_capabilities"}',
        b'{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}',
    ]


def nodes():
    """Adding, looking for and removing nodes."""
    add = "blockdev-add"
    yield from [
        (add, {}), (add, {"driver": "file"}), (add, {**FILE}), (add, {**FILE, "node-name": "f"}),
        (add, {**FILE, "node-name": "9"}), (add, {**FILE, "node-name": ""}),
        (add, {**FILE, "node-name": "a" * 40}), ("blockdev-del", {"node-name": "a" * 40}),
        (add, {**FILE, "node-name": "a b"}),
        (add, {"driver": "file", "node-name": "x", "filename": "nope"}),
        (add, {"driver": "file", "node-name": "x", "filename": "/"}),
        (add, {"driver": "file", "node-name": "x", "filename": ""}),
        (add, {"driver": "host_device", "node-name": "x", "filename": "disk.raw"}),
        (add, {**FILE, "node-name": "x", "aio": "native"}),
        (add, {**FILE, "node-name": "x", "cache": {"direct": "no"}}),
        (add, {"driver": "qcow2", "node-name": "x", "file": "nope"}),
        (add, {"driver": "qcow2", "node-name": "x", "file": "f"}),
        (add, {"driver": "qcow2", "node-name": "x", "file": FILE}),
        (add, {"driver": "qcow2", "node-name": "x", "file": {**FILE, "filename": "nope"}}),
        (add, {"driver": "raw", "node-name": "x", "file": {**FILE, "filename": "nope"}}),
        (add, {"driver": "raw", "node-name": "x", "file": FILE, "offset": 512, "size": 1 << 40}),
        (add, {"driver": "raw", "node-name": "x", "file": FILE, "offset": 1 << 40}),
        (add, {"driver": "null-co", "node-name": "n", "size": 1 << 20, "read-zeroes": True}),
        (add, {"driver": "null-co", "node-name": "n"}),
        (add, {"driver": "raw", "node-name": "r", "file": "n"}),
        (add, {"driver": "raw", "node-name": "second", "file": "q"}),
        ("blockdev-del", {"node-name": "second"}),
        ("blockdev-del", {"node-name": "n"}), ("blockdev-del", {"node-name": "r"}),
        ("blockdev-del", {"node-name": "n"}), ("blockdev-del", {"node-name": "n"}),
        ("blockdev-del", {"node-name": "f"}), ("blockdev-del", {"node-name": "q"}),
        ("blockdev-del", {"node-name": ""}), ("blockdev-del", {"node-name": []}),
        ("blockdev-del", {"id": "q"}),
        (add, {"driver": "null-co", "node-name": "n", "size": 1 << 20}),
        (add, {**FILE, "node-name": "raw", "read-only": True}),
    ]


def sizes():
    """block_resize and other changes of nodes in use."""
    resize = "block_resize"
    for arguments in [{}, {"size": 1}, {"node-name": "nope", "size": 1024}, {"node-name": "q"},
                      {"node-name": "raw", "size": 1 << 20}, {"node-name": "q", "size": -1},
                      {"node-name": "q", "size": 1.5}, {"node-name": "q", "size": "1M"},
                      {"node-name": "q", "size": None}, {"node-name": "q", "size": 2**63},
                      {"node-name": "q", "size": 2**64}, {"device": "q", "size": 1 << 20},
                      {"node-name": "n", "size": 1 << 21}, {"node-name": "n", "size": 1 << 20},
                      {"node-name": "q", "size": 16 << 20},
                      {"node-name": "q", "size": 32 << 20}]:
        yield resize, arguments
    threshold = "block-set-write-threshold"
    for arguments in [{}, {"node-name": "q"}, {"node-name": "nope", "write-threshold": 1},
                      {"node-name": "q", "write-threshold": -1},
                      {"node-name": "q", "write-threshold": "1M"},
                      {"node-name": "q", "write-threshold": 1 << 62},
                      {"node-name": "q", "write-threshold": 0}]:
        yield threshold, arguments
    yield from [
        ("change-backing-file", {"device": "nope", "image-node-name": "q", "backing-file": "x"}),
        ("change-backing-file", {"device": "q", "image-node-name": "q", "backing-file": "x"}),
        # Not an empty list: QEMU 7.2 ends with a failed assertion.
        ("blockdev-reopen", {"options": [{}]}),
        ("blockdev-reopen", {"options": [FILE]}),
        ("blockdev-reopen", {"options": [{**FILE, "node-name": "nope"}]}),
        ("blockdev-reopen", {"options": [{**FILE, "node-name": "raw", "filename": "other"}]}),
        ("blockdev-reopen", {"options": [{**FILE, "node-name": "raw", "read-only": True}]}),
        ("blockdev-reopen", {"options": [{"driver": "qcow2", "node-name": "q", "file": "f"}]}),
        ("blockdev-reopen", {"options": [{"driver": "qcow2", "node-name": "q", "file": "f",
                                          "read-only": True}]}),
        ("blockdev-reopen", {"options": [{"driver": "raw", "node-name": "q", "file": "f"}]}),
    ]


def exports():
    """Adding and removing exports."""
    add, remove = "block-export-add", "block-export-del"
    yield from [
        (add, {}), (add, {"type": "fuse"}), (add, {**EXPORT}), (add, {**EXPORT, "id": 1}),
        (add, {**EXPORT, "id": ""}), (add, {**EXPORT, "id": "9"}), (add, {**EXPORT, "id": "a b"}),
        (add, {**EXPORT, "id": "e"}), (add, {**EXPORT, "id": "x", "node-name": "nope"}),
        (add, {**EXPORT, "id": "x", "mountpoint": "nope"}),
        (add, {**EXPORT, "id": "x", "mountpoint": "/"}),
        (add, {**EXPORT, "id": "x", "mountpoint": "disk.img"}),
        (add, {**EXPORT, "id": "x", "mountpoint": ""}),
        (add, {**EXPORT, "id": "x", "iothread": "nope"}),
        (add, {**EXPORT, "id": "x", "node-name": "raw", "writable": True}),
        (add, {**EXPORT, "id": "x", "growable": 1}),
        (add, {**EXPORT, "id": "x", "allow-other": "maybe"}),
        (add, {**EXPORT, "id": "x", "more": 1}),
        (add, {**EXPORT, "id": "x"}), (add, {**EXPORT, "id": "x"}), (add, {**EXPORT, "id": "y"}),
        ("query-block-exports", None),
        (remove, {}), (remove, {"id": "nope"}), (remove, {"id": "x", "mode": "soft"}),
        (remove, {"id": 1}), (remove, {"id": "x"}), "events", (remove, {"id": "x"}),
        (add, {**EXPORT, "id": "x", "node-name": "n", "writable": True, "growable": True}),
        (remove, {"id": "x", "mode": "hard"}), "events",
        ("query-block-exports", None),
    ]


def snapshots():
    """Snapshots while an export uses the node."""
    take, sync = "blockdev-snapshot", "blockdev-snapshot-sync"
    top = {"node-name": "q", "snapshot-file": "top.qcow2", "snapshot-node-name": "top"}
    yield from [
        (take, {}), (take, {"node": "nope", "overlay": "n"}), (take, {"node": "q", "overlay": "x"}),
        (take, {"node": "q", "overlay": "n"}), (take, {"node": "q", "overlay": "q"}),
        (take, {"node": "q", "overlay": "f"}),
        (sync, {}), (sync, {"snapshot-file": "x"}), (sync, {**top, "node-name": "nope"}),
        (sync, {**top, "snapshot-node-name": "n"}), (sync, {**top, "format": "nope"}),
        (sync, {**top, "mode": "later"}), (sync, {**top, "snapshot-file": "/no/such/x"}),
        (sync, {**top, "snapshot-node-name": "9"}), (sync, {**top, "mode": "existing",
                                                           "snapshot-file": "nope"}),
        (sync, top), (sync, {**top, "more": 1}), ("query-block-exports", None),
        ("blockdev-del", {"node-name": "q"}),
    ]


def jobs():
    """blockdev-create, and the verbs of jobs."""
    for verb in "cancel", "dismiss", "pause", "resume", "finalize", "complete":
        for arguments in {}, {"id": "nope"}, {"id": 1}:
            yield "job-" + verb, arguments
    make = {"driver": "file", "filename": "made.raw", "size": 1 << 20}
    create = "blockdev-create"
    yield from [
        (create, {}), (create, {"job-id": "j"}), (create, {"options": make}),
        (create, {"job-id": "9", "options": make}),
        (create, {"job-id": "j", "options": {**make, "size": "1M"}}),
        (create, {"job-id": "j", "options": {"driver": "null-co"}}),
        (create, {"job-id": "j", "options": make}), "job", ("query-jobs", None),
        (create, {"job-id": "j", "options": make}), ("job-cancel", {"id": "j"}),
        ("job-pause", {"id": "j"}), ("job-resume", {"id": "j"}), ("job-finalize", {"id": "j"}),
        ("job-complete", {"id": "j"}), ("job-dismiss", {"id": "j"}), ("query-jobs", None),
        (create, {"job-id": "j", "options": {**make, "filename": "/no/such/x"}}), "job",
        ("query-jobs", None), ("job-dismiss", {"id": "j"}),
        (create, {"job-id": "j", "options": {"driver": "qcow2", "file": "nope", "size": 1}}),
        "job", ("query-jobs", None), ("job-dismiss", {"id": "j"}), "events",
    ]


def objects():
    """Iothreads, secrets and the tree of objects."""
    add, thread = "object-add", {"qom-type": "iothread", "id": "t1"}
    secret = {"qom-type": "secret", "id": "s"}
    yield from [
        (add, {}), (add, {"id": "a"}), (add, {"qom-type": "iothread"}), (add, thread),
        (add, thread), (add, {**thread, "id": "9"}), (add, {**thread, "id": "a b"}),
        (add, {**thread, "id": "t2", "poll-max-ns": -1}),
        (add, {**thread, "id": "t2", "poll-max-ns": "1"}), (add, {**thread, "id": "t2", "x": 1}),
        (add, {**thread, "id": "t2", "poll-max-ns": 7, "poll-grow": 2, "poll-shrink": 4}),
        (add, secret), (add, {**secret, "data": "a", "file": "b"}), (add, {**secret, "data": 1}),
        (add, {**secret, "data": "%", "format": "base64"}),
        (add, {**secret, "data": "abc"}), (add, {**secret, "id": "s2", "file": "disk.raw"}),
        (add, {**secret, "id": "s3", "data": "YWJj", "format": "base64"}),
        (add, {**secret, "id": "s4", "format": "rot13", "data": "a"}),
        ("qom-list", {"path": "/objects"}), ("qom-list", {"path": "s"}),
        ("qom-list", {"path": "nope"}), ("qom-list", {"path": "/objects/nope"}),
        ("qom-list", {"path": "/t1"}), ("qom-list", {"path": ""}), ("qom-list", {}),
        ("qom-list", {"path": 1}), ("qom-list", {"path": "//objects/"}),
        ("qom-list-types", {"implements": "nope"}), ("qom-list-types", {"abstract": 1}),
        ("qom-list-properties", {"typename": "nope"}), ("qom-list-properties", {}),
        ("qom-list-properties", {"typename": "user-creatable"}),
        ("qom-list-properties", {"typename": "container"}),
    ]
    for path, names in [("t2", ["type", "poll-max-ns", "poll-grow", "poll-shrink", "nope"]),
                        ("/objects/s3", ["type", "data", "format", "file", "loaded", "nope"]),
                        ("/objects", ["type", "s", "nope"]), ("/", ["type", "objects", "nope"]),
                        ("nope", ["type"])]:
        for name in names:
            yield "qom-get", {"path": path, "property": name}
    for path, name, value in [("t2", "poll-max-ns", 9), ("t2", "poll-max-ns", -1),
                              ("t2", "poll-max-ns", "x"), ("t2", "poll-grow", None),
                              ("t2", "type", "x"), ("t2", "nope", 1), ("s", "data", "new"),
                              ("s", "data", 1), ("s", "format", "base64"), ("s", "format", "x"),
                              ("s", "loaded", False), ("nope", "type", 1), ("/objects", "s", 1)]:
        yield "qom-set", {"path": path, "property": name, "value": value}
        yield "qom-get", {"path": path, "property": name}
    for name in "t1", "t2", "s", "s2", "s3", "s", "nope", "":
        yield "object-del", {"id": name}


def chardevs():
    """Character devices besides the one that is in use."""
    def unix(path, **more):
        return {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": path}},
                                           "wait": False, **more}}
    add, change, remove = "chardev-add", "chardev-change", "chardev-remove"
    yield from [
        (add, {}), (add, {"id": "c"}), (add, {"id": "qmp", "backend": NULL}),
        (add, {"id": "c", "backend": NULL}), (add, {"id": "c", "backend": NULL}),
        (add, {"id": "d", "backend": unix("d.sock")}),
        (add, {"id": "g", "backend": unix("/no/such/g")}),
        (add, {"id": "g", "backend": unix("/no/such/g", server=False)}),
        (add, {"id": "g", "backend": {"type": "nope", "data": {}}}),
        (change, {"id": "c"}), (change, {"id": "none", "backend": NULL}),
        (change, {"id": "qmp", "backend": NULL}), (change, {"id": "c", "backend": NULL}),
        (change, {"id": "c", "backend": unix("c.sock")}),
        ("query-chardev", None), (remove, {"id": "c"}), (remove, {"id": "c"}),
        (remove, {"id": "qmp"}), (remove, {"id": "d"}), (remove, {}), ("query-chardev", None),
    ]


def queries():
    """What can be asked, with good and bad arguments."""
    for name in ("query-block", "query-named-block-nodes", "query-blockstats",
                 "query-block-exports", "query-jobs", "query-chardev", "query-version"):
        yield name, None
        yield name, {}
        yield name, {"nope": 1}
    yield from [
        ("query-named-block-nodes", {"flat": True}), ("query-named-block-nodes", {"flat": 1}),
        ("query-blockstats", {"query-nodes": True}), ("query-blockstats", {"query-nodes": "x"}),
        ("QUERY-VERSION", None), ("query_version", None), ("", None), ("quit", {"x": 1}),
    ]


def all_cases():
    """Everything, in an order in which both daemons are in the same state."""
    for part in (ids, framing, nodes, sizes, exports, objects, chardevs, queries, snapshots, jobs,
                 queries):
        for case in part():
            yield case if isinstance(case, (bytes, str)) else request(*case)
