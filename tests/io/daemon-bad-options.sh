#!/usr/bin/env bash
# What is wrong on the daemon's command line is said with the option's name, and the status is 1.
. "$(dirname "$0")/daemon-lib.sh"
random_file disk.img 65536

refused() { # MESSAGE OPTIONS...
  local message=$1
  shift
  expect_fail "fusebay daemon: $message" fusebay daemon "$@"
}

refused "unknown option '--no-such'" --no-such
refused "option '--pidfile' needs a value" --pidfile
refused "x: Unexpected argument" x
refused "--nbd-server addr.type=unix,addr.path=x: fusebay has no NBD server" \
  --nbd-server addr.type=unix,addr.path=x
refused "--trace x: fusebay has no trace points" -T x
refused "--blockdev help: Help is not available for this option" --blockdev help
refused "--blockdev node-name=f,filename=a: Parameter 'driver' is missing" \
  --blockdev node-name=f,filename=a
refused "--blockdev driver=fil,node-name=f: Parameter 'driver' does not accept value 'fil'" \
  --blockdev driver=fil,node-name=f
refused "--blockdev driver=file,node-name=f,filename=nope: Could not open 'nope': No such file" \
  --blockdev driver=file,node-name=f,filename=nope
refused "--blockdev =: Invalid parameter ''" --blockdev =
refused "--blockdev {\"driver\":: JSON parse error" --blockdev '{"driver":'
refused "--export type=fuse,id=e,node-name=x,mountpoint=m: Cannot find device='' nor node-name=" \
  --export type=fuse,id=e,node-name=x,mountpoint=m
refused "--object iothread,id=t: attempt to add duplicate property 't' to object (type" \
  --object iothread,id=t --object iothread,id=t
refused "--object iothread: Parameter 'id' is missing" --object iothread
refused "--object foo,id=x: Parameter 'qom-type' does not accept value 'foo'" --object foo,id=x
refused "--object iothread,id=t,foo=3: Parameter 'foo' is unexpected" --object iothread,id=t,foo=3
refused "--object iothread,id=1t: Parameter 'id' expects an identifier" --object iothread,id=1t
refused "--object secret,id=s: Either 'file' or 'data' must be provided" --object secret,id=s
refused "--monitor chardev=nope: chardev \"nope\" not found" --monitor chardev=nope
refused "--monitor q: Device 'q' is in use" --chardev socket,id=q,path=s,server=on,wait=off \
  --monitor chardev=q --monitor q
refused "--chardev {}: chardev: no id specified" --chardev '{}'
refused "cannot create PID file: Could not create '/no/dir/p': No such file or directory" \
  --pidfile /no/dir/p

# A failure takes back what was done before.
mountpoint_file m
refused "--object foo,id=x" --blockdev file,node-name=f,filename=disk.img \
  --export fuse,id=e,node-name=f,mountpoint=m --object foo,id=x
not_mounted m || fail "still mounted"

# Help is no mistake.
expect_contains "$(fusebay daemon --object help)" "iothread"
expect_contains "$(fusebay daemon --object iothread,help)" "poll-max-ns=<int>"
expect_contains "$(fusebay daemon --chardev help)" "socket"
expect_contains "$(fusebay daemon --help)" "--blockdev"
expect_contains "$(fusebay daemon -V)" "fusebay "
