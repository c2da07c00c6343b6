#!/usr/bin/env bash
# A daemon's exports are in `fusebay list` while they live, and `fusebay umount` ends one of them.
. "$(dirname "$0")/daemon-lib.sh"
need_fuse
need_program jq
random_file disk.img 65536
random_file other.img 131072
mountpoint_file a b
start_daemon --blockdev driver=file,node-name=f,filename=disk.img \
  --blockdev driver=file,node-name=g,filename=other.img \
  --export type=fuse,id=ea,node-name=f,mountpoint=a,writable=on

listed() {
  fusebay list --output=json |
    jq -c --arg dir "$dir/" '[.[] | select(.mountpoint | startswith($dir)) | {m: (.mountpoint |
      ltrimstr($dir)), i: (.image | ltrimstr($dir)), e: ."export-id", n: ."node-name", w: .writable,
      s: .size, t: .state, p: .pid}] | sort_by(.m)'
}
a='{"m":"a","i":"disk.img","e":"ea","n":"f","w":true,"s":65536,"t":"served","p":'$server'}'
b='{"m":"b","i":"other.img","e":"eb","n":"g","w":false,"s":131072,"t":"served","p":'$server'}'
expect_eq "$(listed)" "[$a]" "exports"
qmp block-export-add '{"type": "fuse", "id": "eb", "node-name": "g", "mountpoint": "b"}' >/dev/null
expect_eq "$(listed)" "[$a,$b]" "exports"

printf new | dd of=a conv=notrunc status=none
fusebay umount a
expect_eq "$(head -c 3 disk.img)" new "what was written"
expect_eq "$(listed)" "[$b]" "exports after umount"
expect_eq "$(qmp query-block-exports | jq -r '.[].id')" eb "exports that the daemon has"
qmp blockdev-del '{"node-name": "f"}' >/dev/null
qmp block-export-del '{"id": "eb"}' >/dev/null
expect_eq "$(listed)" "[]" "exports after block-export-del"
qmp block-export-add '{"type": "fuse", "id": "eb", "node-name": "g", "mountpoint": "b"}' >/dev/null
expect_eq "$(listed)" "[$b]" "exports"
quit_daemon
expect_eq "$(listed)" "[]" "exports after the end"
