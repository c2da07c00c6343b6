# The cases of mount --compress: what is written is packed, whatever was there, and nothing else is
# harmed.

# Bytes that no compression makes smaller, for qemu-io's write -s.
head -c 2M /dev/urandom >noise

snapshot_image() {
  create_image && io qcow2 disk.qcow2 "$before" && qemu-img snapshot -c first disk.qcow2 &&
    qemu-img convert -l first -O raw disk.qcow2 kept
}
snapshot_is_kept() {
  qemu-img convert -l first -O raw disk.qcow2 now && cmp kept now
}
backed_image() {
  qemu-img create -q -f raw base.raw 1000k && io raw base.raw 'write -P 7 10k 900k' &&
    qemu-img create -q -f qcow2 -o "$o" -b base.raw -F raw disk.qcow2 "$size"
}
is_packed() { qemu-img map --output=json disk.qcow2 | jq -e 'map(select(.data)) |
  length > 0 and all(has("offset") | not)' >/dev/null; }

for o in compression_type=zlib compression_type=zstd \
  cluster_size=512 cluster_size=1k,compression_type=zstd cluster_size=4k cluster_size=2M \
  cluster_size=2M,compression_type=zstd compat=0.10 compat=0.10,cluster_size=512 \
  extended_l2=on extended_l2=on,cluster_size=16k,compression_type=zstd \
  refcount_bits=1,cluster_size=4k refcount_bits=1,cluster_size=64k \
  refcount_bits=2,cluster_size=4k refcount_bits=64,cluster_size=4k \
  lazy_refcounts=on,cluster_size=4k; do
  own=(o="$o" size=4M mount=--compress)
  before='write -c -P 5 0 2M; write -P 6 2M 256k'
  try "$o: whole clusters are packed" "${own[@]}" do='write -P 1 0 2M; write -P 2 2M 2M' \
    then=is_packed
  try "$o: parts of clusters, over and over" "${own[@]}" \
    do='write -P 1 5 77; write -P 2 65500 100; write -P 3 128k 64k; write -P 4 290001 300k;
      write -P 5 3M 1k; write -P 6 3000001 9999; write -P 7 65530 3; write -P 8 0 4M;
      write -P 9 100 100'
  try "$o: over clusters of every kind, and noise" "${own[@]}" size=8M \
    first='write -P 9 0 2M; write -c -P 8 2M 2M; write -z 4M 2M' \
    do='write -P 1 1M 2M; write -P 2 5M 5k; write -s noise 3M 2M; write -P 3 4M 1M;
      write -P 4 3500001 7; write -s noise 1000k 100k'
  try "$o: zeroes and discards" "${own[@]}" first='write -c -P 9 0 4M' \
    do='write -P 1 0 1M; discard 100k 500k; write -z 1M 1M; write -z 2000001 77; discard 0 64k;
      write -P 0 2M 2M; write -P 2 3M 100; write -z -u 3M 1M; discard 2M 2M'
  # A packed host cluster has as many references as it can count.
  [[ "$o" == *bits=[12],* ]] ||
    try "$o: a snapshot keeps what it has" "${own[@]}" make=snapshot_image then=snapshot_is_kept \
      do='write -P 1 0 128k; write -P 2 300k 100k; discard 128k 64k; write -P 3 100k 500'
  try "$o: over a backing image" "${own[@]}" make=backed_image \
    do='write -P 1 20k 3; write -P 2 990k 100k; write -z 100k 200k; write -P 3 2M 64k'
done
try "packed clusters take less" o=cluster_size=64k size=4M mount=--compress do='write -P 1 0 4M' \
  map='packed:4096k' end=458752
try "preallocated clusters are given back" o=cluster_size=64k,preallocation=full size=4M \
  mount=--compress do='write -P 1 0 4M' then=is_packed
try "zeroes take nothing" o=cluster_size=64k mount=--compress first='write -P 9 0 1M' \
  do='write -P 0 0 1M' map='zero:1024k'
try "normal clusters over packed ones" o=cluster_size=4k first='write -c -P 9 0 1M' \
  do='write -P 1 0 512k; write -P 2 600001 5' map='data:512k packed:72k data:4k packed:436k'
try "a disk that ends within a cluster" o=cluster_size=64k size=1000k mount=--compress \
  do='write -P 1 0 1000k; write -P 2 999k 1k' then=is_packed
try "a disk that grows" o=cluster_size=64k size=0 mount='--compress --growable' \
  grow='0:100 100:70000 200000:65536 265536:131072 1000000:3'
try "a file that goes around the page cache" o=cluster_size=64k size=4M \
  mount='--compress --direct' do='write -P 1 0 4M; write -P 2 100001 77; write -P 3 1M 1M'
