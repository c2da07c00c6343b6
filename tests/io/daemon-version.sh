#!/usr/bin/env bash
# Managers see the version of the QEMU whose interface this is, and who really answers.
. "$(dirname "$0")/daemon-lib.sh"
start_daemon
client "$("$FUSEBAY" --version)" <<'PY'
from client import *
from qmp import Qmp
monitor = Qmp("qmp.sock")
version = monitor.run("query-version")
equal((version["qemu"]["major"], version["qemu"]["minor"]), (7, 2), "version of QEMU")
equal(version["package"], sys.argv[1], "package")
equal(monitor.greeting, {"version": version, "capabilities": ["oob"]}, "greeting")
monitor.run("quit")
monitor.wait_for_end()
PY
expect_end
