# The cases of extended L2 entries: a write takes the subclusters that it touches, not more.
below() { truncate -s 1M base && io raw base 'write -P 7 0 1M' &&
  qemu-img create -q -f qcow2 -o "$o" -b base -F raw disk.qcow2 1M; }

own=(o=extended_l2=on,cluster_size=128k) # subclusters of 4k
on_base=("${own[@]}" make=below)
full='write -P 9 0 1M'
try "a write takes one subcluster" "${on_base[@]}" do='write -P 1 132k 4k' \
  map='backing:132k own:4k backing:888k'
try "a write inside a subcluster copies that one" "${on_base[@]}" do='write -P 1 133k 100' \
  map='backing:132k own:4k backing:888k'
try "a write over a border copies two" "${on_base[@]}" do='write -P 1 139000 400' \
  map='backing:132k own:8k backing:884k'
try "a write over a border of clusters" "${on_base[@]}" do='write -P 1 131000 200' \
  map='backing:124k own:8k backing:892k'
try "every other subcluster" "${on_base[@]}" do='write -P 1 0 4k; write -P 2 8k 4k;
    write -P 3 16k 4k' \
  map='own:4k backing:4k own:4k backing:4k own:4k backing:1004k'
try "a hole between two is filled" "${on_base[@]}" \
  do='write -P 1 0 4k; write -P 2 8k 4k; write -P 3 4k 4k' map='own:12k backing:1012k'
try "a write over taken and free subclusters" "${on_base[@]}" \
  do='write -P 1 4k 4k; write -P 2 1000 15000' map='own:16k backing:1008k'
try "the last subcluster" "${on_base[@]}" do='write -P 1 1020k 4k' map='backing:1020k own:4k'
try "whole clusters" "${on_base[@]}" do='write -P 1 128k 256k' \
  map='backing:128k own:256k backing:640k'
try "zero one subcluster" "${on_base[@]}" do='write -z -u 8k 4k' \
  map='backing:8k zero:4k backing:1012k'
try "zero part of a subcluster" "${on_base[@]}" do='write -z 9k 1k' \
  map='backing:8k own:4k backing:1012k'
try "zero over borders of subclusters" "${on_base[@]}" do='write -z -u 6k 12k' \
  map='backing:4k data:4k kept:8k data:4k backing:1004k'
try "zero subclusters of data" "${own[@]}" first="$full" do='write -z 8k 8k' \
  map='data:8k kept:8k data:1008k'
try "write over zeroed subclusters" "${on_base[@]}" do='write -z 0 64k; write -P 1 6k 1k' \
  map='kept:4k data:4k kept:56k backing:960k'
try "discard of a whole cluster" "${own[@]}" first="$full" do='discard 128k 128k' \
  map='data:128k zero:128k data:768k'
try "discard of subclusters" "${own[@]}" first="$full" do='discard 16k 16k'
try "discard over the border of clusters" "${own[@]}" first="$full" do='discard 100k 200k'
try "discard of every subcluster, one by one" "${own[@]}" size=128k first='write -P 9 0 128k' \
  do="$(for i in {0..31}; do echo "discard $((i * 4))k 4k;"; done)"
try "zeroes of every subcluster, backwards" "${on_base[@]}" \
  do="$(for i in {31..0}; do echo "write -z $((i * 4))k 4k;"; done)" map='zero:128k backing:896k'
try "writes of every third subcluster, then of all" "${on_base[@]}" \
  do="$(for i in {0..10}; do echo "write -P $i $((i * 12))k 4k;"; done) write -P 99 0 128k" \
  map='own:128k backing:896k'
try "qemu's subclusters written over" "${on_base[@]}" \
  first='write -P 1 4k 4k; write -z 12k 8k; write -P 2 130k 20k' \
  do='write -P 3 5k 10k; write -P 4 0 1k; write -z 132k 8k; write -P 5 127k 2k'
