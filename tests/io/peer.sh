# Starts qemu-storage-daemon with the options of `fusebay mount`, to check the tests themselves.
start_peer() {
  local format=raw writable=off growable=off names=() exports=() mountpoint
  while [ $# -gt 0 ]; do
    case $1 in
      -f) format=$2; shift ;;
      -w) writable=on ;;
      --growable) growable=on ;;
      --cache | --aio | --loops) shift ;;
      -*) echo "the peer has no $1" >&2; exit 77 ;;
      *) names+=("$1") ;;
    esac
    shift
  done
  local image=${names[0]} read_only=on
  [ "$writable" = off ] || read_only=off
  for mountpoint in "${names[@]:1}"; do
    exports+=(--export "type=fuse,id=e${#exports[@]},node-name=n,mountpoint=${mountpoint//,/,,},\
writable=$writable,growable=$growable")
  done
  local common="read-only=$read_only,discard=unmap"
  exec qemu-storage-daemon \
    --blockdev "driver=file,node-name=f,$common,filename=${image//,/,,}" \
    --blockdev "driver=$format,node-name=n,$common,file=f" \
    "${exports[@]}"
}
