"""Inputs to be given to two QMP servers."""
import json

# Whatever the parser may meet.
TEXTS = [
    b'1', b'"x"', b'[1,2]', b'{}', b'{"id":1}', b'{"execute":1}', b'{"execute":null,"id":7}',
    b'{"execute":"nope"}', b'{"execute":"nope","id":{"a":[1,2.5,"x",null,true]}}',
    b'{"execute":"query-version","arguments":1}', b'{"execute":"query-version","arguments":null}',
    b'{"execute":"query-version","foo":1}', b'{"execute":"query-version","arguments":{"x":1}}',
    b'{"exec-oob":"query-version"}', b'{"execute":"a","exec-oob":"query-version"}', b'xyz',
    b'{"execute":xyz}', b'{"execute" "x"}', b'{,}', b'{1:2}', b'{"a":1,}', b'[1,]', b'[,]',
    b'[1 2]', b']', b'}', b'{"a":1]', b'[1}', b':', b',', b'{"a":}', b'{"a"}', b'{null:1}',
    b'{"a":1 "b":2}', b'{"a":1, 3}', b'{"a":1,null}', b"'abc'",
    b"{'execute':'query-version','id':'a\"b'}", b'"\\x"', b'"\\u12"', b'"\\u0000"', b'"\\ud800"',
    b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"\\ud83d x"', b'"\xff"', b'"\xc0\x80"',
    b'"\xed\xa0\x80"', b'\xff{"execute":"query-version"}', b'{"a":\x01{"execute":"query-version"}',
    b'"abc\x01def"', b'"abc\tdef"', b'"abc\ndef"', b'\x80', b'{"a":\x80}', b'@', b'{"a":@@@ 1}',
    b'%d', b'%i', b'[%p]', b'01', b'-', b'-x', b'1.', b'1.e', b'1e', b'1e+', b'.5', b'+1',
    b'1.5e3', b'99999999999999999999', b'-99999999999999999999', b'18446744073709551615', b'-0',
    b'--1', b'1a', b'truex', b'nulls', b'TRUE', b'NaN', b'"a"b"c"', b'/*x*/', b'\\',
    b'{"a":1,"a":2}', b'{"execute":"query-version","id":1,"id":2}', b'[[[', b'"abc', b'{"a":"x}',
    b"'abc\"", b'"abc\\\'def"', b"'a\\'b'", b'"\\/\\b\\f\\n\\r\\t\\\\"', b'#', b'@ 1 "a" 2',
    b'@"{"', b'@[1', b'@,', b'@:1', b"@'{'", b'@\xfe1', b'@\xff 1', b'@\xfd1 [', b'@\x7f1',
    b'@\x01 1', b'1\x80', b'true\x80', b'1"a"', b'0e5', b'0E5', b'1E5 ', b'1.5.2', b'1ee', b'00',
    b'0x1', b'-01', b'true1', b'1true', b'nulltrue', b'{{}:1}', b'{[1}:2}', b'{[1 2]:2}', b'[}]',
    b'{"a"]', b'{"a":1,"a":zz}', b'{"a":1,"a":[}',
    b'{"execute":"query-version"}{"execute":"query-version"}[]{}', b'[' * 1024 + b']' * 1024,
    b'[' * 1030 + b']' * 1030, b'{"a":' * 1024 + b'1' + b'}' * 1024,
    b'{"execute":"query-version","id":"\\u00e9\\u'
    b'd83d\\ude00\xc3\xa9\x7f<&\\u2028\\u001f/\\/\\b\\f\\n"}',
    b'{"execute":"query-version","id":"\\uFFFF"}', b'{"execute":"query-version","id":"\\uFDD0"}',
    b'{"execute":"query-version","id":"a\\u0000b"}', b'{"execute":"query-version","id":"\\U0041"}',
    b'{"execute":"query-version","id":"\\u004G"}', b'{"execute":"query-version","id":"\\u00e"}',
    b'{"execute":"query-version","id":"\\ud800\\u0041"}',
    b'{"execute":"query-version","id":"\xc1\x81"}',
    b'{"execute":"query-version","id":"\xe0\x80\x80"}',
    b'{"execute":"query-version","id":"\xf4\x90\x80\x80"}',
    b'{"execute":"query-version","id":"\xef\xbf\xbf"}',
    b'{"execute":"query-version","id":"\xe2\x82"}',
    b'{"execute":"query-version","id":"\xf8\x88\x80\x80\x80"}',
    b'{"execute":"query-version","id":'
    b'[0.1,1e10,1.5,-0.0,1e100,1e-7,100.0,1e17,123456.789,-5,-0,1e-400]}',
    b'{"execute":"query-version","id":18446744073709551615}',
]

