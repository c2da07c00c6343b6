#!/usr/bin/env bash
# `fusebay qmp` runs commands from its operands and its input, and tells of errors and events.
. "$(dirname "$0")/lib.sh"
need_program python3
need_fusebay

# A server that plays its part: "echo" returns its arguments, "fail" fails, "emit" sends an event
# before its reply and one 0.2 seconds after it, "stuck" does not answer, "crash" and "quit" end
# the connection, "quit" after a reply.
cat >server.py <<'PY'
import json, socket, threading, time
SCHEMA = [{"name": "echo", "meta-type": "command", "arg-type": "a", "ret-type": "a"},
          {"name": "a", "meta-type": "object", "members": [
              {"name": "size", "type": "int"}, {"name": "name", "type": "str"},
              {"name": "flag", "type": "bool"}]},
          {"name": "int", "meta-type": "builtin", "json-type": "int"},
          {"name": "str", "meta-type": "builtin", "json-type": "string"},
          {"name": "bool", "meta-type": "builtin", "json-type": "boolean"}]

def serve(stream):
    def send(value):
        stream.sendall(json.dumps(value).encode() + b"\r\n")
    send({"QMP": {"version": {}, "capabilities": []}})
    for line in stream.makefile():
        request = json.loads(line)
        name, arguments = request["execute"], request.get("arguments", {})
        if name == "stuck":
            continue
        if name == "fail":
            send({"error": {"class": "GenericError", "desc": "it failed"}})
            continue
        if name == "crash":
            break
        if name == "emit":
            send({"event": "FIRST", "data": arguments})
        send({"return": SCHEMA if name == "query-qmp-schema" else arguments})
        if name == "emit":
            time.sleep(0.2)
            send({"event": "SECOND"})
        if name == "quit":
            break
    stream.shutdown(socket.SHUT_RDWR)

listener = socket.socket(socket.AF_UNIX)
listener.bind("s")
listener.listen()
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
PY
python3 server.py 2>.log.server &
own_pids+=($!)
await test -S s

qmp() { bounded "$FUSEBAY" qmp "$@"; }

# Operands: types are those that the server tells.
expect_eq "$(qmp s echo size=1k name=7 flag=on)" '{"size": 1024, "name": "7", "flag": true}'
expect_eq "$(qmp s echo size=0x100)" '{"size": 256}'
expect_eq "$(qmp s echo size=1.5K)" '{"size": 1536}'
expect_eq "$(qmp s echo x.y.0:='[null]' name=a,b)" '{"x": {"y": [[null]]}, "name": "a,b"}'
expect_eq "$(qmp s '{"execute": "echo", "arguments": {"z": 1}}')" '{"z": 1}'
expect_eq "$(qmp --pretty s echo size=1)" '{
    "size": 1
}'

# Errors.
expect_fail "fusebay qmp: it failed" qmp s fail
expect_fail "KEY=VALUE" qmp s echo word
expect_fail "Failed to connect to 'none': No such file or directory" qmp none echo
expect_fail "the server closed the connection" qmp s crash
expect_fail "the time is over" qmp --timeout 0.2 s stuck
expect_usage "which socket?" qmp
expect_usage "'soon' is no time in seconds" qmp --timeout soon s echo

# The standard input.
printf '%s\n' '# a comment' '' "echo name='a b'" '{"execute": "echo"}' >lines
expect_eq "$(qmp s <lines)" '{"name": "a b"}
{}'
printf 'fail\necho name=x' >lines
expect_eq "$(qmp s <lines 2>/dev/null || echo "status $?")" "status 1"
expect_eq "$(qmp --keep-going s <lines 2>/dev/null || echo "status $?")" '{"name": "x"}
status 1'

expect_eq "$( (echo quit; sleep 0.5) | qmp s)" '{}'
expect_eq "$(printf 'quit\necho\n' | qmp s 2>/dev/null || echo "status $?")" '{}
status 1'

# Events: those that come before the reply, and those that come later.
expect_eq "$(qmp --events s emit a=1)" '{"event": "FIRST", "data": {"a": 1}}
{"a": 1}'
expect_eq "$(qmp --wait-event FIRST s emit)" '{"event": "FIRST", "data": {}}
{}'
expect_eq "$(qmp --wait-event SECOND s emit)" '{}
{"event": "SECOND"}'
expect_fail "the time is over" qmp --wait-event THIRD --timeout 0.5 s emit
expect_eq "$(printf 'emit\nquit\n' | qmp --events s | tail -2)" '{"event": "SECOND"}
{}'
printf 'fail\nemit\n' >lines
expect_contains "$(qmp --keep-going --events --timeout 5 s <lines 2>/dev/null)" SECOND
