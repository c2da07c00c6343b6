"""Opens a qcow2 image for damage: finds its tables, changes entries. DAMAGES lists the ways."""
import os
import struct

COPIED, COMPRESSED, OFFSET = 1 << 63, 1 << 62, 0x00FFFFFFFFFFFE00
BITMAPS_EXTENSION = 0x23852875


class Image:
    """Entries are read from and written to the file at once."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "r+b", buffering=0)
        self.version = self.u32(4)
        self.cluster_bits = self.u32(20)
        self.cluster = 1 << self.cluster_bits
        self.incompatible = self.u64(72) if self.version >= 3 else 0
        self.entry_bytes = 16 if self.incompatible & 16 else 8
        self.has_data_file = bool(self.incompatible & 4)
        self.order = self.u32(96) if self.version >= 3 else 4
        self.l1_at, self.l1_entries = self.u64(40), self.u32(36)
        self.snapshots_at, self.snapshots = self.u64(64), self.u32(60)

    def get(self, at, form):
        self.file.seek(at)
        data = self.file.read(struct.calcsize(form))
        return struct.unpack(form, data.ljust(struct.calcsize(form), b"\0"))[0]

    def put(self, at, form, value):
        self.file.seek(at)
        self.file.write(struct.pack(form, value))

    def u32(self, at):
        return self.get(at, ">I")

    def u64(self, at):
        return self.get(at, ">Q")

    def set64(self, at, value):
        self.put(at, ">Q", value)

    @property
    def size(self):
        return os.fstat(self.file.fileno()).st_size

    @property
    def refcount_table(self):
        return self.u64(48)

    def l1_slots(self):
        """Where the L1 entries are that have a table."""
        places = [self.l1_at + i * 8 for i in range(self.l1_entries)]
        return [at for at in places if self.u64(at) & OFFSET]

    def l2_slots(self, kind):
        """Where the entries are that are "data", "compressed" or "empty", of the first tables."""
        found = []
        for l1_slot in self.l1_slots()[:3]:
            table = self.u64(l1_slot) & OFFSET
            for at in range(table, table + self.cluster, self.entry_bytes):
                entry = self.u64(at)
                if kind == ("compressed" if entry & COMPRESSED else
                            "data" if entry & OFFSET else "empty"):
                    found.append(at)
        return found

    def data(self, index=0):
        return self.l2_slots("data")[index]

    def block_slots(self):
        """Where the refcount table's entries are that have a block."""
        places = range(self.refcount_table, self.refcount_table + self.u32(56) * self.cluster, 8)
        return [at for at in places if self.u64(at)]

    def refcount(self, offset, value):
        """Sets the refcount of the cluster at `offset`; None: only returns it."""
        per_block = self.cluster * 8 >> self.order
        cluster = offset >> self.cluster_bits
        block = self.u64(self.refcount_table + cluster // per_block * 8)
        if not block:
            raise IndexError("the cluster has no refcount block")
        bits, index = 1 << self.order, cluster % per_block
        if bits >= 8:
            form = {8: ">B", 16: ">H", 32: ">I", 64: ">Q"}[bits]
            if value is not None:
                self.put(block + index * bits // 8, form, value)
            return self.get(block + index * bits // 8, form)
        at, shift, mask = block + index * bits // 8, index * bits % 8, (1 << bits) - 1
        byte = self.get(at, ">B")
        if value is not None:
            byte = byte & ~(mask << shift) | min(value, mask) << shift
            self.put(at, ">B", byte)
        return byte >> shift & mask

    def grow(self, clusters=1):
        """Returns the offset of the first cluster behind what was the end of the file."""
        end = -(-self.size // self.cluster) * self.cluster
        os.truncate(self.path, end + clusters * self.cluster)
        return end

    def bitmaps(self):
        """Where the bitmaps extension's data is."""
        at = self.u32(100) if self.version >= 3 else 72
        while at < self.cluster and self.u32(at):
            if self.u32(at) == BITMAPS_EXTENSION:
                return at + 8
            at += 8 + -(-self.u32(at + 4) // 8) * 8
        raise IndexError("no bitmaps")


def in_file(image):
    """The first L2 entry whose cluster is in the image file."""
    if image.has_data_file:
        raise IndexError("the data is in another file")
    return image.data()


def change(image, at, new):
    image.set64(at, new(image.u64(at)))


def place(image, at, offset):
    """The entry at `at` refers to `offset` instead, flags unchanged."""
    change(image, at, lambda entry: entry & ~OFFSET | offset)


def leak(image):
    image.refcount(image.grow(), 1)


def leak_in_the_middle(image):
    image.set64(in_file(image), 0)


def leak_of_a_table(image):
    image.set64(image.l1_slots()[-1], 0)


def refcount_too_low(image):
    image.refcount(image.u64(in_file(image)) & OFFSET, 0)


def refcount_of_l2_too_low(image):
    image.refcount(image.u64(image.l1_slots()[0]) & OFFSET, 0)


def refcount_of_header_too_low(image):
    image.refcount(0, 0)


def refcount_of_refcount_block_too_low(image):
    image.refcount(image.u64(image.block_slots()[0]), 0)


def refcount_too_high(image):
    image.refcount(image.u64(in_file(image)) & OFFSET, 3)


def refcounts_all_zero(image):
    block = image.u64(image.block_slots()[0])
    image.file.seek(block)
    image.file.write(bytes(image.cluster))


def refcounts_all_ones(image):
    block = image.u64(image.block_slots()[0])
    image.file.seek(block)
    image.file.write(b"\xff" * image.cluster)


def copied_cleared(image):
    change(image, image.data(), lambda entry: entry & ~COPIED)


def copied_cleared_in_l1(image):
    change(image, image.l1_slots()[0], lambda entry: entry & ~COPIED)


def copied_set_wrongly(image):
    change(image, image.data(), lambda entry: entry ^ COPIED)
    change(image, image.l1_slots()[-1], lambda entry: entry ^ COPIED)


def copied_set_on_compressed(image):
    change(image, image.l2_slots("compressed")[0], lambda entry: entry | COPIED)


def shared_cluster(image):
    place(image, image.data(1), image.u64(in_file(image)) & OFFSET)


def shared_table(image):
    slots = image.l1_slots()
    place(image, slots[1], image.u64(slots[0]) & OFFSET)


def data_beyond_file(image):
    place(image, in_file(image), image.size + (1 << 40))


def data_just_beyond_file(image):
    place(image, in_file(image), image.grow(0))


def data_at_the_highest_offset(image):
    place(image, in_file(image), OFFSET & -image.cluster)


def data_unaligned(image):
    if image.cluster == 512:
        raise IndexError("every offset is aligned")
    place(image, in_file(image), (image.u64(in_file(image)) & OFFSET) + 512)


def data_reserved_bits(image):
    change(image, image.data(), lambda entry: entry | 0x3E << 56 | 0x1FE)


def table_reserved_bits(image):
    change(image, image.l1_slots()[0], lambda entry: entry | 0x1F << 56 | 0x1FF)


def data_in_the_header(image):
    image.set64(image.l2_slots("empty")[0] if not image.has_data_file else in_file(image),
                image.cluster * 0 | COPIED | image.l1_at)


def data_in_a_table(image):
    place(image, in_file(image), image.u64(image.l1_slots()[0]) & OFFSET)


def data_in_the_refcount_table(image):
    place(image, in_file(image), image.refcount_table)


def data_in_a_refcount_block(image):
    place(image, in_file(image), image.u64(image.block_slots()[0]))


def table_beyond_file(image):
    place(image, image.l1_slots()[0], image.size + (1 << 40))


def table_unaligned(image):
    if image.cluster == 512:
        raise IndexError("every offset is aligned")
    change(image, image.l1_slots()[0], lambda entry: entry + 512)


def table_is_the_l1_table(image):
    place(image, image.l1_slots()[0], image.l1_at)


def zero_cluster_unaligned(image):
    if image.version < 3 or image.entry_bytes == 16 or image.cluster == 512:
        raise IndexError("no such entry")
    change(image, in_file(image), lambda entry: entry + 512 | 1)


def subclusters_allocated_and_zero(image):
    if image.entry_bytes == 8:
        raise IndexError("no subclusters")
    change(image, image.data() + 8, lambda bitmap: bitmap | 0xFF00000000 | 0xFF)


def subclusters_without_cluster(image):
    if image.entry_bytes == 8 or image.has_data_file:
        raise IndexError("no subclusters")
    change(image, image.l2_slots("empty")[-1] + 8, lambda bitmap: bitmap | 0xFF)


def block_missing(image):
    image.set64(image.block_slots()[-1], 0)


def block_beyond_file(image):
    image.set64(image.block_slots()[-1], (image.size // image.cluster + 999) * image.cluster)


def block_unaligned(image):
    if image.cluster == 512:
        raise IndexError("every offset is aligned")
    change(image, image.block_slots()[-1], lambda entry: entry + 512)


def block_reserved_bits(image):
    change(image, image.block_slots()[-1], lambda entry: entry | 1)


def block_is_a_table(image):
    image.set64(image.block_slots()[0], image.u64(image.l1_slots()[0]) & OFFSET)


def block_twice(image):
    slot = image.block_slots()[-1]
    image.set64(slot + 8, image.u64(slot))


def refcount_table_is_the_l1_table(image):
    image.set64(48, image.l1_at)


def refcount_table_beyond_file(image):
    image.set64(48, (image.size // image.cluster + 999) * image.cluster)


def refcount_table_missing(image):
    image.put(56, ">I", 0)


def refcount_table_zeroed(image):
    image.file.seek(image.refcount_table)
    image.file.write(bytes(image.cluster * image.u32(56)))


def compressed_beyond_file(image):
    at = image.l2_slots("compressed")[0]
    shift = 62 - (image.cluster_bits - 8)
    image.set64(at, COMPRESSED | image.u64(at) >> shift << shift & (COMPRESSED - 1) | 1 << 40)


def compressed_over_data(image):
    at = image.l2_slots("compressed")[0]
    shift = 62 - (image.cluster_bits - 8)
    target = image.u64(in_file(image)) & OFFSET
    image.set64(at, COMPRESSED | image.u64(at) >> shift << shift & (COMPRESSED - 1) | target)


def cut(image):
    os.truncate(image.path, image.size * 2 // 3)


def end_cut_off(image):
    os.truncate(image.path, image.size - 100)


def dirty(image):
    if image.version < 3:
        raise IndexError("no feature bits")
    image.set64(72, image.incompatible | 1)
    if not image.has_data_file:
        image.refcount(image.u64(image.data(1)) & OFFSET, 0)
        leak(image)


def corrupt_bit(image):
    if image.version < 3:
        raise IndexError("no feature bits")
    image.set64(72, image.incompatible | 2)
    image.refcount(0, 0)


def snapshot_slot(image):
    if image.snapshots == 0:
        raise IndexError("no snapshots")
    return image.snapshots_at


def snapshot_table_unaligned(image):
    if image.cluster == 512:
        raise IndexError("every offset is aligned")
    change(image, snapshot_slot(image), lambda offset: offset + 512)


def snapshot_table_too_large(image):
    image.put(snapshot_slot(image) + 8, ">I", 1 << 30)


def snapshot_without_extra_data(image):
    image.put(snapshot_slot(image) + 36, ">I", 0)


def replace_extra(image, extra):
    """Of the first snapshot's entry; what is behind it moves."""
    at = snapshot_slot(image) + 40
    old = image.get(at - 4, ">I")
    image.file.seek(at + old)
    rest = image.file.read(4096)
    image.file.seek(at)
    image.file.write(extra + rest)
    image.put(at - 4, ">I", len(extra))


def entry_of_snapshot_incomplete(image):
    replace_extra(image, b"")


def entry_of_snapshot_half_complete(image):
    replace_extra(image, bytes(8))


def entry_of_snapshot_too_long(image):
    replace_extra(image, bytes(24) + b"x" * 1080)


def snapshot_of_data_beyond_file(image):
    l1 = image.u64(snapshot_slot(image))
    table = image.u64(l1) & OFFSET
    image.set64(table, image.size + (1 << 40) | COPIED)


def snapshot_table_is_the_header(image):
    image.set64(snapshot_slot(image), 0)


def bitmap_table_wrong(image):
    directory = image.u64(image.bitmaps() + 16)
    change(image, image.u64(directory), lambda entry: entry | 2)


def bitmap_data_beyond_file(image):
    directory = image.u64(image.bitmaps() + 16)
    image.set64(image.u64(directory), image.size + (1 << 40))


def bitmap_data_shared(image):
    directory = image.u64(image.bitmaps() + 16)
    image.set64(image.u64(directory), image.u64(in_file(image)) & OFFSET)


def bitmaps_out_of_date(image):
    image.bitmaps()
    change(image, 88, lambda features: features & ~1)


DAMAGES = [value for name, value in list(globals().items())
           if callable(value) and getattr(value, "__module__", None) == __name__
           and name not in ("Image", "in_file", "change", "place", "snapshot_slot",
                          "replace_extra")]
