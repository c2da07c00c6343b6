#!/usr/bin/env bash
# What a client has written through a mapping reaches the image when the server is told to end, also
# when the mount is no longer where it was.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
need_kernel 6.6 "shared mappings with direct I/O"

# start_client: it maps the file, stores and keeps it mapped until the pipe is closed.
start_client() {
  client m <<'PY' &
from client import *
fd = os.open(sys.argv[1], os.O_RDWR)
view = mmap.mmap(fd, MIB)
view[70000:70005] = b"first"
view[MIB - 4:] = b"last"
os.mkdir("stored")
while os.path.exists("stored"):
    time.sleep(0.05)
os._exit(0)
PY
  worker=$!
  own_pids+=("$worker")
  await test -d stored || fail "the client does not start"
}

for cache in auto none writeback; do
  for way in mounted detached covered; do
    rm -f disk.img
    sparse_file disk.img 1M
    mountpoint_file m
    serve -w --cache "$cache" disk.img m
    start_client
    case $way in
      detached) umount -l m ;;
      covered) mount --bind /etc/hostname m ;;
    esac
    kill -TERM "$server"
    expect_end
    stored=$(dd if=disk.img bs=1 skip=70000 count=5 status=none | tr '\0' .)
    expect_eq "$stored" first "$way, $cache"
    expect_eq "$(tail -c 4 disk.img | tr '\0' .)" last "$way, $cache"
    rmdir stored
    wait "$worker" || fail "the client failed"
    [ "$way" != covered ] || { umount m && umount -l m; }
  done
done
