# What tests of `fusebay daemon` start from, besides lib.sh: a daemon, and clients of its monitor.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_fusebay
need_program python3

# start_daemon [OPTIONS]: in the foreground, its process in $server, its monitor at qmp.sock.
# Returns when it answers.
start_daemon() {
  launch_daemon "$@"
  await answers_or_dead || fail "no answer: $*"
  kill -0 "$server" 2>/dev/null || fail "the daemon ended: $*"
}

# The same, and returns at once.
launch_daemon() {
  local log="$dir/.log.${#own_pids[@]}"
  rm -f qmp.sock
  "$FUSEBAY" daemon --chardev socket,id=qmp,path=qmp.sock,server=on,wait=off --monitor chardev=qmp \
    "$@" >"$log" 2>&1 </dev/null &
  server=$!
  own_pids+=("$server")
}

answers_or_dead() { ! kill -0 "$server" 2>/dev/null || qmp query-version >/dev/null 2>&1; }

# qmp COMMAND [JSON arguments]: what it returns, or its error's description and status 1.
qmp() {
  bounded python3 - "$@" <<'PY'
import json
import sys
from qmp import Qmp, QmpError
try:
    result = Qmp("qmp.sock").run(sys.argv[1], **json.loads(sys.argv[2] if sys.argv[2:] else "{}"))
except QmpError as error:
    sys.exit(error.description)
print(json.dumps(result))
PY
}

quit_daemon() {
  qmp quit >/dev/null
  expect_end
}
