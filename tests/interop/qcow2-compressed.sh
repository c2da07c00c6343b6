#!/usr/bin/env bash
# A compressed export under load: four fio jobs, whose clusters share host clusters, find what they
# wrote, and so does qemu-img. What cannot be compressed is refused.
# usage: qcow2-compressed.sh OPTIONS
test_timeout=540
. "$(dirname "$0")/../io/lib.sh"
need_fuse
need_fusebay
need_program qemu-img fio
seconds=${FUSEBAY_TEST_SECONDS:-5}
qemu_create -f qcow2 -o "$1" disk.qcow2 64M
mountpoint_file m

# Each job writes its quarter in random order, 2 to 100 KiB a time, and reads it back. The jobs'
# borders lie within clusters of 64 KiB.
serve -w --compress disk.qcow2 m
fio --name=verify --filename=m --rw=randwrite --bsrange=2k-100k --ba=2k \
  --ioengine=libaio --direct=0 --iodepth=8 --numjobs=4 --size=15M --offset_increment=15734784 \
  --allow_file_create=0 --loops=2 --fsync=64 --verify=crc32c --verify_fatal=1 --do_verify=1 \
  --buffer_compress_percentage=60 --refill_buffers --runtime="$seconds" >fio.log 2>&1 ||
  fail "fio: $(tail -20 fio.log)"
cp m shown
stop
qemu-img check -q disk.qcow2 || fail "qemu-img check: status $?"
qemu-img compare -q -f raw -F qcow2 shown disk.qcow2 || fail "qemu-img reads something else"
packed=$(qemu-img check disk.qcow2 | sed -n 's/.* \([0-9.]*\)% compressed.*/\1/p')
[ "${packed%.*}" -ge 50 ] || fail "only $packed % of the clusters are compressed"

# Written plainly it is the same disk.
serve -w disk.qcow2 m
same_bytes shown m
printf abc | dd of=m conv=notrunc bs=1 seek=1000000 status=none
printf abc | dd of=shown conv=notrunc bs=1 seek=1000000 status=none
stop
qemu-img check -q disk.qcow2 || fail "qemu-img check afterwards: status $?"
qemu-img compare -q -f raw -F qcow2 shown disk.qcow2 || fail "a plain write did harm"

# An overlay takes it for an image of any format.
cp shown disk.raw
serve -f raw --overlay=over.qcow2 -o compress disk.raw m
head -c 1M /dev/zero | tr '\0' x | dd of=m conv=notrunc bs=64k status=none
stop
expect_contains "$(qemu-img check over.qcow2)" "100.00% compressed"

expect_usage "compress needs writable" fusebay mount --compress disk.qcow2 m
expect_usage "qcow2 images only" fusebay mount -w --compress -f raw disk.raw m
expect_fail "disk.raw: Compression is not supported for underlying format: raw" \
  fusebay mount -w --compress disk.raw m
qemu-img create -q -f qcow2 -o data_file=data.raw external.qcow2 1M
expect_fail "external.qcow2: Compression is not supported for an image with an external data file" \
  fusebay mount -w --compress external.qcow2 m
