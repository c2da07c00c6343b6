#!/usr/bin/env bash
# The daemon answers more than 200 good and bad commands as QEMU's storage daemon does.
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_fuse
need_root
need_program qemu-storage-daemon qemu-img python3
python3 "$here/../interop/qmp_daemons.py" "$FUSEBAY"
