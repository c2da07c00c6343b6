#!/usr/bin/env bash
# Extended attributes are refused, without a request for each write; flock and fcntl locks work
# between the clients of an export.
. "$(dirname "$0")/lib.sh"
need_fuse
need_program flock
random_file disk.img 65536
mountpoint_file m

serve -w disk.img m
client m <<'PY'
from client import *
path = sys.argv[1]
for turn in range(2):
    expect_errno(errno.EOPNOTSUPP, os.setxattr, path, "user.test", b"x")
    expect_errno(errno.EOPNOTSUPP, os.getxattr, path, "user.test")
fd, other = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 100, 0)
child = os.fork()
if child == 0:
    try:
        fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 50)
    except OSError as error:
        os._exit(0 if error.errno in (errno.EAGAIN, errno.EACCES) else 1)
    os._exit(2)
equal(os.waitpid(child, 0)[1], 0, "a second lock of the range")
PY
exec 9<m
flock -n 9
! flock -n m true || fail "two exclusive locks at once"
flock -u 9
flock -n m true || fail "the lock did not go"
exec 9<&-
stop
