#!/usr/bin/env bash
# The kernel knows the size of an export from the start. It drops the answer to its own first
# question when another export's write invalidates the file meanwhile, and a client that maps the
# file then faults.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
need_kernel 6.6 "shared mappings with direct I/O"

for _ in $(seq 12); do
  sparse_file disk.img 2M
  mountpoint_file a b
  serve -w --loops 1 --cache none disk.img a b
  client a b <<'PY'
from client import *
import threading
# Not Python's mmap, which asks for the size.
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
done = threading.Event()
def write(seed):
    fd = os.open(sys.argv[1], os.O_RDWR)
    while not done.is_set():
        os.pwrite(fd, b"x" * PAGE, seed * PAGE)
threads = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
[t.start() for t in threads]
time.sleep(0.05)
fd = os.open(sys.argv[2], os.O_RDWR)
address = libc.mmap(None, PAGE, mmap.PROT_READ, mmap.MAP_SHARED, fd, MIB)
equal(address not in (None, ctypes.c_void_p(-1).value), True, "mapped")
equal(ctypes.string_at(address, PAGE), bytes(PAGE), "what is mapped")
done.set()
[t.join() for t in threads]
PY
  stop
done
