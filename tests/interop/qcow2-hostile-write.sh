#!/usr/bin/env bash
# Damaged qcow2 images exported writable and written: refused with the image's name, or errors and a
# message in the log; the server never crashes or hangs, and the header stays as it was.
# usage: qcow2-hostile-write.sh plain|small|subclusters|inside
test_timeout=${FUSEBAY_HOSTILE_TIMEOUT:-840}
. "$(dirname "$0")/../io/lib.sh"
need_fuse
need_fusebay
need_program qemu-img qemu-io
interop=$(cd "$here/../interop" && pwd)
PYTHONPATH=$PYTHONPATH:$interop
mountpoint_file m

case $1 in
  plain) options=cluster_size=64k ;;
  small) options=cluster_size=512,refcount_bits=64 ;;
  subclusters) options=extended_l2=on,cluster_size=16k ;;
  inside) options=cluster_size=4k ;;
  *) fail "no kind $1" ;;
esac
if [ "$1" = inside ]; then
  # compressed clusters, a snapshot and a bitmap
  { seq 1 300000 && truncate -s 12M /dev/stdout; } >text.img
  qemu-img convert -c -O qcow2 -o "$options" text.img good.qcow2
  qemu-img bitmap --add --enable good.qcow2 one
  qemu-img snapshot -c one good.qcow2
else
  qemu_create -f qcow2 -o "$options" good.qcow2 12M
fi
qemu-io -c 'write -P 4 0 300k' -c 'write -P 5 1M 1M' -c 'write -P 6 11M 1M' good.qcow2 >/dev/null

cat >write.py <<'PY'
from client import *
rng, path = random.Random(len(sys.argv[1])), sys.argv[2]
ALLOWED = (errno.EIO, errno.ENOSPC, errno.EOPNOTSUPP, errno.EROFS, errno.EFBIG)
slowest = 0.0


def attempt(function, *arguments):
    """It succeeds or fails in time, in a way that a caller can do something about."""
    global slowest
    start = time.monotonic()
    try:
        function(*arguments)
    except OSError as error:
        if error.errno not in ALLOWED:
            fail(f"{sys.argv[1]}: {function.__name__}: {error}")
    slowest = max(slowest, time.monotonic() - start)


fd = os.open(path, os.O_RDWR)
for turn in range(12):
    for offset in (0, 511 << 10, 1 << 20, 11 << 20, rng.randrange(11 << 20)):
        attempt(os.pwrite, fd, rng.randbytes(rng.choice((100, 5000, 100000))), offset + turn * 7000)
    at = rng.randrange(11 << 20)
    attempt(fallocate, fd, KEEP_SIZE | PUNCH_HOLE, at, 200000)
    attempt(os.pread, fd, 100000, at)
    if turn % 4 == 3:
        attempt(os.fsync, fd)
attempt(os.ftruncate, fd, 10 << 20)
attempt(os.ftruncate, fd, 13 << 20)
attempt(os.pwrite, fd, b"end", 12 << 20)
attempt(os.close, fd)
if slowest > 5:
    print(f"{slowest} seconds for one operation")
PY

# Damages a copy of the good image; fails if it has nothing of the kind.
damage() {
  cp good.qcow2 disk.qcow2
  python3 -c '
import sys, qcow2_damage
try:
    getattr(qcow2_damage, sys.argv[1])(qcow2_damage.Image("disk.qcow2"))
except IndexError:
    sys.exit(1)' "$1"
}

# Serves the damaged image, writes to it and judges what is left; $slow is what took too long.
survive() {
  local name=$1 status=0
  start_server -w disk.qcow2 m >.log.server 2>&1 </dev/null &
  server=$!
  own_pids+=("$server")
  await ready_or_dead m 0 || fail "$name: neither refused nor mounted"
  slow=
  if is_mounted m; then
    slow=$(client "$name" m <write.py)
    kill -TERM "$server" 2>/dev/null || true
  fi
  await ended "$server" || fail "$name: the server does not end"
  wait "$server" || status=$?
  case $status in
    0) ;;
    1)
      refused=$((refused + 1))
      grep -q 'disk.qcow2' .log.server || fail "$name: refused with '$(cat .log.server)'"
      ;;
    *) fail "$name: the server ended with status $status" ;;
  esac
  case $name in data_in_a_table | data_in_the_refcount_table | data_in_a_refcount_block)
    # The first write goes there.
    grep -q "disk.qcow2: .* points into the image's metadata" .log.server ||
      fail "$name: the log says '$(cat .log.server)'"
    ;;
  esac
  # What no writer changes: all before the size.
  [ "$(head -c 24 disk.qcow2 | cksum)" = "$(head -c 24 good.qcow2 | cksum)" ] ||
    fail "$name: the header has changed"
}

tried=0 refused=0
for name in $(python3 -c 'import qcow2_damage as q; print(*[d.__name__ for d in q.DAMAGES])'); do
  damage "$name" || continue
  tried=$((tried + 1))
  survive "$name"
  # A disk may be busy with something else: slow is what is slow each time.
  for _ in 1 2; do
    [ -n "$slow" ] || break
    damage "$name" && survive "$name"
  done
  [ -z "$slow" ] || fail "$name: $slow"
done
[ "$tried" -ge 30 ] || fail "only $tried damages"
echo "damages: $tried passed, $refused refused"
