#!/usr/bin/env bash
# Two writable exports of one node served by one loop, written, mapped and grown on both: no
# deadlock, nothing that was written goes away, and at the end both show the same bytes.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_kernel 6.6 "shared mappings with direct I/O"

for cache in auto none; do
  sparse_file disk.img 2M
  mountpoint_file a b
  serve -w --growable --loops 1 --cache "$cache" disk.img a b
  client a b "${FUSEBAY_TEST_SECONDS:-6}" <<'PY'
from client import *
import itertools
import threading
paths, seconds = sys.argv[1:3], float(sys.argv[3])
end = time.monotonic() + seconds
done, grown = [], []

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
    done.append(count)

next_page = itertools.count(512)

def content(page):
    return page.to_bytes(8, "little") * (PAGE // 8)

def grow(path):
    fd = os.open(path, os.O_RDWR)
    for page in next_page:
        if page >= 16384 or time.monotonic() >= end:
            break
        equal(os.pwrite(fd, content(page), page * PAGE), PAGE)
        if os.fstat(fd).st_size < (page + 1) * PAGE:
            fail(f"{path} has lost page {page}, which had been written")
    os.fsync(fd)
    grown.append(page)

threads = [threading.Thread(target=work, args=(paths[seed // 2], seed, seed % 2 == 0))
           for seed in range(4)]
threads += [threading.Thread(target=grow, args=(path,)) for path in paths]
[t.start() for t in threads]
[t.join() for t in threads]
equal((len(done), len(grown)), (4, 2), "threads that finished")
print("operations:", sum(done), "pages:", min(grown))
with open("disk.img", "rb") as image:
    image.seek(512 * PAGE)
    for page in range(512, min(grown)):
        equal(image.read(PAGE), content(page), f"page {page} of the image")
PY
  await cmp -s a b || true # until each has been told of what the other wrote
  same_bytes a b
  stop
done
