#!/usr/bin/env bash
# Random operations against a model, on an export of a qcow2 image of one kind; afterwards qemu-img
# finds nothing wrong and reads the same. Environment: FSX, FUSEBAY_TEST_SEED.
# usage: qcow2-fsx.sh growable|fixed CACHE OPERATIONS OPTIONS [backing|snapshot|none [compress]]
test_timeout=${FUSEBAY_FSX_TIMEOUT:-900}
. "$(dirname "$0")/../io/lib.sh"
need_fuse
need_fusebay
need_program qemu-img
[ "$2" != none ] || need_kernel 6.6 "shared mappings with direct I/O"
[ -x "${FSX:-}" ] || fail "FSX must name the fsx program"
mountpoint_file m
seed=${FUSEBAY_TEST_SEED:-$(date +%s)}
mode=$1 cache=$2 operations=$3 options=$4 extra=${5:-}
mount=(-w --cache "$cache")
[ "${6:-}" != compress ] || mount+=(--compress)

size=0 # a growable image begins empty: what fsx expects
[ "$mode" = growable ] || size=3000320
create=(qemu-img create -q -f qcow2 -o "$options")
case $extra in
  backing)
    random_file base.raw "$((size > 0 ? size - 100352 : 65536))"
    [ "$mode" = fixed ] || fail "a growable image begins empty"
    "${create[@]}" -b base.raw -F raw disk.qcow2 "$size"
    ;;
  snapshot)
    "${create[@]}" disk.qcow2 "$size"
    qemu-io -c 'write -P 17 0 1M' -c 'write -P 18 1536k 700k' disk.qcow2 >/dev/null
    qemu-img snapshot -c first disk.qcow2
    qemu-img convert -l first -O raw disk.qcow2 first.raw
    ;;
  *) "${create[@]}" disk.qcow2 "$size" ;;
esac

if [ "$mode" = growable ]; then
  serve "${mount[@]}" --growable disk.qcow2 m
  "$FSX" --seed "$seed" --operations "$operations" m || fail "fsx, seed $seed"
else
  serve "${mount[@]}" disk.qcow2 m
  "$FSX" --seed "$seed" --operations "$operations" --fixed m || fail "fsx, seed $seed"
fi
cp m shown
shown=$(size_of m)
stop
qemu-img check -q disk.qcow2 || fail "qemu-img check: status $?, seed $seed"
qemu-img convert -O raw disk.qcow2 read.raw
cmp -n "$shown" shown read.raw || fail "qemu-img reads something else, seed $seed"
[ "$extra" != snapshot ] || {
  qemu-img convert -l first -O raw disk.qcow2 now.raw
  cmp first.raw now.raw || fail "the snapshot has changed, seed $seed"
}
