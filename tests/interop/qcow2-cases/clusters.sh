# The cases of one cluster size after the other: what writes, zeroes and discards make.
as() { [ $(($1 % 1024)) = 0 ] && echo "$(($1 / 1024))k" || echo "$1"; }

for name in 512 4k 64k 2M; do
  c=$(numfmt --from=iec "${name^^}") # the last cluster is not a whole one
  size=$((7 * c + c / 2))
  [ "$c" != 512 ] || size=$((8 * c))
  last=$((size - 7 * c))
  own=(o="cluster_size=$c,compat=1.1" size="$size")
  end_map="data:$(as $((size - 6 * c)))"
  full="write -P 9 0 $size"

  try "$name-write-inside-one-cluster" "${own[@]}" do="write -P 1 $((c + 9)) 77" \
    map="none:$(as $c) own:$(as $c) none:$(as $((size - 2 * c)))"
  try "$name-write-over-a-border" "${own[@]}" do="write -P 1 $((2 * c - 9)) 77" \
    map="none:$(as $c) own:$(as $((2 * c))) none:$(as $((size - 3 * c)))"
  try "$name-write-whole-clusters" "${own[@]}" do="write -P 1 $((3 * c)) $((2 * c))" \
    map="none:$(as $((3 * c))) own:$(as $((2 * c))) none:$(as $((size - 5 * c)))"
  try "$name-write-at-the-end" "${own[@]}" do="write -P 1 $((size - 77)) 77" \
    map="none:$(as $((7 * c))) own:$(as $last)"
  try "$name-write-everything" "${own[@]}" do="write -P 1 0 $size" map="data:$(as "$size")"
  try "$name-write-backwards" "${own[@]}" map="data:$(as $((4 * c))) none:$(as $((size - 4 * c)))" \
    do="write -P 4 $((3 * c)) $c; write -P 3 $((2 * c)) $c; write -P 2 $c $c; write -P 1 0 $c"
  try "$name-writes-that-overlap" "${own[@]}" \
    do="write -P 1 9 $((2 * c)); write -P 2 $c $((2 * c)); write -P 3 $((c / 2)) $((3 * c));
      write -P 4 8 2"
  try "$name-write-over-what-qemu-wrote" "${own[@]}" first="$full" map="data:$(as "$size")" \
    do="write -P 1 77 9; write -P 2 $((2 * c - 1)) 2; write -P 3 $((4 * c)) $c;
      write -P 4 $((size - 1)) 1"
  try "$name-zero-inside-a-cluster" "${own[@]}" first="$full" map="data:$(as "$size")" \
    do="write -z 9 77; write -z $((3 * c - 77)) 100; write -z $((size - 9)) 9"
  try "$name-zero-whole-clusters-keeps-them" "${own[@]}" first="$full" \
    do="write -z $c $c; write -z $((4 * c)) $((2 * c))" \
    map="data:$(as $c) kept:$(as $c) data:$(as $((2 * c))) kept:$(as $((2 * c))) $end_map"
  try "$name-zero-over-borders" "${own[@]}" first="$full" do="write -z $((c - 9)) $((2 * c + 18))" \
    map="data:$(as $c) kept:$(as $((2 * c))) data:$(as $((size - 3 * c)))"
  try "$name-discard-over-borders" "${own[@]}" first="$full" \
    do="discard $((c - 9)) $((2 * c + 18))" \
    map="data:$(as $c) zero:$(as $((2 * c))) data:$(as $((size - 3 * c)))"
  try "$name-discard-with-the-last-cluster" "${own[@]}" first="$full" \
    do="discard $((6 * c + 1)) $((size - 6 * c - 1))" map="data:$(as $((7 * c))) zero:$(as $last)"
  try "$name-discard-everything" "${own[@]}" first="$full" do="discard 0 $size" \
    map="zero:$(as "$size")"
  try "$name-write-after-discard-and-zero" "${own[@]}" first="$full" map="data:$(as "$size")" \
    do="discard 0 $size; write -z $((2 * c)) $((3 * c)); write -P 1 9 $((size - 18))"
  try "$name-all-at-once" "${own[@]}" first="write -P 9 $c $((3 * c + 5))" \
    do="write -P 1 $((c + 1)) 99; discard $((2 * c)) $c; write -P 2 $((3 * c - 3)) 6;
      write -z 0 $((c + 9)); write -z -u $((3 * c)) $((c + 1)); write -P 3 $((5 * c - 1)) $c"
done
