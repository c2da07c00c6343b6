#!/usr/bin/env bash
# SIGTERM, SIGINT and SIGHUP unmount, flush and end with status 0, also with a file open and under
# load; clients get errors and do not hang.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
mountpoint_file m

for signal in TERM INT HUP; do
  random_file disk.img 1048576
  serve -w disk.img m
  dd if=/dev/zero of=m bs=4096 count=3 conv=notrunc status=none
  kill "-$signal" "$server"
  expect_end
  not_mounted m || fail "still mounted after SIG$signal"
  cmp -n 12288 disk.img /dev/zero || fail "the write is lost"
done

for signal in TERM INT; do
  serve -w disk.img m
  exec 9<m
  client m >/dev/null 2>&1 <<'PY' &
from client import *
try:
    fd = os.open(sys.argv[1], os.O_RDWR)
    os.mkdir("busy")
    while True:
        os.pwrite(fd, os.urandom(4096), random.randrange(256) * 4096)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.pread(fd, 65536, 0)
except OSError:
    sys.exit(0)
PY
  worker=$!
  own_pids+=("$worker")
  await test -d busy || fail "the client does not start"
  sleep 0.2
  kill "-$signal" "$server"
  expect_end
  not_mounted m || fail "still mounted after SIG$signal under load"
  await ended "$worker" || fail "the client hangs"
  timeout 5 head -c 1 <&9 >/dev/null 2>&1 && fail "the open file still reads"
  exec 9<&-
  rmdir busy
done
