# The cases of space: what is discarded is used again or given back; sizes near cluster borders.
full='write -P 9 0 4M'
own=(o=cluster_size=64k size=4M)
tables=327680 # header, refcounts, L1 and one L2 table
taken_is_at_most() { [ "$(du -k disk.qcow2 | cut -f1)" -le "$1" ]; }
try "a discard gives back the space" "${own[@]}" first="$full" do='discard 0 4M' \
  map='zero:4096k' then='taken_is_at_most 512'
try "a part is given back" "${own[@]}" first="$full" do='discard 1M 2M' then='taken_is_at_most 2500'
try "zeroes with unmapping give back the space" "${own[@]}" first="$full" do='write -z -u 0 4M' \
  map='zero:4096k' then='taken_is_at_most 512'
try "a cut gives back the space" "${own[@]}" first="$full" cut=64k then='taken_is_at_most 512'
try "without giving back the space stays" "${own[@]}" mount=--discard=off first="$full" \
  do='discard 0 4M; write -P 1 5 1000'
turns=$(for i in {1..20}; do echo "write -P $i 0 1M; discard 0 1M;"; done)
try "discarded clusters are used again" "${own[@]}" do="$turns write -P 1 0 1M" \
  end=$((tables + 4194304))
try "small writes and discards do not make the image longer" "${own[@]}" \
  do="$(for i in {1..40};
    do echo "write -P $i $((i % 5 * 64))k 64k; discard $((i % 3 * 64))k 64k;"; done)" \
  end=$((tables + 20 * 65536))
try "writing twice takes no second place" "${own[@]}" do="$full; $full; write -P 2 0 4M" \
  end=$((tables + 4194304))
try "zeroed clusters are written in their places" "${own[@]}" first="$full" \
  do='write -z 0 4M; write -P 1 0 4M' end=$((tables + 4194304)) map='data:4096k'
try "zeroes of an empty image take no space" "${own[@]}" do='write -z -u 0 4M' end=$tables
try "discard of an empty image takes no space" "${own[@]}" do='discard 0 4M' end=$tables
try "a preallocated image does not become longer" "${own[@]}" o=preallocation=falloc \
  do="$full; write -z 64k 128k; write -P 1 100k 1000k" map='data:4096k'
try "a preallocated image keeps zeroed places" o=preallocation=metadata do='write -P 1 100k 300k' \
  size=1M map='own:1024k'

c=4096
for size in 512 1024 $((c - 512)) $c $((c + 512)) $((3 * c - 512)) \
  $((512 * c)) $((512 * c + 512)); do
  start=$((size > 9 * c ? size - 5 * c - 512 : 0))
  try "$size bytes: writes at the end" o=cluster_size=4k size="$size" \
    do="write -P 1 $((size - 512)) 512; write -P 2 $((size - 1)) 1; write -P 3 $start 300"
  try "$size bytes: the end zeroed" o=cluster_size=4k size="$size" \
    first="write -P 9 $start $((size - start))" \
    do="write -z $((size - 300)) 300; write -z $((start + 5)) 7"
  try "$size bytes: the end discarded" o=cluster_size=4k size="$size" \
    first="write -P 9 $start $((size - start))" \
    do="discard $start $((size - start))"
  try "$size bytes: longer and shorter" o=cluster_size=4k size="$size" \
    first="write -P 9 $start $((size - start))" \
    do="truncate $((size + 512)); write -P 1 $size 512; truncate $((size + c));
      truncate $((size + 1024))"
done
for cut in 1 511 513 65535 65537 100001 700003; do
  try "cut to $cut bytes" first='write -P 9 0 1M' cut="$cut" mount=--growable \
    grow="$cut:100 $((cut + 99999)):7"
done
try "no bytes at all" size=0 mount=--growable grow='77:9'
try "cut to nothing and written again" first='write -P 9 0 1M' cut=0 mount=--growable \
  grow='0:512 700000:9'
try "512-byte clusters: the refcount table grows" o=cluster_size=512 size=4M do="$full;
    write -P 1 77 999999"
try "512-byte clusters: the L1 table grows" o=cluster_size=512 size=64k \
  do='truncate 3M; write -P 1 60k 2900k'
try "512-byte clusters: all given back" o=cluster_size=512 size=4M first="$full" do='discard 0 4M' \
  then='taken_is_at_most 528'
