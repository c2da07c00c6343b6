#!/usr/bin/env bash
# What goes wrong before the file is ready is told by the command, not by a daemon that nobody sees.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
mountpoint_file m
printf 'QFI\373garbage that is no header' >bad.qcow2
truncate -s 65536 bad.qcow2

expect_fail "nowhere.img" fusebay mount nowhere.img m
expect_fail "No such file or directory" fusebay mount nowhere.img m
expect_fail "bad.qcow2" fusebay mount bad.qcow2 m
expect_fail "bad.qcow2" fusebay mount --foreground bad.qcow2 m
mkdir folder
expect_fail "folder" fusebay mount folder m
not_mounted m || fail "mounted"
expect_no_daemons
