#!/usr/bin/env bash
# `fusebay info` tells a raw image's size and format, as text and as JSON, with qemu-img's words.
. "$(dirname "$0")/lib.sh"
need_fusebay
need_program qemu-img
sparse_file disk.img 3M
dd if=/dev/urandom of=disk.img bs=1M count=1 conv=notrunc,fsync status=none

text=$(fusebay info disk.img)
expect_contains "$text" "file format: raw"
expect_contains "$text" "virtual size: 3 MiB (3145728 bytes)"
fusebay info --output=json disk.img >ours.json
qemu-img info --output=json disk.img >theirs.json
client ours.json theirs.json <<'PY'
from client import *
import json
ours, theirs = (json.load(open(path)) for path in sys.argv[1:3])
for key in ("filename", "format", "virtual-size", "actual-size"):
    equal(ours[key], theirs[key], key)
PY
