#!/usr/bin/env bash
# --daemonize returns when everything is ready; relative paths mean the caller's folder, also at the
# end; the pid file is there as long as the daemon is.
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
mkdir -p sub
random_file sub/disk.img 1048576
mountpoint_file sub/m
cd sub
options=(--chardev "socket,id=qmp,path=qmp.sock,server=on,wait=off" --monitor chardev=qmp
  --blockdev "driver=file,node-name=f,filename=disk.img"
  --export "type=fuse,id=e,node-name=f,mountpoint=m")

# The command substitution ends only when every copy of its pipe is closed.
output=$(fusebay daemon --daemonize --pidfile run.pid "${options[@]}" 2>&1 </dev/null)
expect_eq "$output" "" "what it says"
same_bytes disk.img m
daemon=$(own_daemons)
expect_eq "$(cat run.pid)" "$daemon" "the pid file"
expect_eq "$(readlink "/proc/$daemon/cwd")" / "the daemon's folder"
expect_eq "$(readlink "/proc/$daemon/fd/0")" /dev/null "its standard input"
expect_idle "$daemon"

# A second one says why it does not start, and leaves everything as it is.
mountpoint_file other.m
expect_fail "fusebay daemon: cannot create PID file: Cannot lock pid file: Resource temporarily" \
  fusebay daemon --daemonize --pidfile run.pid --blockdev null-co,node-name=n,size=65536 \
  --export fuse,id=e,node-name=n,mountpoint=other.m
not_mounted other.m || fail "the second one is still mounted"
expect_eq "$(cat run.pid)" "$daemon" "the pid file"
expect_fail "cannot use stdio with --daemonize" fusebay daemon --daemonize --chardev stdio,id=s

qmp quit >/dev/null
expect_no_daemons
not_mounted m || fail "still mounted"
[ ! -e run.pid ] || fail "the pid file stays"
[ ! -e qmp.sock ] || fail "the socket stays"

# What fails in the background is said in the foreground.
expect_fail "fusebay daemon: --blockdev driver=file,node-name=f,filename=nope: Could not open" \
  fusebay daemon --daemonize --pidfile run.pid --blockdev driver=file,node-name=f,filename=nope
[ ! -e run.pid ] || fail "a daemon that failed leaves its pid file"
