# Functions that every black-box test starts from: requirements, a folder, a server, checks.
#
# A test sources this file first. It then runs under a time limit (test_timeout, 300 seconds or
# more unless set before), in $dir, and whatever it leaves behind is cleaned up by what is its own:
# mounts and loop devices below $dir, processes that it started.
#
# Environment: FUSEBAY is the program under test. FUSEBAY_TEST_SERVER=peer starts
# qemu-storage-daemon instead, which checks the tests themselves (docs/TESTING.md).
# FUSEBAY_TEST_SECONDS is how long each part of a test under load runs; the limits grow with it, and
# FUSEBAY_TEST_PATIENCE multiplies them. They are there for what hangs: a disk that others keep busy
# may hold up an fsync for half a minute.
set -euo pipefail

patience=${FUSEBAY_TEST_PATIENCE:-1}
client_timeout=$((patience * ${client_timeout:-$((240 + ${FUSEBAY_TEST_SECONDS:-0}))}))
test_timeout=$((patience * ${test_timeout:-$((300 + 4 * ${FUSEBAY_TEST_SECONDS:-0}))})) # four parts

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "${FUSEBAY_TEST_GUARDED:-}" ]; then
  FUSEBAY_TEST_GUARDED=1 exec timeout --kill-after=15 "$test_timeout" bash "$0" "$@"
fi

FUSEBAY=$(realpath -m "${FUSEBAY:-$here/../../build/tools/fusebay}")
export LC_ALL=C TZ=UTC PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
export PATH=$PATH:/usr/sbin:/sbin
unset FUSEBAY_TEST_GUARDED

# --- requirements -------------------------------------------------------------------------------

skip() {
  echo "SKIP: $(basename "$0"): $*" >&2
  exit 77
}

need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }

# Where tests/run has installed what it needs, a missing program is a mistake of its list.
need_program() {
  local name
  for name in "$@"; do
    command -v "$name" >/dev/null && continue
    [ -z "${FUSEBAY_TEST_INSTALLED:-}" ] || fail "tests/install-deps does not install $name"
    skip "needs the program $name"
  done
}

need_fuse() {
  [ -c /dev/fuse ] || skip "needs /dev/fuse"
  (: <>/dev/fuse) 2>/dev/null || skip "needs to open /dev/fuse"
}

# need_kernel 6.6 'what for'
need_kernel() {
  local oldest
  oldest=$(printf '%s\n%s\n' "$1" "$(uname -r)" | sort -V | head -1)
  [ "$oldest" = "$1" ] || skip "needs Linux $1 or newer: $2"
}

need_loop() {
  need_root
  need_program losetup
  losetup -f >/dev/null 2>&1 || skip "needs a free loop device"
}

# Below another root it may be none. There fusermount3 unmounts nothing for a user.
need_root_mount() {
  awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo ||
    skip "needs / to be a mount point"
}

# Not to be had where / is no mount point, for one.
need_namespaces() {
  need_program unshare
  unshare -m true 2>/dev/null || skip "needs mount namespaces"
}

# What only fusebay itself can answer, not the peer.
need_fusebay() { [ "${FUSEBAY_TEST_SERVER:-}" != peer ] || skip "not for the peer"; }

# --- the end --------------------------------------------------------------------------------------

own_pids=()
own_loops=()
own_connections=()
at_exit=()

cleanup() {
  local status=$? command pid mountpoint
  trap - EXIT
  set +e
  cd /
  for command in "${at_exit[@]}"; do
    eval "$command"
  done
  for mountpoint in $(own_mounts other); do
    timeout 10 umount "$(unescape "$mountpoint")" 2>/dev/null
  done
  for pid in "${own_loops[@]}"; do
    timeout 10 losetup -d "$pid" 2>/dev/null
  done
  for pid in "${own_pids[@]}" $(own_daemons); do
    kill -KILL "$pid" 2>/dev/null
  done
  for pid in "${own_pids[@]}"; do
    # Not before it has ended, or it might mount something even now.
    wait_until 5 ended "$pid" || abort_connections
  done
  for mountpoint in $(own_mounts all); do
    umount -l "$(unescape "$mountpoint")" 2>/dev/null ||
      fusermount3 -u -z "$(unescape "$mountpoint")" 2>/dev/null
  done
  wait 2>/dev/null
  [ "$status" = 0 ] || [ "$status" = 77 ] || show_logs
  rm -rf --one-file-system "$dir"
  exit "$status"
}

