#!/usr/bin/env bash
# Writes to exports of many kinds of qcow2 images: qemu-img finds nothing wrong afterwards, and
# reads what a raw model has after the same commands. A group is a table in the folder qcow2-cases.
# usage: qcow2-cases.sh GROUP MINIMUM
tables=$(dirname "$(realpath "$0")")/qcow2-cases
test_timeout=${FUSEBAY_CASES_TIMEOUT:-720}
. "$(dirname "$0")/../io/lib.sh"
need_fuse
need_fusebay
need_program qemu-img qemu-io jq
group=$1 minimum=$2
mountpoint_file m
ulimit -c 0
ran=0 failures=0

# wrong TEXT...: the case fails, the others still run.
wrong() {
  echo "FAIL: $group: $case_name: $*" >&2
  failures=$((failures + 1))
}

# io FORMAT FILE 'COMMAND; COMMAND': qemu-io runs them one after the other.
io() {
  local format=$1 file=$2 command arguments=()
  while IFS= read -r command; do
    [ -z "${command// /}" ] || arguments+=(-c "$command")
  done <<<"${3//;/$'\n'}"
  [ ${#arguments[@]} = 0 ] ||
    bounded qemu-io -f "$format" "${arguments[@]}" "$file" >>io.log 2>&1
}

# What the active image says of itself, as "data:64k zero:64k none:896k". "kept" reads as zeroes and
# has a place in the file, "packed" is data without a place of its own. "own" is data or kept,
# which differ only where the file has a hole.
map_of() {
  qemu-img map --output=json "$1" | jq -r --arg own "$2" '
    def own: if $own == "yes" and (. == "data" or . == "kept") then "own" else . end;
    def kind: if .depth > 0 then "backing" elif .present == false then "none"
      elif .zero then (if has("offset") then "kept" else "zero" end)
      elif has("offset") then "data" else "packed" end;
    def short: if . % 1024 == 0 then "\(. / 1024)k" else "\(.)" end;
    reduce .[] as $e ([]; ($e | kind | own) as $kind |
      if (. | last | .kind) == $kind then .[-1].bytes += $e.length
      else . + [{kind: $kind, bytes: $e.length}] end) |
    map("\(.kind):\(.bytes | short)") | join(" ")'
}

# grow_by FILE 'OFFSET:LENGTH ...': writes there, which qemu-io refuses past the end.
grow_by() {
  local piece
  for piece in $2; do
    head -c "${piece#*:}" /dev/zero | tr '\0' g |
      dd of="$1" conv=notrunc oflag=seek_bytes seek="${piece%:*}" bs=64k status=none || return
  done
}

create_image() { qemu-img create -q -f qcow2 ${o:+-o "$o"} disk.qcow2 "$size"; }
end_of_image() { qemu-img check --output=json disk.qcow2 | jq '."image-end-offset"'; }

# try NAME [KEY=VALUE]...: one case.
#   o=OPTIONS size=SIZE    as of qemu-img create         make=COMMAND  instead of that
#   first='WRITE; WRITE'   what qemu-io writes into the image before
#   mount='OPTIONS'        of fusebay mount              do='WRITE; WRITE'  through the export
#   cut=SIZE               truncate -s SIZE through the export, before `do`
#   grow='OFFSET:LENGTH ...'  written through the export, after `do`
#   map='KIND:LENGTH ...'  as of map_of, afterwards      end=BYTES  the image is not longer
#   leaks=yes              qemu-img check may find leaks
#   then=COMMAND           must succeed afterwards, too
try() {
  local case_name=$1 o='' size=1M make=create_image first='' mount='' do='' cut='' map='' end=''
  local grow='' leaks='' key then='' bases
  shift
  for key; do
    local "${key%%=*}"="${key#*=}"
  done
  ran=$((ran + 1))
  rm -f disk* data* base* model.raw io.log
  $make || { wrong "cannot make the image"; return; }
  io qcow2 disk.qcow2 "$first" || wrong "cannot write before: $(tail -n 1 io.log)"
  qemu-img convert -O raw disk.qcow2 model.raw
  bases=$(find . -name 'base*' -exec cksum {} +)
  # shellcheck disable=SC2086
  serve -w $mount disk.qcow2 m
  [ -z "$cut" ] || { truncate -s "$cut" m && truncate -s "$cut" model.raw; } || wrong "cannot cut"
  io raw m "$do" || wrong "cannot write: $(tail -n 1 io.log)"
  io raw model.raw "$do" || wrong "cannot write to the model: $(tail -n 1 io.log)"
  { grow_by m "$grow" && grow_by model.raw "$grow"; } || wrong "cannot grow"
  cmp m model.raw || wrong "the export reads something else"
  stop
  judge
  expect_eq "$(find . -name 'base*' -exec cksum {} +)" "$bases" "the backing images of $case_name"
}

# What must hold of the image of every case.
judge() {
  local said found
  said=$(qemu-img check disk.qcow2 2>&1) || [ "$?$leaks" = 3yes ] || wrong "qemu-img check: $said"
  truncate -s %512 model.raw
  said=$(qemu-img compare -f qcow2 -F raw disk.qcow2 model.raw 2>&1) || wrong "compare: $said"
  [[ "$said" != *Warning* ]] || wrong "compare: $said"
  if [ -n "$map" ]; then
    found=$(map_of disk.qcow2 "$([[ $map != *own:* ]] || echo yes)")
    [ "$found" = "$map" ] || wrong "the map is '$found', expected '$map'"
  fi
  if [ -n "$end" ]; then
    found=$(end_of_image)
    [ "$found" -le "$end" ] || wrong "the image ends at $found, expected $end at most"
  fi
  [ -z "$then" ] || $then || wrong "then '$then'"
}

# shellcheck source=/dev/null
. "$tables/$group.sh"

[ "$ran" -ge "$minimum" ] || fail "only $ran cases ran, expected $minimum"
[ "$failures" = 0 ] || fail "$group: $failures failures in $ran cases"
echo "cases: $ran passed"
