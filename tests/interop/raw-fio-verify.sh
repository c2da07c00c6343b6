#!/usr/bin/env bash
# fio finds what it wrote: random writes with checksums, depth 32 and 4 jobs on one export.
# usage: raw-fio-verify.sh buffered|direct|psync|mmap CACHE
test_timeout=540
. "$(dirname "$0")/../io/lib.sh"
need_fuse
need_program fio
seconds=${FUSEBAY_TEST_SECONDS:-8}
place=(--filename=m0 --offset_increment=32M)
case $1 in
  buffered) mode=(--ioengine=libaio --direct=0) ;;
  direct) mode=(--ioengine=libaio --direct=1) ;;
  psync) mode=(--ioengine=psync --direct=1) ;;
  mmap)
    [ "$2" != none ] || need_kernel 6.6 "shared mappings with direct I/O"
    # fio 3.33's mmap engine writes to the wrong place where a job has an offset: an export each.
    mode=(--ioengine=mmap)
    # shellcheck disable=SC2016
    place=('--filename_format=m$jobnum')
    ;;
  *) fail "no mode $1" ;;
esac

for job in 0 1 2 3; do
  [ "$job" = 0 ] || [ "$1" = mmap ] || break
  sparse_file "disk$job.img" 128M
  mountpoint_file "m$job"
  serve -w --cache "$2" "disk$job.img" "m$job"
done
# Each job writes its part in random order, 4 to 32 KiB a time, and reads it back.
fio --name=verify --rw=randwrite --bsrange=4k-32k --ba=4k "${mode[@]}" "${place[@]}" \
  --iodepth=32 --numjobs=4 --size=24M --allow_file_create=0 --loops=2 --fsync=64 \
  --verify=crc32c --verify_fatal=1 --do_verify=1 --runtime="$seconds" \
  --output-format=json --output=fio.json >fio.log 2>&1 ||
  fail "fio: $(tail -20 fio.log; grep '^fio:\|^verify:' fio.json | head -20)"
client <<'PY'
from client import *
import json
text = open("fio.json").read()
jobs = json.loads(text[text.index("{"):])["jobs"]
equal([job["error"] for job in jobs], [0] * 4, "errors")
written, read = (sum(job[way]["total_ios"] for job in jobs) for way in ("write", "read"))
equal(written > 1000 and read > 500, True, f"enough work: {written} writes, {read} reads")
print(f"{written} writes, {read} verified reads, 0 errors")
PY
for pid in "${own_pids[@]}"; do
  stop "$pid"
done
