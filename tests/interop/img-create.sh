#!/usr/bin/env bash
# usage: img-create.sh CLUSTER_SIZE
# `fusebay img create` with every combination of refcount width, version, extended L2, preallocation
# and data file makes what qemu-img makes, or refuses what it refuses.
test_timeout=720
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-img

python3 "$here/../interop/img_create_matrix.py" "$FUSEBAY" "$1" || fail "images differ"
