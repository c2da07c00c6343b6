#!/usr/bin/env bash
# The command line: help and version everywhere, exit status 2 for a wrong line, 1 for a failure.
. "$(dirname "$0")/lib.sh"
need_fusebay
random_file disk.img 65536
: >m

expect_contains "$(fusebay --help)" "Usage"
expect_contains "$(fusebay --version)" "fusebay "
for command in mount umount list info; do
  expect_contains "$(fusebay --help)" "$command"
  expect_contains "$(fusebay "$command" --help)" "fusebay $command"
  expect_contains "$(fusebay "$command" --version)" "fusebay "
  expect_usage "--no-such-option" fusebay "$command" --no-such-option
done
expect_usage "" fusebay
expect_usage "fly" fusebay fly
expect_usage "" fusebay mount
expect_usage "" fusebay mount disk.img
expect_usage "" fusebay umount
expect_usage "" fusebay info
expect_usage "" fusebay info --output=xml disk.img
for option in --cache --allow-other --aio --format; do
  expect_usage "nonsense" fusebay mount "$option=nonsense" disk.img m
done
for option in --size --offset --loops; do
  expect_usage "nonsense" fusebay mount "$option=nonsense" disk.img m
done
expect_usage "writable" fusebay mount --growable disk.img m
expect_usage "" fusebay mount --format=qcow2 --offset=512 disk.img m
expect_fail "nowhere.img" fusebay info nowhere.img
