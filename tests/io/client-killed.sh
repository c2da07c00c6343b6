#!/usr/bin/env bash
# Clients that are killed in the middle of requests leave a server that works on.
. "$(dirname "$0")/lib.sh"
need_fuse
random_file disk.img 16777216
mountpoint_file m

serve -w disk.img m
for turn in $(seq 20); do
  dd if=m of=/dev/null bs=1M iflag=direct status=none &
  reader=$!
  dd if=/dev/zero of=m bs=64k count=64 conv=notrunc oflag=direct status=none &
  writer=$!
  sleep "0.00$turn"
  kill -KILL "$reader" "$writer" 2>/dev/null || true
  wait "$reader" "$writer" 2>/dev/null || true
done
same_bytes disk.img m
stop
