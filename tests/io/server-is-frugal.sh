#!/usr/bin/env bash
# An idle server sleeps, and a busy one neither grows without bound nor leaks descriptors.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 16777216
mountpoint_file m

resident_kib() { awk '/^VmRSS/ {print $2}' "/proc/$server/status"; }
descriptors() { find "/proc/$server/fd" -mindepth 1 | wc -l; }
serve -w disk.img m
same_bytes disk.img m
expect_idle "$server"
[ "$(resident_kib)" -le 65536 ] || fail "resident: $(resident_kib) KiB"
before=$(descriptors)
for turn in $(seq 30); do
  dd if=m of=/dev/null bs=1M iflag=direct status=none
  dd if=/dev/urandom of=m bs=64k count=8 seek="$turn" conv=notrunc status=none
done
expect_eq "$(descriptors)" "$before" "open descriptors"
[ "$(resident_kib)" -le 98304 ] || fail "resident under load: $(resident_kib) KiB"
expect_idle "$server"
! grep -qv "stall:" .log.0 || fail "the server has something to say"
stop
