#!/usr/bin/env bash
# The cache options: however small or odd, the disk is the same and the image is clean; what QEMU
# refuses is refused in the same words; and unused memory is given back.
test_timeout=450
. "$(dirname "$0")/../io/lib.sh"
. "$here/../interop/images.sh"
need_fuse
need_fusebay
need_program qemu-img qemu-io
mountpoint_file m

# try CREATE_OPTIONS CACHE_OPTIONS: everything through a cache of two slices or of odd ones.
try() {
  qemu_create -f qcow2 -o "$1" disk.qcow2 8G
  serve -w -o "$2" disk.qcow2 m
  bounded qemu-io -f raw m <commands >qemu-io.log 2>&1 || true
  ! grep -qi 'error\|fail' qemu-io.log || fail "$*: $(cat qemu-io.log)"
  stop
  qemu-img check -q disk.qcow2 || fail "$*: check"
  bounded qemu-io -f qcow2 disk.qcow2 <reads >qemu-io.log 2>&1 || true
  ! grep -qi 'error\|fail' qemu-io.log || fail "$*: QEMU reads other bytes"
}
for turn in $(seq 0 40); do
  echo "write -P $((turn + 1)) $((turn * 199))M $((turn * 4 + 4))k"
done >commands
echo flush >>commands
sed 's/^write/read/' commands >reads
cat reads >>commands
try cluster_size=64k l2-cache-size=0,refcount-cache-size=0
try cluster_size=64k,refcount_bits=1 l2-cache-size=1k,l2-cache-entry-size=512
try extended_l2=on l2_cache_size=1k,l2_cache_entry_size=512,refcount_cache_size=1
try cluster_size=64k l2_cache_size=64k,l2_cache_entry_size=64k
try extended_l2=on cache-size=0
try cluster_size=64k cache-size=1M,cache-clean-interval=1

# refused OPTIONS: by both, for the same reason.
refused() {
  local theirs
  theirs=$(qemu-io -r -c quit --image-opts "driver=qcow2,file.filename=disk.qcow2,$1" 2>&1) || true
  expect_contains "$theirs" "can't open: "
  expect_fail "disk.qcow2: ${theirs#*can\'t open: }" fusebay mount -o "$1" disk.qcow2 m
}
qemu_create -f qcow2 disk.qcow2 64M
refused cache-size=1M,l2-cache-size=1M,refcount-cache-size=0
refused cache-size=1M,l2-cache-size=2M
refused cache-size=1M,refcount-cache-size=2M
refused l2-cache-entry-size=1000
refused l2-cache-entry-size=128k
refused refcount-cache-size=900T
refused cache-size=900T
expect_usage "cache-clean-interval: '4294967296' is not a number from 0" \
  fusebay mount --cache-clean-interval=4294967296 disk.qcow2 m
expect_usage "l2-cache-size: 'much' is not a size" fusebay mount --l2-cache-size=much disk.qcow2 m
sparse_file disk.raw 1M
expect_usage "for qcow2 images only" fusebay mount -f raw --l2-cache-size=1M disk.raw m
expect_fail "disk.raw: cache-size, l2-cache-size, l2-cache-entry-size, refcount-cache-size and \
cache-clean-interval are for qcow2 images only, and this one is raw" \
  fusebay mount --l2-cache-size=1M disk.raw m

# 16 MiB of L2 tables, read once, are gone after a while; and they were there.
resident_kib() { awk '/^VmRSS/ {print $2}' "/proc/$server/status"; }
is_below() { [ "$(resident_kib)" -lt "$1" ]; }
qemu_create -f qcow2 -o cluster_size=4k,preallocation=metadata disk.qcow2 8G
for interval in 0 2; do
  serve --cache=none --cache-clean-interval="$interval" disk.qcow2 m
  python3 -c '
import os
fd = os.open("m", os.O_RDONLY)
for at in range(0, 8 << 30, 2 << 20):
    os.pread(fd, 1, at)'
  if [ "$interval" = 0 ]; then
    full=$(resident_kib)
    sleep 3
    is_below $((full - 8192)) && fail "with an interval of 0 memory goes"
  else
    await is_below $((full - 12288)) || fail "from $full to $(resident_kib) KiB only"
  fi
  stop
done
