#!/usr/bin/env bash
# Every option of `fusebay img create` does, prints and refuses what it does in qemu-img create.
test_timeout=360
. "$(dirname "$0")/../io/lib.sh"
need_fusebay
need_program qemu-img

mkdir ours theirs
random_file base.raw 1000
for folder in ours theirs; do
  qemu_create -f qcow2 "$folder/base.qcow2" 3M
  cp base.raw "$folder/base.raw"
  mkdir "$folder/sub"
  cp "$folder/base.raw" "$folder/sub/below.raw"
done

in_folder() { # FOLDER COMMAND...
  local folder=$1
  shift
  (cd "$folder" && "$@")
}

# same ARGUMENTS...: both make an image, and the same one. The image is x.qcow2, which ARGUMENTS
# name.
same() {
  local ours theirs
  ours=$(in_folder ours fusebay img create "$@" 2>&1) || fail "$*: $ours"
  theirs=$(in_folder theirs qemu-img create "$@" 2>&1) || fail "qemu-img: $*: $theirs"
  expect_eq "$ours" "$theirs" "what is printed for '$*'"
  ours=$(in_folder ours qemu-img info --output=json "$image" | grep -v actual-size)
  theirs=$(in_folder theirs qemu-img info --output=json "$image" | grep -v actual-size)
  expect_eq "$ours" "$theirs" "info for '$*'"
  if [[ $ours == *'"qcow2"'* && "$*" != *-u* ]]; then
    in_folder ours qemu-img check -q "$image" || fail "check fails for '$*'"
    # qemu-img looks at each L2 table, and those of an exbibyte take it minutes.
    [[ $* == *1E* ]] || in_folder ours qemu-img compare -q "$image" "$dir/theirs/$image" ||
      fail "'$*' differs"
  fi
}

