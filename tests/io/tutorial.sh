#!/usr/bin/env bash
# Every command of docs/daemon.md works when it is pasted, line by line.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
tutorial=$here/../../docs/daemon.md
[ -f "$tutorial" ] || skip "needs the documents"
mkdir bin
ln -s "$FUSEBAY" bin/fusebay
PATH=$dir/bin:$PATH

sed -n '/^```sh$/,/^```$/{/^```/!p}' "$tutorial" >commands.sh
[ "$(wc -l <commands.sh)" -gt 30 ] || fail "the tutorial has no commands"
at_exit+=('fusebay qmp tour/qmp.sock quit >/dev/null 2>&1')
unset -f fusebay
timeout --kill-after=5 50 bash -euo pipefail commands.sh >output 2>&1 </dev/null ||
  fail "the tutorial failed: $(cat output)"
for words in '"qemu"' '67108864 bytes' 'first words' "$dir/tour/disk.img" '134217728 bytes' \
  'later words' '"top"' 'they differ' 'No errors were found'; do
  expect_contains "$(cat output)" "$words"
done
expect_no_daemons
[ ! -e tour/fusebay.pid ] || fail "the pid file stays"
