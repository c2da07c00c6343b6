#!/usr/bin/env bash
# Two writable exports of one node served by one loop, written and mapped on both: no deadlock, and
# at the end both show the same bytes.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_kernel 6.6 "shared mappings with direct I/O"

for cache in auto none; do
  sparse_file disk.img 2M
  mountpoint_file a b
  serve -w --loops 1 --cache "$cache" disk.img a b
  client a b "${FUSEBAY_TEST_SECONDS:-6}" <<'PY'
from client import *
import threading
end = time.monotonic() + float(sys.argv[3])
counts = []
def work(path, seed, mapped):
    rng = random.Random(seed)
    fd = os.open(path, os.O_RDWR)
    view = mmap.mmap(fd, 2 * MIB)
    count = 0
    while time.monotonic() < end:
        at = rng.randrange(510) * PAGE
        if mapped:
            view[at:at + 64] = rng.randbytes(64)
            view[at + PAGE]
        else:
            os.pwrite(fd, rng.randbytes(5000), at)
            os.pread(fd, 5000, rng.randrange(510) * PAGE)
        count += 1
    view.flush()
    os.fsync(fd)
    counts.append(count)
threads = [threading.Thread(target=work, args=(path, seed, seed % 2 == 0))
           for seed, path in enumerate([sys.argv[1], sys.argv[1], sys.argv[2], sys.argv[2]])]
[t.start() for t in threads]
[t.join() for t in threads]
equal(len(counts), 4, "threads that finished")
print("operations:", sum(counts))
PY
  sleep 0.2
  same_bytes a b
  stop
done
