#!/usr/bin/env bash
# Options on the command line are parsed, and refused, as QEMU's storage daemon does.
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-storage-daemon python3
python3 "$here/../interop/qmp_options.py" "${QMP_REPLAY:?}"
