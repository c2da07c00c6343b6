#!/usr/bin/env bash
# A server killed while it writes a qcow2 image leaves no corruption and all that was synced; leaks
# at most. Every round goes on with the image of the round before.
# usage: qcow2-killed.sh ROUNDS [OPTIONS [MOUNT-OPTION]]
test_timeout=${FUSEBAY_KILLED_TIMEOUT:-900}
. "$(dirname "$0")/../io/lib.sh"
need_fuse
need_fusebay
need_program qemu-img
mountpoint_file m
rounds=$1 options=${2:-cluster_size=64k}
seed=${FUSEBAY_TEST_SEED:-$(date +%s)}

random_file base.raw 4194304
qemu_create -f qcow2 -o "$options" -b base.raw -F raw disk.qcow2 8M
qemu-img convert -O raw disk.qcow2 read.raw

# Three threads write sectors, punch holes and sync until the server is killed. "allowed" tells for
# every sector what it may have afterwards: what was synced last and what was written later.
cat >writers.py <<'PY'
from client import *
import pickle
import threading

path, server, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
content = open("read.raw", "rb").read()
SECTOR, SECTORS = 512, len(content) // 512
allowed = [[content[i * SECTOR:(i + 1) * SECTOR]] for i in range(SECTORS)]
done, problems = [0, 0], []
threading.excepthook = lambda arguments: problems.append(repr(arguments.exc_value))


def one(thread, rng, fd, dirty):
    """One operation within the thread's third of the disk."""
    first = thread * SECTORS // 3 + rng.choice((rng.randrange(300), rng.randrange(SECTORS // 3)))
    end = min(first + rng.randrange(1, 140), (thread + 1) * SECTORS // 3, SECTORS)
    kind = rng.random()
    if kind < 0.1:
        os.fsync(fd)
        for sector in dirty:
            del allowed[sector][:-1]
        dirty.clear()
        done[1] += 1
    elif first < end:
        sector = bytes(SECTOR) if kind < 0.25 else rng.randbytes(16) * (SECTOR // 16)
        for index in range(first, end):
            allowed[index].append(sector)
        dirty.update(range(first, end))
        if kind < 0.25:
            fallocate(fd, KEEP_SIZE | PUNCH_HOLE, first * SECTOR, (end - first) * SECTOR)
        else:
            os.pwrite(fd, sector * (end - first), first * SECTOR)  # less, where the server ends
        done[0] += 1


def write(thread):
    rng, dirty = random.Random(seed * 3 + thread), set()
    fd = os.open(path, os.O_RDWR)
    try:
        while True:
            one(thread, rng, fd, dirty)
    except OSError as error:
        if error.errno not in (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO):
            raise
    finally:
        try:
            os.close(fd)
        except OSError:
            pass  # nobody is there to close it


threads = [threading.Thread(target=write, args=(i,)) for i in range(3)]
for thread in threads:
    thread.start()
end = time.monotonic() + 60
while (min(done) == 0 or done[0] < 30) and not problems and time.monotonic() < end:
    time.sleep(0.02)  # until there is something to look at, however slow the disk is
time.sleep(random.Random(seed).random() * 0.3)
os.kill(server, 9)
for thread in threads:
    thread.join()
if problems:
    fail(problems[0])
if min(done) == 0:
    fail(f"nothing to look at: {done[0]} writes, {done[1]} syncs")
with open("allowed", "wb") as file:
    pickle.dump(allowed, file)
PY

# What qemu-img reads now must be allowed.
cat >look.py <<'PY'
from client import *
import pickle
with open("allowed", "rb") as file:
    allowed = pickle.load(file)
with open("read.raw", "rb") as file:
    for index, sectors in enumerate(allowed):
        if file.read(512) not in sectors:
            fail(f"{sys.argv[1]}: sector {index} is neither as it was synced nor as written later")
PY

leaky=0
for ((round = 1; round <= rounds; round++)); do
  serve -w ${3:+"$3"} disk.qcow2 m
  client m "$server" "$((seed + round))" <writers.py
  { wait "$server" || true; } 2>/dev/null
  umount -l m
  status=0
  said=$(qemu-img check disk.qcow2 2>&1) || status=$?
  [ "$status" = 0 ] || [ "$status" = 3 ] || fail "round $round, seed $seed: qemu-img check: $said"
  [ "$status" = 0 ] || leaky=$((leaky + 1))
  qemu-img convert -O raw disk.qcow2 read.raw
  client "round $round, seed $seed" <look.py
done

fusebay img check -q -r leaks disk.qcow2 >/dev/null 2>&1 || fail "the leaks are not repaired"
qemu-img check -q disk.qcow2 || fail "seed $seed: qemu-img check after the repair"
serve disk.qcow2 m
same_bytes m read.raw
stop
echo "rounds: $rounds passed, $leaky with leaks"
