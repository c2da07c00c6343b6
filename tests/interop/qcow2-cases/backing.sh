# The cases of images with a backing image: what is not written stays below, what is zeroed does not
# show it again.

# below SIZE [qcow2]: makes the backing image, full of data, with the image on top.
below() {
  if [ "${2:-raw}" = raw ]; then
    truncate -s "$1" base && io raw base "write -P 7 0 $(size_of base)"
  else
    qemu-img create -q -f qcow2 base "$1" && io qcow2 base "write -P 7 0 300k; write -P 8 400k 200k"
  fi
  qemu-img create -q -f qcow2 ${o:+-o "$o"} -b base -F "${2:-raw}" disk.qcow2 "$size"
}

chain() {
  qemu-img create -q -f qcow2 base0 600k && io qcow2 base0 'write -P 5 0 600k'
  qemu-img create -q -f qcow2 -b base0 -F qcow2 base1 900k && io qcow2 base1 'write -P 6 100k 99k'
  qemu-img create -q -f qcow2 -o "$o" -b base1 -F qcow2 disk.qcow2 "$size"
}

for o in cluster_size=64k cluster_size=512 cluster_size=4k cluster_size=2M extended_l2=on \
  extended_l2=on,cluster_size=16k data_file=data.raw data_file=data.raw,extended_l2=on \
  refcount_bits=1 compat=0.10 compat=0.10,cluster_size=4k; do
  discard=discard
  # Version 2 cannot hide a backing image, so that a discard does nothing; qemu-io writes zeroes.
  [[ $o != *0.10* ]] || discard='write -z -u'
  mixed="write -P 1 5 77; write -P 2 130000 70000; write -z 250001 100000; $discard 400k 130k;
      write -P 3 900k 1k; write -z -u 66k 63k"
  try "$o: raw backing of the same length" o="$o" make='below 1M' do="$mixed"
  try "$o: raw backing that is shorter, with an odd end" o="$o" make='below 333333' do="$mixed"
  try "$o: raw backing that is longer" o="$o" make='below 2M' do="$mixed"
  try "$o: qcow2 backing with holes" o="$o" make='below 1500k qcow2' do="$mixed"
  try "$o: a chain of three" o="$o" make=chain do="$mixed"
  try "$o: cut and lengthened does not show a longer backing" o="$o" make='below 2M' cut=500224 \
    do='truncate 1500k; write -P 1 700k 5k; truncate 3M; write -P 2 2500k 3k'
done

o=cluster_size=64k
own=(o="$o" make='below 1M')
try "a small write copies its cluster only" "${own[@]}" do='write -P 1 200000 10' \
  map='backing:192k own:64k backing:768k'
try "whole clusters are not copied" "${own[@]}" do='write -P 1 128k 128k' \
  map='backing:128k own:128k backing:768k'
try "zeroes hide the backing without space" "${own[@]}" do='write -z -u 128k 128k' \
  map='backing:128k zero:128k backing:768k' end=327680
try "a discard hides the backing without space" "${own[@]}" do='discard 128k 128k' \
  map='backing:128k zero:128k backing:768k' end=327680
try "a discard of everything hides all of the backing" "${own[@]}" do='discard 0 1M' \
  map='zero:1024k'
try "zeroes inside a cluster copy it" "${own[@]}" do='write -z 130k 10k' \
  map='backing:128k own:64k backing:832k'
try "zeroes over the end of a shorter backing" o="$o" make='below 500k' do='write -z -u 448k 128k'
try "a write over the end of a shorter backing" o="$o" make='below 500k' do='write -P 1 511990 99'
try "a write behind a shorter backing" o="$o" make='below 100k' do='write -P 1 900k 1k' \
  map='backing:100k none:796k own:64k none:64k'
try "writes of what the backing has" "${own[@]}" do='write -P 7 100k 100k' \
  map='backing:64k own:192k backing:768k'
