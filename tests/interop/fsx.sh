#!/usr/bin/env bash
# Random operations against a model, on an export. Environment: FSX, FUSEBAY_TEST_SEED.
# usage: fsx.sh growable|fixed CACHE OPERATIONS
test_timeout=${FUSEBAY_FSX_TIMEOUT:-900}
. "$(dirname "$0")/../io/lib.sh"
need_fuse
[ "$2" != none ] || need_kernel 6.6 "shared mappings with direct I/O"
[ -x "${FSX:-}" ] || fail "FSX must name the fsx program"
mountpoint_file m
seed=${FUSEBAY_TEST_SEED:-$(date +%s)}

if [ "$1" = growable ]; then
  : >disk.img
  serve -w --growable --cache "$2" disk.img m
  "$FSX" --seed "$seed" --operations "$3" m || fail "fsx, seed $seed"
else
  random_file disk.img 3000001
  serve -w --cache "$2" disk.img m
  "$FSX" --seed "$seed" --operations "$3" --fixed m || fail "fsx, seed $seed"
fi
cp m shown
size=$(size_of m)
stop
cmp -n "$size" shown disk.img || fail "the image differs from what was shown, seed $seed"
