#!/usr/bin/env bash
# Only a regular file is a mountpoint.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
random_file disk.img 65536
mkdir folder
mkfifo fifo
ln -s folder link

for name in folder fifo link; do
  expect_fail "'$name' is not a regular file" fusebay mount disk.img "$name"
  expect_fail "'$name' is not a regular file" fusebay mount --create disk.img "$name"
done
expect_eq "$(own_mounts all)" "" "mounts"
