#!/usr/bin/env bash
# A qcow2 of one kind, made by QEMU's tools, shows the bytes, the holes and the facts that they do.
# usage: qcow2-kind.sh KIND (see images.sh)
test_timeout=360
. "$(dirname "$0")/../io/lib.sh"
interop=$here/../interop
. "$interop/images.sh"
need_fuse
need_program qemu-img qemu-io
make_image "$1"
mountpoint_file m
qemu-img convert -O raw disk.qcow2 reference.img
qemu-img map --output=json disk.qcow2 >map.json

serve -f qcow2 disk.qcow2 m
expect_eq "$(size_of m)" "$(size_of reference.img)" size
same_bytes reference.img m
client m reference.img <<'PY'
from client import *
rng = random.Random(1)
export, reference = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_RDONLY)
direct = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
size = os.fstat(reference).st_size
for turn in range(300):
    length = rng.choice([512, 1024, 4096, 69632, 300032])
    offset = rng.randrange(size // 512) * 512
    buffer = aligned_buffer(length)
    count = os.preadv(direct, [buffer], offset)
    equal(buffer[:count], os.pread(reference, length, offset), f"{length} bytes at {offset}")
PY
bounded python3 "$interop/compare_map.py" map.json m || fail "the holes differ"
stop

need_fusebay
fusebay info --output=json disk.qcow2 >ours.json
qemu-img info --output=json disk.qcow2 >theirs.json
bounded python3 "$interop/compare_info.py" ours.json theirs.json ||
  fail "info: $(cat theirs.json)"
qemu-img check -q disk.qcow2 || fail "the image was changed"
