#!/usr/bin/env bash
# An image can be mounted over its own path: it was opened first.
. "$(dirname "$0")/lib.sh"
need_fuse
need_program qemu-img
random_file raw.img 3145728
qemu-img convert -O qcow2 raw.img disk.qcow2
cp disk.qcow2 copy.qcow2

serve -f qcow2 disk.qcow2 disk.qcow2
same_bytes raw.img disk.qcow2
stop
same_bytes copy.qcow2 disk.qcow2
