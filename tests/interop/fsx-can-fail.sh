#!/usr/bin/env bash
# A canary: fsx must notice bytes that somebody else changes. No export is needed.
. "$(dirname "$0")/../io/lib.sh"
[ -x "${FSX:-}" ] || fail "FSX must name the fsx program"
random_file file 1048576

"$FSX" --seed 1 --operations 2000 file >/dev/null || fail "fsx fails on a healthy file"
(while :; do
  printf 'vandal' | dd of=file bs=1 seek=$((RANDOM % 100000)) conv=notrunc status=none
done) &
own_pids+=("$!")
! "$FSX" --seed 1 --operations 1000000 --max-size 200000 file >/dev/null 2>&1 ||
  fail "fsx did not notice"