# Cuts the kernel's side of this test's exports, when a killed server does not go.
abort_connections() {
  local number
  mkdir -p "$dir/.fusectl" && mount -t fusectl none "$dir/.fusectl" || return
  for number in "${own_connections[@]}"; do
    [ ! -e "$dir/.fusectl/$number/abort" ] || echo 1 >"$dir/.fusectl/$number/abort"
  done
  umount "$dir/.fusectl"
}

# The mount table, read at once: the shell would read it in pieces, between which it changes.
mount_table() { cat /proc/self/mountinfo; }

# Mountpoints below $dir as mountinfo spells them, newest first: all, or those but exports.
own_mounts() {
  local fields
  while read -r -a fields; do
    case ${fields[4]} in "$dir"/*) ;; *) continue ;; esac
    [ "$1" = all ] || [[ " ${fields[*]} " != *" - fuse"* ]] || continue
    printf '%s\n' "${fields[4]}"
  done <<<"$(mount_table)" | tac
}

# Processes of the program under test that this test started, also in the background.
own_daemons() {
  local folder
  for folder in /proc/[0-9]*; do
    [ "$(readlink "$folder/exe")" = "$FUSEBAY" ] || continue
    tr '\0' '\n' <"$folder/environ" | grep -qxF "FUSEBAY_TEST_DIR=$dir" && echo "${folder#/proc/}"
  done 2>/dev/null || true
}

show_logs() {
  local log
  for log in "$dir"/.log.*; do
    [ -s "$log" ] || continue
    echo "--- what the server said ($(basename "$log")):" >&2
    tail -n 40 "$log" >&2
  done
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/fusebay-test.XXXXXX")
dir=$(realpath "$dir")
export FUSEBAY_TEST_DIR=$dir
trap cleanup EXIT
trap 'exit 143' TERM INT HUP
cd "$dir"

[ -x "$FUSEBAY" ] || [ "${FUSEBAY_TEST_SERVER:-}" = peer ] || {
  echo "FAIL: $(basename "$0"): no program $FUSEBAY (set FUSEBAY)" >&2
  exit 1
}

# --- checks -----------------------------------------------------------------------------------

fail() {
  echo "FAIL: $(basename "$0"): $*" >&2
  exit 1
}

expect_eq() { # ACTUAL EXPECTED [what]
  [ "$1" = "$2" ] || fail "${3:-value} is '$1', expected '$2'"
}

expect_contains() { # TEXT PART
  [[ "$1" == *"$2"* ]] || fail "expected '$2' in: $1"
}

# expect_fail MESSAGE COMMAND...: it fails with exit code 1 and says MESSAGE.
expect_fail() { expect_status 1 "$@"; }
# expect_usage MESSAGE COMMAND...: it is refused as a wrong command line.
expect_usage() { expect_status 2 "$@"; }

expect_status() { # STATUS MESSAGE COMMAND...
  local wanted=$1 message=$2 status=0 output
  shift 2
  output=$("$@" 2>&1 </dev/null) || status=$?
  [ "$status" != 0 ] || fail "succeeded, expected '$message': $*"
  expect_contains "$output" "$message"
  expect_eq "$status" "$wanted" "exit status of '$*' ($output)"
}

# wait_until SECONDS COMMAND...: until it succeeds. It is asked once more when the time is over, as
# this process, too, may have been held up.
wait_until() {
  local end=$((SECONDS + patience * $1 + 1)) over=
  shift
  until "$@"; do
    [ -z "$over" ] || return 1
    [ "$SECONDS" -lt "$end" ] || over=yes
    sleep 0.02
  done
}
# The same for what must come, however slow the machine is.
await() { wait_until 120 "$@"; }

# bounded COMMAND...: one program that may hang.
bounded() { timeout --kill-after=5 $((patience * 120)) "$@"; }

# client [ARGS] <<'PY': Python with the helpers of client.py, at most client_timeout seconds.
client() {
  timeout --kill-after=5 "$client_timeout" python3 - "$@" || fail "the client said no"
}

# --- files ------------------------------------------------------------------------------------

random_file() { head -c "$2" /dev/urandom >"$1"; }                  # PATH BYTES
sparse_file() { truncate -s "$2" "$1"; }                            # PATH SIZE
size_of() { stat -c %s -- "$1"; }
mountpoint_file() { local name; for name in "$@"; do : >"$name"; done; }
same_bytes() { bounded cmp -- "$1" "$2" || fail "'$1' and '$2' differ"; }

# --- mounts -----------------------------------------------------------------------------------

# \040 and the like, as the mount table writes spaces.
unescape() { printf '%b' "${1//\\/\\0}"; }

# The lines of the mount table for one path, unescaped, newest last.
mount_lines() {
  local path line fields place
  path=$(realpath -m -- "$1")
  while IFS= read -r line; do
    read -r -a fields <<<"$line"
    printf -v place '%b' "${fields[4]//\\/\\0}"
    [ "$place" = "$path" ] && printf '%s\n' "$line"
  done <<<"$(mount_table)" || true
}

mounts_at() { mount_lines "$1" | wc -l; }
is_mounted() { [ "$(mounts_at "$1")" -gt 0 ]; }
not_mounted() { ! is_mounted "$1"; }

# --- the program ------------------------------------------------------------------------------

# One command of the program.
fusebay() { bounded "$FUSEBAY" "$@"; }

server=
# serve [OPTIONS] IMAGE MOUNTPOINT...: as `fusebay mount`, its process in $server. Returns when the
# last mountpoint is ready.
serve() {
  local target=${!#} log="$dir/.log.${#own_pids[@]}" before
  before=$(living_mounts_at "$target")
  start_server "$@" >"$log" 2>&1 </dev/null &
  server=$!
  own_pids+=("$server")
  await ready_or_dead "$target" "$before" || fail "no mount: $*"
  kill -0 "$server" 2>/dev/null || fail "the server ended: $*"
  own_connections+=("$(mount_lines "$target" | tail -n 1 | cut -d' ' -f3 | cut -d: -f2)")
}

start_server() {
  if [ "${FUSEBAY_TEST_SERVER:-}" = peer ]; then
    # shellcheck source=/dev/null
    . "$here/peer.sh"
    start_peer "$@"
  else
    exec "$FUSEBAY" mount --foreground "$@"
  fi
}

ready_or_dead() { ! kill -0 "$server" 2>/dev/null || [ "$(living_mounts_at "$1")" -gt "$2" ]; }

# How many mounts a path has; none where a killed server has left a dead one.
living_mounts_at() {
  if timeout 10 stat -- "$1" >/dev/null 2>&1; then
    mounts_at "$1"
  else
    echo 0
  fi
}
ended() { ! kill -0 "$1" 2>/dev/null; }

# expect_end [PID] [STATUS]: the process ends by itself, with this exit status.
expect_end() {
  local pid=${1:-$server} status=0
  await ended "$pid" || fail "process $pid still runs"
  wait "$pid" || status=$?
  expect_eq "$status" "${2:-0}" "exit status of the server"
}

# Ends the server as a user does, with SIGTERM.
stop() {
  kill -TERM "${1:-$server}"
  expect_end "${1:-$server}"
}

no_daemons() { [ -z "$(own_daemons)" ]; }
expect_no_daemons() { await no_daemons || fail "still running: $(own_daemons)"; }

# What a command says but for stalls, of which the machine may be the cause.
without_stalls() { sed '/: stall: coroutines ran for/d'; }

# Hundredths of seconds of CPU time that a process has used.
cpu_ticks() { awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$1/stat"; }

# expect_idle PID: it uses no more than a tenth of a CPU over a second, soon.
expect_idle() {
  local before
  for _ in 1 2 3 4 5; do
    before=$(cpu_ticks "$1")
    sleep 1
    [ $(($(cpu_ticks "$1") - before)) -gt 10 ] || return 0
  done
  fail "process $1 spins"
}

# loop_device VARIABLE [losetup options] FILE: a loop device over FILE, taken down at the end.
loop_device() {
  local -n device_name=$1
  shift
  device_name=$(losetup --find --show "$@") || skip "no loop device: $*"
  own_loops+=("$device_name")
}

qemu_create() { qemu-img create -q "$@"; }
