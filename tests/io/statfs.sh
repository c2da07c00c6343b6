#!/usr/bin/env bash
# df shows the virtual size, and the host's free space where the image can grow.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
sparse_file disk.img 64M
mountpoint_file m

serve disk.img m
client m <<'PY'
from client import *
s = os.statvfs(sys.argv[1])
equal(s.f_blocks * s.f_frsize, 64 * MIB, "total")
equal((s.f_bfree, s.f_bavail), (0, 0), "free")
PY
df m >/dev/null
stop

serve -w --growable disk.img m
client m . <<'PY'
from client import *
s, host = os.statvfs(sys.argv[1]), os.statvfs(sys.argv[2])
free = host.f_bavail * host.f_frsize
equal(abs(s.f_bavail * s.f_frsize - free) < 2**30, True, f"free space {s} of {host}")
equal(s.f_blocks * s.f_frsize >= 64 * MIB, True, "total")
PY
stop
