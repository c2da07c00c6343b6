#!/usr/bin/env bash
# `fusebay list` shows what is exported by whom, as text and as JSON; nothing that is gone.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file "disk one.img" 65536
random_file two.img 131072
mountpoint_file a "b c"

serve -w "disk one.img" a
first=$server
serve two.img "b c"
# A server tells of itself when the file is there already.
lists() { [[ "$(fusebay list)" == *"$1"* ]]; }
for pid in "$first" "$server"; do
  await lists "$pid" || fail "$pid is not listed: $(fusebay list)"
done
text=$(fusebay list)
expect_contains "$text" "$(id -un)"
for word in "$dir/disk one.img" "$dir/a" "$dir/two.img" "$dir/b c" "$first" "$server"; do
  expect_contains "$text" "$word"
done
fusebay list --output=json >list.json
client list.json "$dir" "$first" "$server" <<'PY'
from client import *
import json
exports = json.load(open(sys.argv[1]))
folder, first, second = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
mine = {e["mountpoint"]: e for e in exports if e["mountpoint"].startswith(folder)}
equal(sorted(mine), [folder + "/a", folder + "/b c"], "mountpoints")
one, two = mine[folder + "/a"], mine[folder + "/b c"]
equal((one["image"], one["pid"], one["writable"]), (folder + "/disk one.img", first, True))
equal((two["image"], two["pid"], two["writable"]), (folder + "/two.img", second, False))
PY
stop "$first"
[[ "$(fusebay list)" != *"$dir/a"* ]] || fail "a is still listed"
expect_contains "$(fusebay list)" "$dir/b c"
stop
[[ "$(fusebay list)" != *"$dir/"* ]] || fail "still listed"
