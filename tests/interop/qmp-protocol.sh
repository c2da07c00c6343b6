#!/usr/bin/env bash
# Our QMP answers good and bad input as QEMU's storage daemon does.
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-storage-daemon python3
python3 "$here/../interop/qmp_compare.py" "${QMP_REPLAY:?}" "${1:?which part}"
