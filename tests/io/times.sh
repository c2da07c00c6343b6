#!/usr/bin/env bash
# Times are true: the image's at first; reads and stats do not move them, writes and utimes do.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 65536
touch -d '2020-02-02 02:02:02.123456789' disk.img
mountpoint_file m

serve -w disk.img m
client m disk.img <<'PY'
from client import *
path = sys.argv[1]
def times():
    s = os.stat(path)
    return s.st_mtime_ns, s.st_ctime_ns
equal(os.stat(path).st_mtime_ns, os.stat(sys.argv[2]).st_mtime_ns, "mtime at first")
first = times()
time.sleep(1.1)                      # longer than the kernel keeps attributes
open(path, "rb").read()
equal(times(), first, "times after a second and a read")
before = time.time_ns()
fd = os.open(path, os.O_RDWR)
os.pwrite(fd, b"x", 0)
time.sleep(1.1)
written = times()
equal(before - 10**8 <= written[0] <= time.time_ns() - 10**9, True, "mtime of the write's moment")
equal(written[1] > first[1], True, "ctime moved by the write")
time.sleep(1.1)
equal(times(), written, "times that stay")
os.utime(path, ns=(1_111_111_111_111_111_111, 1_222_222_222_222_222_222))
equal(os.stat(path).st_mtime_ns, 1_222_222_222_222_222_222, "mtime set")
equal(os.stat(path).st_atime_ns, 1_111_111_111_111_111_111, "atime set")
equal(os.stat(sys.argv[2]).st_mtime_ns == 1_222_222_222_222_222_222, False, "the image's own mtime")
os.utime(path)
equal(abs(os.stat(path).st_mtime_ns - time.time_ns()) < 10**10, True, "utime to now")
PY
stop

touch -d '2020-02-02 02:02:02' disk.img
serve disk.img m
touch -r m reference
sleep 1.1
cat m >/dev/null
[ ! m -nt reference ] && [ ! reference -nt m ] || fail "a phantom change"
stop
