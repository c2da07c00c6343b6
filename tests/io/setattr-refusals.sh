#!/usr/bin/env bash
# What may not be changed is refused with its errno, and changes nothing.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_fusebay
random_file disk.img 65536
mountpoint_file m

serve --allow-other=off disk.img m
client m <<'PY'
from client import *
path = sys.argv[1]
expect_errno(errno.EROFS, os.chmod, path, 0o600)
expect_errno(errno.EROFS, os.truncate, path, 512)
expect_errno(errno.EROFS, os.utime, path)
expect_errno(errno.EROFS, os.open, path, os.O_RDWR)
expect_errno(errno.EROFS, os.open, path, os.O_WRONLY | os.O_TRUNC)
PY
expect_eq "$(stat -c '%a %s' m)" "400 65536" "mode and size"
stop

serve -w --allow-other=off disk.img m
client m <<'PY'
from client import *
path = sys.argv[1]
for mode in (0o644, 0o606, 0o610, 0o620):
    expect_errno(errno.EPERM, os.chmod, path, mode)
expect_errno(errno.EOPNOTSUPP, os.chown, path, 1234, -1)
expect_errno(errno.EOPNOTSUPP, os.chown, path, -1, 1234)
os.chmod(path, 0o400)
os.chmod(path, 0o700)
os.chmod(path, 0o600)
PY
expect_eq "$(stat -c '%a %u %s' m)" "600 0 65536" "mode, owner and size"
stop

serve -w --allow-other=on disk.img m
chmod 640 m
chown 1234:4321 m
expect_eq "$(stat -c '%a %u %g' m)" "640 1234 4321" "mode and owner with allow_other"
stop
