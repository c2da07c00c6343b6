#!/usr/bin/env bash
# The call that a manager typically makes, and that it means the same as JSON.
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
need_program qemu-img
qemu-img create -q -f qcow2 disk.qcow2 8M
mountpoint_file disk.img
mkdir run

check() {
  await test -s run/fusebay.pid || fail "no pid file"
  expect_eq "$(cat run/fusebay.pid)" "$server" "the pid file"
  expect_eq "$(size_of disk.img)" 8388608 "size"
  truncate -s 16M disk.img
  printf x | dd of=disk.img bs=1 seek=20971520 conv=notrunc status=none
  expect_eq "$(size_of disk.img)" 20971521 "size after writing behind the end"
  ln -sf run/qmp.sock qmp.sock
  quit_daemon
  not_mounted disk.img || fail "still mounted"
  [ ! -e run/fusebay.pid ] || fail "the pid file stays"
  qemu-img check -q disk.qcow2
  qemu-img resize -q --shrink disk.qcow2 8M
}

"$FUSEBAY" daemon --pidfile run/fusebay.pid \
  --chardev socket,id=qmp,path=run/qmp.sock,server=on,wait=off --monitor chardev=qmp \
  --object iothread,id=t0 \
  --blockdev driver=file,node-name=f,filename=disk.qcow2,aio=threads,discard=unmap \
  --blockdev driver=qcow2,node-name=q,file=f \
  --export type=fuse,id=e,node-name=q,mountpoint=disk.img,writable=on,growable=on,iothread=t0 \
  >.log.1 2>&1 </dev/null &
server=$!
own_pids+=("$server")
check

"$FUSEBAY" daemon --pidfile=run/fusebay.pid \
  --chardev socket,id=qmp,path=run/qmp.sock,server=on,wait=off \
  --monitor '{"chardev": "qmp", "mode": "control"}' \
  --object '{"qom-type": "iothread", "id": "t0", "poll-max-ns": 0}' \
  --blockdev '{"driver": "qcow2", "node-name": "q", "file": {"driver": "file",
               "filename": "disk.qcow2", "discard": "unmap"}}' \
  --export '{"type": "fuse", "id": "e", "node-name": "q", "mountpoint": "disk.img",
             "writable": true, "growable": true, "iothread": ["t0"]}' >.log.2 2>&1 </dev/null &
server=$!
own_pids+=("$server")
check
