#!/bin/sh
# Runs every fuzz target of a build for some seconds, from the same seed each time, and checks that
# the fuzzer finds the canary's bug.
#
# usage: smoke.sh BUILD_DIR [SECONDS]      (how to make BUILD_DIR: tests/fuzz/meson.build)
# environment: FUZZ_SEED, 1 by default.
set -u
build=${1:?usage: smoke.sh BUILD_DIR [SECONDS]}
seconds=${2:-10}
seed=${FUZZ_SEED:-1}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
keep=
trap '[ -n "$keep" ] || rm -rf "$work"' EXIT
canary_seconds=30
failed=0

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}

# run TARGET SECONDS: the fuzzer's exit status.
run() {
  mkdir -p "$work/seeds/$1" "$work/corpus/$1" "$work/found"
  "$build/tests/fuzz/$1" -seed="$seed" -max_total_time="$2" -timeout=10 -max_len=131072 \
    -print_final_stats=1 -artifact_prefix="$work/found/$1-" \
    "$work/corpus/$1" "$work/seeds/$1" >"$work/$1.log" 2>&1
}

executions() {
  sed -n 's/^stat::number_of_executed_units: *//p' "$work/$1.log" | tail -n 1
}

python3 "$here/make_seeds.py" "$work/seeds" || exit 1

if [ ! -x "$build/tests/fuzz/canary" ]; then
  echo "smoke.sh: $build has no fuzz targets; see tests/fuzz/meson.build" >&2
  exit 1
fi
if run canary "$canary_seconds"; then
  echo "canary: the planted bug was NOT found in $canary_seconds s (seed $seed)"
  failed=1
elif grep -q 'deadly signal' "$work/canary.log"; then
  echo "canary: the planted bug was found (seed $seed)"
else
  echo "canary: ended without its bug (seed $seed):"
  tail -n 20 "$work/canary.log"
  failed=1
fi

# As many at a time as there are processors.
targets=$(cd "$build/tests/fuzz" &&
  find . -maxdepth 1 -type f -executable -name 'fuzz_*' -printf '%f\n' | sort)
started=0
for target in $targets; do
  { run "$target" "$seconds" && touch "$work/$target.good"; } &
  started=$((started + 1))
  [ $((started % $(nproc))) != 0 ] || wait
done
wait
for target in $targets; do
  if [ -e "$work/$target.good" ]; then
    echo "$target: $(executions "$target") executions in $seconds s (seed $seed)"
  else
    echo "$target: FAILED (seed $seed); the input is in $work/found"
    tail -n 60 "$work/$target.log"
    for input in "$work/found/$target"-*; do
      [ ! -f "$input" ] || { echo "$input, in base64:" && base64 "$input" | head -n 40; }
    done
    keep=yes
    failed=1
  fi
done
exit "$failed"