FILE = {"driver": "file", "filename": "/nonexistent/x"}
ADD = [
    {}, {"driver": 1}, {"driver": "foo"}, {"driver": None}, {"driver": "file"},
    {"driver": "file", "filename": 1}, {**FILE, "foo": 1}, {**FILE, "cache": 1},
    {**FILE, "cache": {"direct": 1}}, {**FILE, "cache": {"foo": 1}}, {**FILE, "aio": "zz"},
    {**FILE, "aio": None}, {**FILE, "cache": {"direct": "on"}}, {**FILE, "read-only": 0},
    {**FILE, "read-only": []}, {**FILE, "discard": "zz"}, {**FILE, "node-name": {}},
    {"driver": "qcow2"}, {"driver": "qcow2", "file": 1}, {"driver": "qcow2", "file": None},
    {"driver": "qcow2", "file": {}}, {"driver": "qcow2", "file": {"driver": "file"}},
    {"driver": "qcow2", "file": {"driver": "foo"}}, {"driver": "qcow2", "file": []},
    {"driver": "qcow2", "file": {**FILE, "cache": {"x": 1}}},
    {"driver": "qcow2", "file": {"driver": "raw", "file": {"driver": "raw", "file": 7}}},
    {"driver": "qcow2", "file": {"driver": "raw", "file": {"driver": "raw", "file": {}}}},
    {"driver": "qcow2", "file": "a", "backing": 3},
    {"driver": "qcow2", "file": "a", "backing": None},
    {"driver": "qcow2", "file": "a", "backing": {"driver": "null-co", "size": "1"}},
    {"driver": "qcow2", "file": "a", "l2-cache-size": "1M"},
    {"driver": "qcow2", "file": "a", "l2-cache-size": -1},
    {"driver": "qcow2", "file": "a", "l2-cache-size": 1.5},
    {"driver": "qcow2", "file": "a", "l2-cache-size": 2**64 - 1},
    {"driver": "qcow2", "file": "a", "l2-cache-size": 2**70},
    {"driver": "null-co", "size": 2**63}, {"driver": "null-co", "size": -2**63 - 1},
    {"driver": "null-co", "size": True}, {"driver": "null-co", "latency-ns": 2**64 - 1},
    {"driver": "null-co", "latency-ns": -1}, {"driver": "null-co", "latency-ns": 2**64},
    {"driver": "null-co", "read-zeroes": "on"}, {"driver": "raw", "file": FILE, "offset": "0"},
]
EXPORT = {"type": "fuse", "id": "a", "node-name": "b", "mountpoint": "x"}
CHARDEV = [{}, {"type": "x"}, {"type": "socket"}, {"type": "socket", "data": {}},
           {"type": "socket", "data": {"addr": {}}},
           {"type": "socket", "data": {"addr": {"type": 1}}},
           {"type": "socket", "data": {"addr": {"type": "unix"}}}, {"type": []},
           {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": 1}}}},
           {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": "x", "y": 1}}}},
           {"type": "null", "data": {"x": 1}}, {"type": "null", "data": 1}, 1, None, [], "null"]
ARGUMENTS = {
    "blockdev-add": ADD,
    "block_resize": [{}, {"size": 1}, {"size": "x"}, {"node-name": "zz", "size": 1, "foo": 1},
                     {"node-name": 1, "size": 1}],
    "blockdev-del": [{}, {"node-name": "zz"}, {"node-name": 1}, {"node-name": "zz", "id": 1}],
    "blockdev-reopen": [{}, {"options": {}}, {"options": [1]}, {"options": [{}]},
                        {"options": [FILE, {**FILE, "zz": 1}]}],
    "block-export-add": [{"type": "fuse"}, {"type": "x"}, {**EXPORT, "allow-other": "maybe"},
                         {**EXPORT, "writable": 1}, {**EXPORT, "growable": "on"},
                         {**EXPORT, "mountpoint": None}, {}, {**EXPORT, "zz": 1}],
    "block-export-del": [{}, {"id": "e", "mode": "x"}, {"id": "e"}, {"id": 1}],
    "object-add": [{}, {"id": "a"}, {"qom-type": "x", "id": "a"}, {"qom-type": "iothread"},
                   {"qom-type": "iothread", "id": "a", "poll-max-ns": "x"},
                   {"qom-type": "secret", "id": "a", "format": "x"},
                   {"qom-type": "secret", "id": "a", "zz": "x"}],
    "object-del": [{}, {"id": "a"}, {"id": 1}],
    "qom-list": [{}, {"path": 1}, {"path": "/a", "b": 1}],
    "qom-list-types": [{"implements": 1}, {"abstract": "on"}, {"x": 1}],
    "qom-list-properties": [{}, {"typename": 1}, {"typename": "a", "x": 1}],
    "qom-get": [{}, {"path": "/objects"}, {"path": "/objects", "property": 1}],
    "qom-set": [{}, {"path": "/objects", "property": "x"}, {"path": "/objects", "value": 1}],
    "chardev-add": [{"id": "c"}] + [{"id": "c", "backend": backend} for backend in CHARDEV],
    "chardev-change": [{"id": "c"}] + [{"id": "c", "backend": backend} for backend in CHARDEV],
    "chardev-remove": [{}, {"id": 1}, {"id": "none"}],
    "query-block": [{}, {"x": 1}],
    "query-blockstats": [{"query-nodes": 1}, {"x": 1}, {"query-nodes": True}],
    "query-named-block-nodes": [{"flat": "yes"}, {"flat": None}],
    "query-block-exports": [{"x": 1}],
    "query-jobs": [{"x": None}],
    "job-cancel": [{}, {"id": 1}, {"id": "a"}],
    "job-dismiss": [{}, {"id": {}}, {"id": "a"}],
    "blockdev-create": [{}, {"job-id": "a"}, {"job-id": "a", "options": {}},
                        {"job-id": "a", "options": {"driver": "qcow2"}},
                        {"job-id": "a", "options": {"driver": "qcow2", "size": 1}},
                        {"job-id": "a", "options": {"driver": "qcow2", "file": "a",
                                                    "size": "1G"}},
                        {"job-id": "a", "options": {"driver": "file", "filename": 7, "size": 1}},
                        {"job-id": "a", "options": {"driver": "qcow2", "file": "a", "size": 1,
                                                    "version": "v9"}}],
    "blockdev-snapshot": [{}, {"node": "a"}, {"node": "a", "overlay": 1}],
    "blockdev-snapshot-sync": [{}, {"snapshot-file": 1}, {"snapshot-file": "x", "mode": "zz"}],
    "block-set-write-threshold": [{}, {"node-name": "a"}, {"write-threshold": 1},
                                  {"node-name": "a", "write-threshold": "1M"},
                                  {"node-name": "a", "write-threshold": -1},
                                  {"node-name": "a", "write-threshold": 2**64},
                                  {"node-name": 1, "write-threshold": 1}],
    "x-debug-query-block-graph": [{"x": 1}],
    "change-backing-file": [{}, {"device": "a"}, {"device": "a", "image-node-name": "b"}],
    "qmp_capabilities": [{}, {"enable": 1}, {"enable": ["zz"]}, {"enable": ["oob"]}, {"x": 1},
                         {"enable": [1]}],
    "query-version": [{}, {"x": 1}],
    "query-chardev": [{"x": 1}],
    "no-such-command": [{}, {"x": 1}],
}


def commands():
    """Requests with good and bad arguments; every third with an id."""
    ids = [0, "x", [1, {"a": None}], {"b": [True]}, 1.5, None]
    number = 0
    for name, cases in ARGUMENTS.items():
        for arguments in cases:
            number += 1
            request = {"execute": name, "arguments": arguments}
            if number % 3 == 0:
                request["id"] = ids[number // 3 % len(ids)]
            yield json.dumps(request)


# Conversations from the greeting on.
SESSIONS = [
    ['{"exec-oob":"query-version"}', '{"execute":"zzz"}', '{"execute":"quit2","id":1}', '{"a":1}',
     '[1]', '{"execute":"query-version","arguments":{"x":1}}', 'zz',
     '{"execute":"qmp_capabilities","arguments":{"x":1}}',
     '{"execute":"qmp_capabilities","arguments":{"enable":["x"]}}',
     '{"execute":"qmp_capabilities","arguments":{"enable":1}}',
     '{"execute":"qmp_capabilities","id":"q","arguments":{"enable":[]}}',
     '{"execute":"query-version"}', '{"execute":"qmp_capabilities"}'],
    ['{"execute":"qmp_capabilities"}{"execute":"qmp_capabilities"}',
     '{"exec-oob":"query-version"}'],
]
OOB = [
    '{"execute":"qmp_capabilities","arguments":{"enable":["oob","oob"]}}',
    '{"exec-oob":"query-version"}', '{"exec-oob":"query-version","execute":"x"}',
    '{"execute":"x","exec-oob":"query-version","id":2}', '{"exec-oob":1}',
    '{"exec-oob":"zzz","id":1}', '{"exec-oob":"qmp_capabilities"}',
    '{"execute":"query-version","control":{"run-oob":true}}', '{"execute":"qmp_capabilities"}',
]