# refused ARGUMENTS...: both refuse, with the same words, and no new file is left.
refused() {
  local theirs message
  rm -f ours/new.qcow2 theirs/new.qcow2
  if theirs=$(in_folder theirs qemu-img create "$@" 2>&1 >/dev/null); then
    fail "qemu-img allows $*"
  fi
  message=${theirs#qemu-img: }
  message=${message%%$'\n'*}
  if ours=$(in_folder ours fusebay img create "$@" 2>&1 >/dev/null); then
    fail "allowed: $*"
  fi
  # What is wrong in the command line itself is refused before the image is looked at.
  expect_contains "$ours" "${message#new.qcow2: }"
  [ ! -e ours/new.qcow2 ] || fail "'$*' leaves a file"
}

image=x.qcow2
same -f qcow2 x.qcow2 1M
same -f qcow2 x.qcow2 0
same -f qcow2 x.qcow2 1000
same -f qcow2 x.qcow2 1.5G
same -f qcow2 x.qcow2 0x10000
same -f qcow2 -o cluster_size=2M x.qcow2 1E
same -f qcow2 -o size=1M x.qcow2
same -f qcow2 -o compat=0.10 x.qcow2 1M
same -f qcow2 -o compat=1.1 x.qcow2 1M
same -f qcow2 -o lazy_refcounts=on x.qcow2 1M
same -f qcow2 -o lazy_refcounts x.qcow2 1M
same -f qcow2 -o compression_type=zstd x.qcow2 1M
same -f qcow2 -o compression_type=zlib,compression_type=zstd x.qcow2 1M
same -f qcow2 -o refcount_bits=1 -o cluster_size=512 x.qcow2 100M
same -f qcow2 -o cluster_size=512,preallocation=metadata x.qcow2 20M
same -f qcow2 -b base.qcow2 -F qcow2 x.qcow2
same -f qcow2 -b base.qcow2 -F qcow2 x.qcow2 5M
same -f qcow2 -b base.raw -F raw x.qcow2
same -f qcow2 -b base.raw -F raw -o cluster_size=512,extended_l2=off x.qcow2 1M
same -f qcow2 -o backing_file=base.raw,backing_fmt=raw x.qcow2
same -f qcow2 -o backing_file=elsewhere -b base.raw -F raw x.qcow2
same -f qcow2 -u -b nowhere,else -F raw x.qcow2 1M
for preallocation in metadata falloc full; do
  same -f qcow2 -b base.qcow2 -F qcow2 -o "extended_l2=on,preallocation=$preallocation" x.qcow2
done
image=sub/y.qcow2
same -f qcow2 -b below.raw -F raw sub/y.qcow2
image=x.raw
for preallocation in off falloc full; do
  same -f raw -o "preallocation=$preallocation" x.raw 1000000
done
same x.raw 64k
image=x.raw
for options in nocow=on nocow=off,size=1M extent_size_hint=1M,preallocation=full; do
  for format in raw qcow2; do
    rm -f ours/x.raw theirs/x.raw
    size=1M
    [[ $options != *size=1M* || $options == extent* ]] || size=
    same -f "$format" -o "$options" x.raw ${size:+"$size"}
  done
done
expect_eq "$(fusebay img create -q x.raw 64k)" "" "what -q prints"

refused -f qcow2 -o cluster_size=1000 new.qcow2 1M
refused -f qcow2 -o cluster_size=256 new.qcow2 1M
refused -f qcow2 -o cluster_size=4M new.qcow2 1M
refused -f qcow2 -o cluster_size=0 new.qcow2 1M
refused -f qcow2 -o cluster_size=64x new.qcow2 1M
refused -f qcow2 -o cluster_size=16E new.qcow2 1M
refused -f qcow2 -o refcount_bits=0 new.qcow2 1M
refused -f qcow2 -o refcount_bits=3 new.qcow2 1M
refused -f qcow2 -o refcount_bits=128 new.qcow2 1M
refused -f qcow2 -o refcount_bits=x new.qcow2 1M
refused -f qcow2 -o compat=0.11 new.qcow2 1M
refused -f qcow2 -o compat=v2,lazy_refcounts=on new.qcow2 1M
refused -f qcow2 -o compat=v2,refcount_bits=8 new.qcow2 1M
refused -f qcow2 -o compat=v2,data_file=d new.qcow2 1M
refused -f qcow2 -o compat=v2,extended_l2=on new.qcow2 1M
refused -f qcow2 -o compat=v2,compression_type=zstd new.qcow2 1M
refused -f qcow2 -o extended_l2=on,cluster_size=8k new.qcow2 1M
refused -f qcow2 -o extended_l2=maybe new.qcow2 1M
refused -f qcow2 -o compression_type=lzo new.qcow2 1M
refused -f qcow2 -o preallocation=some new.qcow2 1M
refused -f qcow2 -o data_file_raw=on new.qcow2 1M
refused -f qcow2 -o data_file= new.qcow2 1M
refused -f qcow2 -o data_file=nowhere/d new.qcow2 1M
refused -f qcow2 -o data_file=d,data_file_raw=on -b base.raw -F raw new.qcow2
refused -f qcow2 -o unheard_of=1 new.qcow2 1M
for options in encryption=on encrypt.format=luks,encrypt.key-secret=key; do
  expect_usage "encrypted images cannot be made" fusebay img create -f qcow2 -o "$options" x 1M
done
refused -f qcow2 -o cluster_size=512 new.qcow2 200G
refused -f qcow2 new.qcow2 7E
refused -f qcow2 new.qcow2
refused -f qcow2 new.qcow2 8E
refused -f qcow2 new.qcow2 1x
refused -f qcow2 new.qcow2 ""
refused -f qcow2 -o size=1M new.qcow2 1M
refused -f qcow2 -b base.raw new.qcow2
refused -f qcow2 -b base.raw -u new.qcow2 1M
refused -f qcow2 -b base.raw -F raw -u new.qcow2
refused -f qcow2 -b nowhere.raw -F raw new.qcow2
refused -f qcow2 -b nowhere.raw new.qcow2
refused -f qcow2 -b base.raw -F qcow2 new.qcow2
refused -f qcow2 -b base.raw -F nonsense -u new.qcow2 1M
refused -f qcow2 -b "" new.qcow2 1M
refused -f qcow2 -F raw new.qcow2 1M
refused -f qcow2 -b new.qcow2 -F qcow2 new.qcow2 1M
refused -f qcow2 -b base.raw -F raw -o preallocation=metadata new.qcow2
refused -f qcow2 nowhere/new.qcow2 1M
refused -f raw -o preallocation=metadata new.qcow2 1M
refused -f raw -o cluster_size=64k new.qcow2 1M
refused -f raw -b base.raw new.qcow2 1M
refused -f nonsense new.qcow2 1M
refused -f raw new.qcow2 7E
