#!/usr/bin/env bash
# /dev/fd/N is a FUSE mount that another program has made and will unmount.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
random_file disk.img 65536
mountpoint_file m

client "$FUSEBAY" <<'PY'
from client import *
import ctypes, subprocess
libc = ctypes.CDLL(None, use_errno=True)
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=100000,user_id=0,group_id=0".encode()
equal(libc.mount(b"mine", b"m", b"fuse.mine", 0, options), 0, "mount")
try:
    subprocess.run([sys.argv[1], "mount", "disk.img", f"/dev/fd/{fuse}"], pass_fds=[fuse],
                   check=True, timeout=20, stdin=subprocess.DEVNULL)
    os.close(fuse)
    equal(open("m", "rb").read(), open("disk.img", "rb").read(), "bytes")
finally:
    equal(libc.umount2(b"m", 0), 0, "umount")
PY
expect_no_daemons
