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
output=$(fusebay daemon --daemonize --pidfile run.pid "${options[@]}" 2>&1 </dev/null |
  without_stalls)
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

# It is said when everything has been taken back: another try may follow at once.
mountpoint_file m1 m2 m3
random_file other.img 1048576
several=("${options[@]:0:4}" --blockdev file,node-name=g,filename=other.img)
for name in m1 m2 m3; do
  several+=(--export "fuse,id=$name,node-name=g,mountpoint=$name,writable=on")
done
for _ in 1 2 3; do
  status=0 # into a file, for a pipe is waited for until the last process has closed it
  "$FUSEBAY" daemon --daemonize --pidfile run.pid "${several[@]}" --object secret,id=s \
    >said 2>&1 </dev/null || status=$?
  [ ! -e qmp.sock ] || fail "a daemon that failed leaves its socket"
  for name in m1 m2 m3; do
    not_mounted "$name" || fail "a daemon that failed leaves its mounts"
  done
  expect_eq "$status" 1 "exit status"
  expect_eq "$(without_stalls <said)" "fusebay daemon: --object secret,id=s: Either 'file' or \
'data' must be provided" "what it says"
done
fusebay daemon --daemonize --pidfile run.pid "${several[@]}"
qmp quit >/dev/null
expect_no_daemons

# A signal before it is ready: it is not, and the caller is told so.
"$FUSEBAY" daemon --daemonize --chardev socket,id=w,path=wait.sock,server=on,wait=on \
  >said 2>&1 </dev/null &
caller=$!
own_pids+=("$caller")
await test -S wait.sock || fail "no socket"
for daemon in $(own_daemons); do
  [ "$daemon" = "$caller" ] || kill -TERM "$daemon"
done
expect_end "$caller" 1
expect_contains "$(cat said)" "fusebay daemon: ended by a signal before it was ready"
[ ! -e wait.sock ] || fail "the socket stays"

# What a relative name of the command line meant stays what it means: for overlays, for backing
# files that are opened later, for what exports know about their images. Names in QMP begin at /.
need_program qemu-img
mkdir images
qemu-img create -q -f raw images/base.raw 1M
qemu-img create -q -f qcow2 images/disk.qcow2 1M
qemu-img create -q -f qcow2 -b base.raw -F raw images/late.qcow2
touch -d '2001-02-03' images/late.qcow2
mountpoint_file top.m late.m
fusebay daemon --daemonize "${options[@]:0:4}" \
  --blockdev qcow2,node-name=d,file.driver=file,file.filename=images/disk.qcow2 \
  --export fuse,id=top,node-name=d,mountpoint=top.m,writable=on \
  --blockdev file,node-name=late-file,filename=images/late.qcow2,read-only=on
qmp >/dev/null blockdev-snapshot-sync "{\"node-name\": \"d\", \"snapshot-node-name\": \"s1\",
  \"snapshot-file\": \"$PWD/s1.qcow2\"}"
qmp >/dev/null blockdev-snapshot-sync "{\"node-name\": \"s1\", \"snapshot-node-name\": \"s2\",
  \"snapshot-file\": \"${PWD#/}/images/s2.qcow2\"}"
qmp >/dev/null blockdev-add \
  '{"driver": "qcow2", "node-name": "late", "file": "late-file", "read-only": true}'
qmp >/dev/null block-export-add "{\"type\": \"fuse\", \"id\": \"late\", \"node-name\": \"late\",
  \"mountpoint\": \"$PWD/late.m\"}"
expect_contains "$(fusebay list)" "$PWD/images/disk.qcow2"
expect_contains "$(fusebay list)" "$PWD/images/late.qcow2"
expect_eq "$(stat -c %Y late.m)" "$(stat -c %Y images/late.qcow2)" "time of the image"
printf fusebay | dd of=top.m conv=notrunc status=none
qmp quit >/dev/null
expect_no_daemons
chain=$(qemu-img info --backing-chain images/s2.qcow2)
expect_eq "$(grep -c ^image: <<<"$chain")" 3 "images of the chain"
qemu-img check -q images/s2.qcow2
qemu-img compare -q images/disk.qcow2 s1.qcow2
qemu-img convert -O raw images/s2.qcow2 raw
expect_eq "$(head -c 7 raw)" fusebay "data"
