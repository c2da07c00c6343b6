#!/usr/bin/env bash
# A service manager is told when the daemon is ready and when it ends, and may give it its socket.
. "$(dirname "$0")/daemon-lib.sh"
random_file disk.img 65536

client "$FUSEBAY" <<'PY'
from client import *
from qmp import Qmp

import socket
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind("notify.sock")
notify.settimeout(15)
listener = socket.socket(socket.AF_UNIX)
listener.bind("activated.sock")
listener.listen(4)

def become_service():
    """As systemd starts one: the socket is descriptor 3, and the variable names this process."""
    os.dup2(listener.fileno(), 3)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = "1"
    os.environ["NOTIFY_SOCKET"] = os.path.abspath("notify.sock")

command = [sys.argv[1], "daemon", "--chardev", "socket,id=qmp,fd=3,server=on,wait=off",
           "--monitor", "chardev=qmp", "--blockdev", "file,node-name=f,filename=disk.img"]
daemon = subprocess.Popen(command, preexec_fn=become_service, close_fds=False,
                          stderr=open(".log.service", "w"))
try:
    equal(notify.recv(1000).decode().split("\n"), ["READY=1", f"MAINPID={daemon.pid}"], "ready")
    client = Qmp("activated.sock")
    equal(client.run("query-named-block-nodes")[0]["node-name"], "f", "node")
    client.run("quit")
    equal(notify.recv(1000), b"STOPPING=1", "end")
    equal(daemon.wait(15), 0, "exit status")
    equal(os.path.exists("activated.sock"), True, "the manager's socket stays")
finally:
    daemon.kill()
PY

# One that ends before it is ready has not been ready.
client "$FUSEBAY" <<'PY'
from client import *
import signal
import socket
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind("early.sock")
command = [sys.argv[1], "daemon", "--chardev", "socket,id=w,server=on,path=wait.sock"]
daemon = subprocess.Popen(command,
                          env=os.environ | {"NOTIFY_SOCKET": os.path.abspath("early.sock")})
try:
    within(15, lambda: os.path.exists("wait.sock"), "the socket")
    daemon.send_signal(signal.SIGTERM)
    equal(daemon.wait(15), 0, "exit status")
    expect_errno(errno.EAGAIN, notify.recv, 1000, socket.MSG_DONTWAIT)
finally:
    daemon.kill()
PY

unit=$(dirname "$FUSEBAY")/fusebay-daemon@.service
[ -f "$unit" ] || skip "needs the build folder of $FUSEBAY"
grep -q "^ExecStart=/.*/fusebay daemon .*fd=3" "$unit" || fail "the unit starts something else"
