#!/usr/bin/env bash
# Every command, event and member in our schema is one of QEMU's storage daemon, but for a list.
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-storage-daemon python3
python3 "$here/../interop/qmp_schema.py" "${QMP_REPLAY:?}"
