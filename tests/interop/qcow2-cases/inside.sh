# The cases of images with something inside: compressed clusters, snapshots, bitmaps; images that
# were not closed.
source='write -P 3 0 300k; write -P 4 500k 300k; write -P 5 900k 124k'
packed() { # [OPTIONS]: a compressed image
  rm -f base.raw
  truncate -s 1M base.raw && io raw base.raw "$source"
  qemu-img convert -c -f raw -O qcow2 ${1:+-o "$1"} base.raw disk.qcow2
}
for kind in cluster_size=64k compression_type=zstd cluster_size=4k cluster_size=512 compat=0.10 \
  compression_type=zstd,cluster_size=2M extended_l2=on extended_l2=on,compression_type=zstd; do
  make="packed $kind"
  try "$kind: compressed, one byte written" make="$make" do='write -P 1 70000 1'
  try "$kind: compressed, parts written" make="$make" \
    do='write -P 1 1 9; write -P 2 60k 90k; write -P 6 500k 300k; write -P 7 1048000 576'
  try "$kind: compressed, zeroed and discarded" make="$make" \
    do='write -z 100 9; write -z -u 64k 64k; discard 128k 70k; write -z 600001 100001;
      discard 900k 124k'
  try "$kind: compressed, all written" make="$make" do='write -P 1 0 1M'
  try "$kind: compressed, cut and lengthened" make="$make" cut=600064 do='truncate 1M;
      write -P 1 0 9'
done
try "a write unpacks its cluster only" make="packed cluster_size=64k" do='write -P 1 70000 9' \
  map='packed:64k data:64k packed:192k none:128k packed:384k none:64k packed:128k'

with_snapshots() {
  create_image
  io qcow2 disk.qcow2 'write -P 11 0 600k' && qemu-img snapshot -c one disk.qcow2
  io qcow2 disk.qcow2 'write -P 12 300k 200k; write -P 13 700k 9k' &&
    qemu-img snapshot -c two disk.qcow2
  io qcow2 disk.qcow2 'write -P 14 0 10k'
  snapshot_sums >base.sums
}
snapshot_sums() {
  local name
  for name in one two; do
    qemu-img convert -l "$name" -O raw disk.qcow2 snapshot.raw && head -c 1M snapshot.raw | cksum
  done
}
same_snapshots() { [ "$(snapshot_sums)" = "$(cat base.sums)" ]; }
for kind in cluster_size=64k cluster_size=512 cluster_size=4k,lazy_refcounts=on extended_l2=on \
  cluster_size=2M refcount_bits=2 refcount_bits=64,cluster_size=512 compat=0.10; do
  own=(o="$kind" make=with_snapshots then=same_snapshots)
  try "$kind: snapshots, written over" "${own[@]}" do='write -P 1 5 77; write -P 2 0 300k;
      write -P 3 700k 1k'
  try "$kind: snapshots, all written" "${own[@]}" do='write -P 1 0 1M; write -P 2 5 1000k'
  try "$kind: snapshots, zeroed and discarded" "${own[@]}" \
    do='write -z 9 77; write -z 64k 64k; discard 200k 300k; write -z -u 650k 99k;
      write -P 1 64k 200k'
  [[ $kind == compat=0.10 ]] ||
    try "$kind: snapshots, cut and lengthened" "${own[@]}" cut=300032 do='truncate 2M;
        write -P 1 290k 900k'
done

# Whoever does not keep up bitmaps clears the bit that says so, and their clusters are leaks then.
with_bitmap() {
  create_image
  qemu-img bitmap --add disk.qcow2 b0 && qemu-img bitmap --add -g 64k disk.qcow2 b1
}
autoclear_is() { [ "$(od -An -tx1 -j88 -N8 disk.qcow2 | tr -d ' 0')" = "$1" ]; }
autoclear_is_zero() { autoclear_is ''; }
bitmaps_are_there() { autoclear_is 1; }
try "bitmaps of an image that is not written stay" make=with_bitmap then=bitmaps_are_there
try "bitmaps of an image that is written are no longer valid" make=with_bitmap \
  first='write -P 9 0 300k' do='write -P 1 100k 9k' then=autoclear_is_zero leaks=yes
try "bitmaps of an image that is zeroed are no longer valid" make=with_bitmap \
  first='write -P 9 0 300k' do='discard 64k 64k' then=autoclear_is_zero leaks=yes
try "bitmaps of an image that is cut are no longer valid" make=with_bitmap cut=300032 \
  then=autoclear_is_zero leaks=yes

aborted() { # a program that ends without closing the image, with lazy refcounts
  qemu-img create -q -f qcow2 -o "lazy_refcounts=on,$1" disk.qcow2 1M
  { qemu-io -c 'write -P 9 100k 300k' -c 'write -P 8 900k 1k' -c flush -c abort disk.qcow2 ||
    true; } >>io.log 2>&1
  is_dirty || { echo "no dirty image" >>io.log; return 1; }
}
is_dirty() { [ "$(od -An -tx1 -j79 -N1 disk.qcow2 | tr -d ' ')" = "${1:-01}" ]; }
is_clean() { is_dirty 00; }
for kind in cluster_size=64k cluster_size=512 cluster_size=4k cluster_size=2M; do
  try "$kind: a dirty image is repaired" make="aborted $kind" do='write -P 1 0 9;
      discard 128k 64k' \
    then=is_clean
  try "$kind: a dirty image is repaired without a write" make="aborted $kind" then=is_clean
done
