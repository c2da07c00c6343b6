#!/usr/bin/env bash
# SIGINT, SIGTERM and SIGHUP end a daemon in peace: status 0, everything flushed, nothing left.
# SIGPIPE does nothing.
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
random_file disk.img 1048576
mountpoint_file m

for signal in INT TERM HUP; do

  start_daemon --pidfile p --blockdev driver=file,node-name=f,filename=disk.img \
    --export type=fuse,id=e,node-name=f,mountpoint=m,writable=on
  head -c 65536 /dev/urandom >new
  dd if=new of=m conv=notrunc status=none
  kill -PIPE "$server"
  client <<PY
from client import *
from qmp import Qmp
monitor = Qmp("qmp.sock")
os.kill($server, $(kill -l "$signal"))
monitor.wait_for_end()
equal([event["event"] for event in monitor.events], ["BLOCK_EXPORT_DELETED"], "events")
PY
  expect_end
  cmp -n 65536 new disk.img || fail "SIG$signal: the image is not what was written"
  not_mounted m || fail "SIG$signal: still mounted"
  [ ! -e p ] || fail "SIG$signal: the pid file stays"
done

# Also before it is ready: nobody connects.
launch_daemon --chardev socket,id=w,path=wait.sock,server=on,wait=on
wait_until 10 test -S wait.sock || fail "no socket"
kill -TERM "$server"
expect_end
