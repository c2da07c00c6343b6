# Makes qcow2 images of many kinds with QEMU's tools: make_image KIND leaves disk.qcow2 behind.
#
# The content is the same for each kind: written, partly written, zeroed and discarded ranges of
# odd sizes, over a backing image where there is one.

# scribble IMAGE SEED [BYTES]: writes ranges that depend on the seed.
scribble() {
  python3 - "$2" "${3:-25165824}" <<'PY' | bounded qemu-io -f qcow2 "$1" >qemu-io.log 2>&1
import random, sys
rng, size = random.Random(int(sys.argv[1])), int(sys.argv[2])
for turn in range(90):
    offset = rng.randrange(size // 512) * 512
    length = min(rng.choice([512, 1024, 4096, 7 * 512, 65536, 70144, 300032]), size - offset)
    command = rng.choice(["write -P {p}"] * 7 + ["write -z"] * 2 + ["write -z -u", "discard"])
    if command == "discard":
        length = min(524288, size - offset)
    print(command.format(p=rng.randrange(1, 255)), offset, length)
PY
  ! grep -qi 'error\|fail' qemu-io.log || fail "qemu-io: $(cat qemu-io.log)"
}

# A raw file with runs of text, zeroes and noise.
mixed_file() {
  python3 - "$1" "$2" <<'PY'
import random, sys
rng, size = random.Random(9), int(sys.argv[2])
with open(sys.argv[1], "wb") as out:
    while out.tell() < size:
        kind, length = rng.randrange(4), rng.randrange(1, 200000)
        if kind == 0:
            out.seek(min(length, size - out.tell()), 1)
        elif kind == 1:
            out.write(rng.randbytes(length))
        else:
            out.write((b"%d the quick brown fox " % rng.randrange(10**6)) * (length // 25))
    out.truncate(size)
PY
}

make_image() {
  local kind=$1 size=25165824 layer
  case $kind in
    plain) create_and_scribble ;;
    zlib | zstd) make_compressed "$kind" ;;
    cluster-512) create_and_scribble -o cluster_size=512 ;;
    cluster-4k) create_and_scribble -o cluster_size=4k ;;
    cluster-2m) size=402653184 && create_and_scribble -o cluster_size=2M ;;
    extended-l2) create_and_scribble -o extended_l2=on ;;
    extended-l2-128k) create_and_scribble -o extended_l2=on,cluster_size=128k ;;
    data-file) create_and_scribble -o data_file=disk.data ;;
    data-file-raw) create_and_scribble -o data_file=disk.data,data_file_raw=on ;;
    v2) create_and_scribble -o compat=0.10 ;;
    refcount-1) create_and_scribble -o refcount_bits=1 ;;
    refcount-64) create_and_scribble -o refcount_bits=64,lazy_refcounts=on ;;
    preallocated) create_and_scribble -o preallocation=metadata ;;
    odd-size) size=10000896 && create_and_scribble ;;
    backing-raw)
      mixed_file base.img "$size"
      create_and_scribble -b base.img -F raw
      ;;
    backing-smaller)
      mixed_file base.img 9437184
      create_and_scribble -b "$dir/base.img" -F raw
      ;;
    chain-5)
      qemu_create -f qcow2 layer1.qcow2 "$size"
      scribble layer1.qcow2 1
      for layer in 2 3 4; do
        qemu_create -f qcow2 -b "layer$((layer - 1)).qcow2" -F qcow2 "layer$layer.qcow2"
        scribble "layer$layer.qcow2" "$layer"
      done
      create_and_scribble -b layer4.qcow2 -F qcow2
      ;;
    *) fail "no kind $kind" ;;
  esac
}

create_and_scribble() {
  qemu_create -f qcow2 "$@" disk.qcow2 "$size" || skip "qemu-img cannot make it: $*"
  scribble disk.qcow2 5 "$size"
}

# Compressed clusters, then plain ones over some of them.
make_compressed() {
  mixed_file source.img "$size"
  qemu-img convert -c -O qcow2 -o "compression_type=$1" source.img disk.qcow2 ||
    skip "qemu-img cannot compress with $1"
  scribble disk.qcow2 5 "$size"
}
