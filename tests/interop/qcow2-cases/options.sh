# The cases of every kind of new image: writes; zeroes and discards; a longer and a shorter disk.
number=0
for o in compat=0.10 compat=0.10,cluster_size=512 refcount_bits=1 refcount_bits=2,cluster_size=512 \
  refcount_bits=4,cluster_size=4k refcount_bits=8 refcount_bits=32,cluster_size=2M \
  refcount_bits=64 refcount_bits=64,cluster_size=512 \
  lazy_refcounts=on lazy_refcounts=on,cluster_size=512 \
  extended_l2=on extended_l2=on,cluster_size=16k extended_l2=on,cluster_size=2M \
  extended_l2=on,refcount_bits=1 preallocation=metadata preallocation=falloc preallocation=full \
  preallocation=metadata,extended_l2=on preallocation=metadata,compat=0.10 \
  data_file=data.raw data_file=data.raw,data_file_raw=on data_file=data.raw,cluster_size=4k \
  data_file=data.raw,extended_l2=on data_file=data.raw,preallocation=metadata \
  compression_type=zstd; do
  then=''
  [[ "$o" != *data_file_raw=on* ]] || then='qemu-img compare -q -f raw -F raw data.raw model.raw'
  caches=(auto none writeback)
  own=(o="$o" size=2560k then="$then" mount="--cache ${caches[number % 3]}")
  number=$((number + 1))

  try "$o: writes" "${own[@]}" first='write -P 9 300k 500k' \
    do='write -P 1 5 77; write -P 2 65500 100; write -P 3 128k 64k; write -P 4 290001 300k;
      write -P 5 2559k 1k; write -P 6 2550001 9999'
  try "$o: zeroes and discards" "${own[@]}" first='write -P 9 0 2560k' \
    do='write -z 9 77; write -z 64k 64k; write -z 200001 300003; discard 512k 192k;
      write -z -u 900k 300k; write -P 1 600k 200k; discard 2500k 60k; write -P 2 1000001 5;
      discard 1500001 200k'
  try "$o: cut and lengthened" "${own[@]}" first='write -P 9 0 2560k' cut=1000960 \
    do='truncate 1500k; truncate 300032; truncate 2M; write -P 1 2096640 512;
      write -P 2 290000 30000; write -z 100k 100k; truncate 1M; truncate 1049088'
  [[ "$o" == *preallocation* ]] && continue
  try "$o: grown by writes" "${own[@]}" size=0 mount="--growable" \
    grow='0:512 512:70000 200704:65536 150000:3 1048576:1024'
done
