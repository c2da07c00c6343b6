#!/usr/bin/env python3
"""Writes the first inputs of every fuzz target, small and valid, to OUT_DIR/TARGET/.

usage: make_seeds.py OUT_DIR
"""
import pathlib
import struct
import sys
import zlib

CLUSTER_BITS = 9


class Image:
    """A qcow2 image: header, refcount table and block, L1, one L2 table, then data."""

    def __init__(self, version=3, bits=CLUSTER_BITS, incompatible=0, size=16384, compression=0):
        self.cluster = 1 << bits
        self.entry = 16 if incompatible & 16 else 8
        self.bytes = bytearray(5 * self.cluster)
        self.put(0, ">4sIQIIQIIQQIIQ", b"QFI\xfb", version, 0, 0, bits, size, 0, 1,
                 3 * self.cluster, self.cluster, 1, 0, 0)
        self.extensions = 72
        if version >= 3:
            self.put(72, ">QQQIIB", incompatible, 0, 0, 4, 112, compression)
            self.extensions = 112
        self.put(3 * self.cluster, ">Q", 1 << 63 | 4 * self.cluster)

    def put(self, at, form, *values):
        end = at + struct.calcsize(form)
        if end > len(self.bytes):
            self.bytes.extend(bytes(end - len(self.bytes)))
        struct.pack_into(form, self.bytes, at, *values)

    def extension(self, kind, data):
        self.put(self.extensions, f">II{len(data)}s", kind, len(data), data)
        self.extensions += 8 + (len(data) + 7) // 8 * 8

    def backing(self, name):
        at = self.extensions + 8
        self.put(at, f">{len(name)}s", name)
        self.put(8, ">QI", at, len(name))

    def l2(self, index, entry, bitmap=0):
        at = 4 * self.cluster + index * self.entry
        self.put(at, ">Q", entry)
        if self.entry == 16:
            self.put(at + 8, ">Q", bitmap)

    def append(self, data):
        self.bytes.extend(bytes(-len(self.bytes) % self.cluster))
        at = len(self.bytes)
        self.bytes.extend(data)
        return at

    def data(self, index, bitmap=0xFFFFFFFF):
        self.l2(index, 1 << 63 | self.append(b"%03d!" % index * (self.cluster // 4)), bitmap)

    def counted(self):
        """The image's bytes with a refcount of 1 for each cluster."""
        self.append(b"")
        clusters = len(self.bytes) // self.cluster
        self.put(self.cluster, ">Q", 2 * self.cluster)
        self.put(2 * self.cluster, f">{clusters}H", *[1] * clusters)
        return self.bytes

    def deflated(self, index):
        deflater = zlib.compressobj(9, zlib.DEFLATED, -12)
        data = deflater.compress(bytes(self.cluster)) + deflater.flush()
        at = self.append(data)
        bits = self.cluster.bit_length() - 1
        sectors = (at % 512 + len(data) - 1) // 512
        self.l2(index, 1 << 62 | sectors << (62 - (bits - 8)) | at)

    def snapshot(self):
        l1 = self.append(struct.pack(">Q", 4 * self.cluster))
        entry = struct.pack(">QIHHIIQIIQQ", l1, 1, 1, 3, 1, 2, 3, 0, 16, 0, 4096) + b"1old"
        table = self.append(entry.ljust(64, b"\0"))
        self.put(60, ">IQ", 1, table)

    def bitmaps(self):
        entry = struct.pack(">QIIBBHI", 0, 0, 2, 1, 16, 5, 0) + b"daily\0\0\0"
        at = self.append(entry)
        self.extension(0x23852875, struct.pack(">IIQQ", 1, 0, len(entry), at))
        self.put(88, ">Q", 1)


def images():
    plain = Image()
    plain.data(0)
    plain.l2(1, 1)
    plain.deflated(2)
    plain.snapshot()
    yield "plain", plain
    old = Image(version=2)
    old.data(3)
    old.backing(b"base.img")
    yield "version2", old
    extended = Image(bits=14, incompatible=16)
    extended.data(0, 0x0000FF00000000FF)
    extended.deflated(1)
    yield "extended", extended
    named = Image()
    named.extension(0xE2792ACA, b"raw")
    named.extension(0x6803F857, struct.pack(">BB46s", 0, 2, b"data file"))
    named.extension(0x12345678, b"unknown")
    named.bitmaps()
    named.backing(b'json:{"driver":"raw","file.filename":"x"}')
    yield "extensions", named
    external = Image(incompatible=4)
    external.extension(0x44415441, b"data.raw")
    external.l2(0, 1 << 63)
    external.l2(1, 1 << 63 | 512)
    yield "data_file", external
    zstd = Image(incompatible=8, compression=1)
    # A frame of one raw block of 512 bytes: magic, descriptor, window, block header.
    frame = struct.pack("<IBB", 0xFD2FB528, 0, 0) + struct.pack("<I", 512 << 3 | 1)[:3] + bytes(512)
    zstd.l2(0, 1 << 62 | 1 << 61 | zstd.append(frame))
    yield "zstd", zstd


# For fuzz_qcow2_write, from the last to the first: what, value, length, place.
CHANGES = b"".join(struct.pack(">BBHI", what, 65 + i, length, place) for i, (what, length, place) in
                   enumerate([(7, 0, 0), (1, 3000, 40), (6, 40000, 77), (5, 9000, 4), (4, 700, 3),
                              (3, 2000, 12), (7, 0, 0), (2, 100, 9), (0, 60000, 5), (1, 5, 1)]))

HEADS = {
    "vmdk": b"KDMV", "qcow": b"QFI\xfb\0\0\0\1", "vdi": b"<<< ".ljust(64) + b"\x7f\x10\xda\xbe",
    "vhdx": b"vhdxfile", "vpc": b"conectix", "luks": b"LUKS\xba\xbe", "qed": b"QED\0",
    "parallels": b"WithoutFreeSpace", "bochs": b"Bochs Virtual HD Image", "dmg": b"koly",
}


def request(opcode, form="", *values, data=b"", flags=0):
    """One request of fuzz_fuse_server, which says what the bytes are."""
    body = struct.pack("<" + form, *values) + data
    return struct.pack("<BBH", opcode, flags, len(body)) + body


def setattr_request(valid, size=0, mode=0):
    return request(4, "II QQQ QQQ III I I II I", valid, 0, 0, size, 0, 1, 2, 3, 0, 0, 0, mode, 0,
                   1, 1, 0)


def fuse_sessions():
    read = request(15, "QQIIQII", 0, 0, 4096, 0, 0, 0, 0)
    write = request(16, "QQIIQII", 0, 50, 5, 0, 0, 0, 0, data=b"hello")
    grow = request(16, "QQIIQII", 0, 200000, 4096, 0, 0, 0, 0, data=bytes(range(256)) * 16)
    getattr_ = request(3, "IIQ", 0, 0, 0)
    init = request(26, "IIIIII44s", 7, 45, 131072, 0xFFFFFFFF & ~(1 << 31), 0x1FF, 0, b"")
    yield "data", [write, read, grow, read, request(25, "QIIQ", 0, 0, 0, 0),
                   request(20, "QII", 0, 1, 0)]
    yield "attributes", [getattr_, setattr_request(8 | 64, size=70000), setattr_request(8),
                         setattr_request(1, mode=0o700), setattr_request(0x1B0), getattr_,
                         request(17), request(52, "IIQII", 0, 0, 0, 0, 0xFFF)]
    yield "space", [request(43, "QQQII", 0, 4096, 8192, 3, 0),
                    request(43, "QQQII", 0, 99000, 8192, 0x10, 0),
                    request(43, "QQQII", 0, 300000, 8192, 0, 0),
                    request(46, "QQII", 0, 0, 3, 0), request(46, "QQII", 0, 0, 4, 0),
                    request(47, "QQQQQQQ", 0, 0, 1, 0, 150000, 5000, 0),
                    request(53, "QQQQQQQ", 0, 0, 1, 0, 10, 5000, 0)]
    yield "files", [request(14, "II", 2, 0), read, request(18, "QIIQ", 0, 2, 1, 0),
                    request(27, "II", 0, 0), request(28, "QQIIQII", 0, 0, 4096, 0, 0, 0, 0),
                    request(29, "QIIQ", 0, 0, 0, 0), request(34, "II", 4, 0)]
    yield "names", [request(1, data=b"name\0"), request(10, data=b"name\0"),
                    request(35, "IIII", 2, 0o644, 0, 0, data=b"name\0"),
                    request(12, "Q", 1, data=b"a\0b\0"), request(6, data=b"a\0target\0"),
                    request(45, "QII", 1, 0, 0, data=b"a\0b\0"),
                    request(9, "II", 0o755, 0, data=b"d\0")]
    yield "xattrs_and_locks", [request(21, "IIII", 3, 0, 0, 0, data=b"user.a\0abc"),
                               request(22, "II", 64, 0, data=b"user.a\0"),
                               request(23, "II", 64, 0), request(24, data=b"user.a\0"),
                               request(31, "QQQQIIII", 0, 1, 0, 9, 0, 1, 0, 0),
                               request(33, "QQQQIIII", 0, 1, 0, 9, 1, 1, 0, 0, flags=64),
                               request(39, "QIIQII", 0, 0, 21505, 0, 0, 60),
                               request(40, "QQII", 0, 0, 1, 1)]
    yield "without_reply", [request(2, "Q", 5), request(42, "II QQ", 1, 0, 1, 3),
                            request(36, "Q", 1002), request(41), getattr_]
    yield "batch", [part[:1] + b"\x20" + part[2:] for part in (read, write, getattr_, read, write)]
    yield "again", [request(38), getattr_, init, read, init]
    yield "lies", [part[:1] + bytes([flag]) + part[2:]
                   for part in (read, write, getattr_) for flag in (2, 4, 8, 16, 64)]


JSON = {
    "dict": b'{"a": [1, -2.5e3, true, null], "b": {"c": "x\\u00e4\\ud83d\\ude00\\n"}}\n',
    "quotes": b"['a', \"b\", 'c\\'d'] 18446744073709551615 \n",
    "errors": b'{"a" 1} @ [1,]\n{"b":\xff{"c":2}} nul "\\q"\n',
    "deep": b"[" * 1030 + b"]" * 1030,
}
KEYVAL = {
    "node": b"\0qcow2,node-name=a,file.driver=file,file.filename=x,,y,cache.direct=on",
    "export": b"\1fuse,id=e,node-name=n,mountpoint=m,iothread.0=a,iothread.1=b,allow-other=auto",
    "object": b"\2iothread,id=i,poll-max-ns=0x10",
    "chardev": b"\3socket,id=c,path=s,server=on,wait=off",
    "json": b"\0{'driver':'raw','file':{'driver':'null-co','size':5}}",
    "size": b"\0memory,size=1.5G",
}
QMP = [
    b'{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}{"exec-oob":"quit","id":1}',
    b'{"execute":"blockdev-add","arguments":{"driver":"qcow2","node-name":"a","backing":null,'
    b'"file":{"driver":"file","filename":"x","aio":"io_uring"}},"id":[1]}',
    b'{"execute":"block-export-add","arguments":{"type":"fuse","id":"e","node-name":"a",'
    b'"mountpoint":"m","iothread":["a"],"allow-other":"on"}}',
    b'{"execute":"blockdev-create","arguments":{"job-id":"j","options":{"driver":"qcow2",'
    b'"file":"a","size":1,"version":"v3","backing-fmt":"raw"}}}',
    b'{"execute":"chardev-add","arguments":{"id":"c","backend":{"type":"socket","data":{"addr":'
    b'{"type":"unix","data":{"path":"s"}}}}}}{"execute":"query-version","id":{"a":null}}',
    b"{'execute':'blockdev-reopen','arguments':{'options':[{'driver':'null-co','size':-1}]}}",
]


def main():
    out = pathlib.Path(sys.argv[1])

    def seed(target, name, data):
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    for name, image in images():
        seed("fuzz_qcow2_image", name, image.bytes)
        seed("fuzz_qcow2_check", name, image.bytes)
        seed("fuzz_qcow2_write", name, image.counted() + CHANGES)
        seed("fuzz_qcow2_header", name, image.bytes)
        seed("fuzz_probe", name, image.bytes[:512])
    for name, requests in fuse_sessions():
        seed("fuzz_fuse_server", name, b"\0\0" + b"".join(requests))
    seed("fuzz_fuse_server", "old", b"\2\7" + b"".join(list(fuse_sessions())[0][1]))
    for name, text in JSON.items():
        seed("fuzz_json", name, b"\7" + text)
    for name, text in KEYVAL.items():
        seed("fuzz_keyval", name, text)
    for number, text in enumerate(QMP):
        seed("fuzz_qmp_dispatch", str(number), b"\1" + text)
    for name, head in HEADS.items():
        seed("fuzz_probe", name, head.ljust(512, b"\0"))


main()
