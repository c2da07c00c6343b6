#!/usr/bin/env bash
# fusebay img check: exit statuses, messages that name the file, options, locks, and files that lie.
. "$(dirname "$0")/lib.sh"
need_fusebay
need_program qemu-img qemu-io

# expect_exit STATUS TEXT OPTION...: fusebay img check ends so, with TEXT on stdout or stderr.
expect_exit() {
  local expected=$1 text=$2 status=0
  shift 2
  fusebay img check "$@" >out.log 2>&1 || status=$?
  expect_eq "$status" "$expected" "exit status of: img check $* ($(cat out.log))"
  expect_contains "$(cat out.log)" "$text"
}

qemu_create -f qcow2 disk.qcow2 8M
bounded qemu-io -f qcow2 -c 'write 0 1M' disk.qcow2 >/dev/null
truncate -s 1M disk.img

expect_exit 0 "No errors were found on the image." disk.qcow2
expect_exit 63 "does not support checks" disk.img
expect_exit 63 "does not support checks" -f raw disk.qcow2
expect_exit 1 "missing.qcow2" missing.qcow2
expect_exit 1 "Expecting one image file name"
expect_exit 1 "Expecting one image file name" disk.qcow2 disk.qcow2
expect_exit 1 "unknown option '--foo'" --foo disk.qcow2
expect_exit 1 "expecting 'leaks' or 'all'" -r some disk.qcow2
expect_exit 1 "force-share" -U -r all disk.qcow2
expect_exit 1 "vmdk" -f vmdk disk.qcow2
expect_exit 1 "not in qcow2 format" -f qcow2 disk.img
expect_eq "$(fusebay img check -q disk.qcow2 2>&1)" "" "output of -q"
expect_contains "$(fusebay img check -p disk.qcow2 2>&1)" "(100.00/100%)"
expect_eq "$(fusebay img check disk.qcow2 2>&1 >/dev/null)" "" "no bar without a terminal"

# A leak, an error, both: the image grows by a cluster that has a refcount and no user.
python3 - <<'PY'
import os, struct
with open("disk.qcow2", "r+b") as image:
    image.seek(48)
    table = struct.unpack(">Q", image.read(8))[0]
    image.seek(table)
    block = struct.unpack(">Q", image.read(8))[0]
    cluster = os.fstat(image.fileno()).st_size // 65536
    image.truncate((cluster + 1) * 65536)
    image.seek(block + cluster * 2)
    image.write(b"\0\1")
PY
expect_exit 3 "1 leaked clusters were found" disk.qcow2
cp disk.qcow2 both.qcow2
printf '\0\0' | dd of=both.qcow2 bs=1 seek=131072 conv=notrunc status=none # the header's refcount
expect_exit 2 "ERROR cluster 0 refcount=0 reference=1" both.qcow2
expect_exit 0 "Double checking the fixed image now..." -r all both.qcow2
expect_exit 0 "    1 leaked clusters" -r leaks disk.qcow2

# Another program has it.
mkfifo commands
bounded qemu-io -f qcow2 disk.qcow2 <commands >qemu-io.log 2>&1 &
own_pids+=($!)
exec 9>commands
echo 'write 0 64k' >&9
in_use() { grep -q wrote qemu-io.log; }
await in_use || fail "qemu-io does not open the image: $(cat qemu-io.log)"
expect_exit 1 'Failed to get shared "write" lock' disk.qcow2
expect_exit 1 'Failed to get "write" lock' -r all disk.qcow2
expect_exit 0 "Image end offset" -U disk.qcow2
exec 9>&-
wait

# Files that lie: an end, soon, with a message that names the file.
make_hostile() {
  python3 - "$1" <<'PY'
import struct, sys
kind = sys.argv[1]
bits, size, l1_entries, snapshots = 16, 1 << 40, 2048, 0
if kind == "many-clusters":
    bits = 9
if kind == "large-l1":
    bits, l1_entries, size = 9, 4 << 20, 1 << 37
if kind.startswith("many-snapshots"):
    snapshots = 65535
with open("hostile.qcow2", "wb") as image:
    cluster = 1 << bits
    head = struct.pack(">IIQIIQIIQQIIQQQQII", 0x514649fb, 3, 0, 0, bits, size, 0, l1_entries,
                       cluster * 2, cluster, 1, snapshots, cluster * 3, 0, 0, 0, 4, 104)
    image.write(head)
    image.truncate(1 << 42 if kind == "many-clusters" else 1 << 33)
    if kind == "large-l1":
        image.seek(cluster * 2)
        for entry in range(0, l1_entries, 4096):
            image.write(struct.pack(">Q", 1 << 62 | cluster * 5 + 1) * 4096)
    if kind == "all-the-same":
        image.seek(cluster * 2)
        image.write(struct.pack(">Q", cluster * 2) * l1_entries)
    if snapshots:
        image.seek(cluster * 3)
        for i in range(snapshots):
            apart, longer = kind.endswith("-apart"), kind.endswith("-longer")
            image.write(struct.pack(">QIHHIIQII", cluster * (99 + i * apart),
                                    i + 1 if longer else 4096, 0, 0, 0, 0, 0, 0, 16) + bytes(16))
        image.seek(cluster * 99)
        image.write(struct.pack(">Q", 1 << 63 | cluster * 50) * 65536)
PY
}
for kind in many-clusters large-l1 all-the-same many-snapshots many-snapshots-longer \
  many-snapshots-apart; do
  make_hostile "$kind"
  status=0
  # Five seconds of the processor, where a second is enough.
  (ulimit -t 5 -v 4000000 && fusebay img check -q hostile.qcow2) >out.log 2>&1 || status=$?
  [ "$status" -ge 1 ] && [ "$status" -le 3 ] || fail "$kind: $status, $(tail -3 out.log)"
  [ "$status" != 1 ] || expect_contains "$(cat out.log)" "hostile.qcow2"
done
