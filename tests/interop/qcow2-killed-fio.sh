#!/usr/bin/env bash
# A server killed in the middle of fio leaves no corruption in a qcow2 image, leaks at most, and all
# that fio had synced before. Every round goes on with the image of the round before.
# usage: qcow2-killed-fio.sh ROUNDS [OPTIONS]
test_timeout=${FUSEBAY_KILLED_TIMEOUT:-900}
. "$(dirname "$0")/../io/lib.sh"
need_fuse
need_fusebay
need_program qemu-img
need_program fio
mountpoint_file m
rounds=$1 options=${2:-cluster_size=64k}
seed=${FUSEBAY_TEST_SEED:-$(date +%s)}
qemu_create -f qcow2 -o "$options" disk.qcow2 1G

run_fio() { # NAME OPTIONS...
  bounded fio --name="$1" --filename=m --ioengine=libaio --direct=1 --iodepth=32 --bs=4k-64k \
    --blockalign=4k --allow_file_create=0 --randseed=$((seed + round)) "${@:2}" >"$1.log" 2>&1
}
# The first 16 MiB: written with checksums and synced before anything is killed.
synced=(--size=16M --rw=randwrite --bs=4k --verify=crc32c --end_fsync=1)

for ((round = 1; round <= rounds; round++)); do
  serve -w disk.qcow2 m
  run_fio synced "${synced[@]}" --do_verify=0 || fail "round $round: fio: $(cat synced.log)"
  run_fio killed --offset=16M --size=900M --numjobs=2 --rw=randwrite --fsync=64 --time_based \
    --runtime=20 &
  writer=$!
  sleep "0.$((3 + (seed + round) % 5))"
  kill -0 "$writer" || fail "round $round: fio ended before the kill: $(cat killed.log)"
  kill -KILL "$server"
  { wait "$server" || true; } 2>/dev/null
  if wait "$writer"; then fail "round $round: fio did not notice"; fi
  umount -l m
  status=0
  said=$(qemu-img check disk.qcow2 2>&1) || status=$?
  [ "$status" = 0 ] || [ "$status" = 3 ] || fail "round $round, seed $seed: qemu-img check: $said"
  serve disk.qcow2 m
  run_fio verified "${synced[@]}" --verify_only=1 --rw=randread ||
    fail "round $round, seed $seed: what was synced is not there: $(tail -5 verified.log)"
  stop
done
used=$(qemu-img map --output=json disk.qcow2 | grep -c '"data": true')
[ "$used" -gt 100 ] || fail "only $used pieces were written"
echo "rounds: $rounds passed"
