#!/usr/bin/env bash
# Ctrl-C while fusebay img create writes: no half-made image is left, and what was there stays.
. "$(dirname "$0")/lib.sh"
need_fusebay

# interrupt SIGNAL FORMAT FILE: begins to make FILE, waits until it is being written, and signals.
interrupt() {
  local signal=$1 format=$2 file=$3 status=0 server
  env --default-signal=INT,TERM,HUP "$FUSEBAY" img create -q -f "$format" -o preallocation=full \
    "$file" 4G 2>err.log &
  server=$!
  for _ in $(seq 500); do
    [ "$(stat -c %b "$file" 2>/dev/null || echo 0)" -gt 2048 ] && break
    kill -0 "$server" 2>/dev/null || fail "ended by itself: $(cat err.log)"
    sleep 0.01
  done
  kill "-$signal" "$server"
  wait "$server" || status=$?
  expect_eq "$status" "$((128 + $(kill -l "$signal")))" "exit status after $signal"
}

for format in raw qcow2; do
  for signal in INT TERM HUP; do
    interrupt "$signal" "$format" "new.$format"
    [ ! -e "new.$format" ] || fail "$signal left new.$format behind"
  done
done
: >old.raw
interrupt INT raw old.raw
[ -e old.raw ] || fail "a file that was there is gone"
fusebay img create -q -f raw new.raw 1M
expect_eq "$(stat -c %s new.raw)" 1048576 "size of an image made afterwards"
