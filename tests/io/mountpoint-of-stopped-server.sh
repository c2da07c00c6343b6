#!/usr/bin/env bash
# A mount over an export whose server does not answer is refused in time, and leaves it alone.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 65536
mountpoint_file m

serve disk.img m
kill -STOP "$server"
at_exit+=("kill -CONT $server 2>/dev/null")
# In one of three times: the machine, too, may be what does not answer.
for _ in 1 2 3; do
  begin=$SECONDS
  expect_fail "There already is a FUSE export on 'm'" fusebay mount disk.img m
  taken=$((SECONDS - begin))
  [ "$taken" -gt 6 ] || break
done
[ "$taken" -le 6 ] || fail "took $taken seconds"
kill -CONT "$server"
same_bytes disk.img m
stop
not_mounted m || fail "still mounted"
