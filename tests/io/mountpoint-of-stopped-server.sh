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
begin=$SECONDS
expect_fail "There already is a FUSE export on 'm'" timeout 15 "$FUSEBAY" mount disk.img m
[ $((SECONDS - begin)) -le 6 ] || fail "took $((SECONDS - begin)) seconds"
kill -CONT "$server"
same_bytes disk.img m
stop
not_mounted m || fail "still mounted"
