# The cases of images that are not written at all: refused with a message, and not changed by that.

# refuse NAME 'MAKE; MAKE' MESSAGE [OPTIONS [IMAGE]]: mount -w says the image's name and MESSAGE.
refuse() {
  local case_name=$1 message=$3 before said status=0
  rm -f disk* data* base*
  qemu-img create -q -f qcow2 -o "${4:-cluster_size=64k}" disk.qcow2 1M
  io qcow2 disk.qcow2 'write -P 9 0 300k'
  eval "$2"
  before=$(cksum disk.qcow2)
  ran=$((ran + 1))
  said=$(fusebay mount -w "${5:-disk.qcow2}" m 2>&1) || status=$?
  [ "$status" = 1 ] || wrong "exit status $status: $said"
  [[ "$said" == *disk.qcow2*"$message"* ]] || wrong "said '$said', expected '$message'"
  [ "$(cksum disk.qcow2)" = "$before" ] || wrong "the image has changed"
  not_mounted m || { wrong "mounted"; umount m; }
}

byte() { printf "\\x$2" | dd of=disk.qcow2 bs=1 seek="$1" conv=notrunc status=none; } # OFFSET HEX

refuse "an image marked as corrupt" 'byte 79 02' 'marked as corrupt'
refuse "an image marked as corrupt and dirty" 'byte 79 03' 'marked as corrupt'
refuse "an unknown incompatible feature" 'byte 72 80' 'feature'
refuse "an encrypted image" 'byte 35 01' 'encrypt'
refuse "an unknown version" 'byte 7 04' 'version'
refuse "no refcount table" 'byte 53 00' 'refcount table'
refuse "a refcount table beyond the file" 'byte 50 7f' 'count table'
refuse "an L1 table beyond the file" 'byte 42 7f' 'L1 table'
refuse "a backing image that is missing" \
  'truncate -s 1M base && qemu-img rebase -u -b base -F raw disk.qcow2 && rm base' 'base'
refuse "a data file that is missing" 'rm data.raw' 'data.raw' data_file=data.raw

mkdir host
if mount --bind . host 2>/dev/null && mount -o remount,bind,ro host; then
  refuse "an image of a read-only file system" true 'Read-only file system' '' host/disk.qcow2
  umount host
fi
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  case_name='a file that may only be read'
  rm -f disk* && qemu-img create -q -f qcow2 disk.qcow2 1M
  chmod 755 . && chmod 444 disk.qcow2 && chmod 666 m
  ran=$((ran + 1))
  nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
  said=$($nobody "$FUSEBAY" mount -w disk.qcow2 m 2>&1) &&
    { wrong "mounted"; umount m; }
  [[ "$said" == *disk.qcow2*"Permission denied"* ]] || wrong "said '$said'"
fi

try "an image marked as corrupt can be read" make='create_image' then=true
case_name='an image marked as corrupt can be read' && byte 79 02
serve disk.qcow2 m
cmp m model.raw || wrong "reads something else"
stop
try "a backing image that may only be read" do='write -P 1 0 9' \
  o=backing_file=base,backing_fmt=raw \
  make='eval truncate -s 1M base && chmod 444 base && create_image'
