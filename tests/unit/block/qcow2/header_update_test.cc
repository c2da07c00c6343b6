// Each field is written in its place, flushed, and then in the header in memory.
#include "qcow2/header_update.h"

#include "check_fixture.h"
#include "qcow2/read_header.h"

namespace fusebay::qcow2::test {
namespace {

struct Fixture {
  Fixture() {
    auto owned = std::make_unique<WritableFile>(ImageBuilder().bytes());
    file = owned.get();
    CHECK_OK(disk.graph.Add(std::move(owned)));
    auto used = disk.graph.Use("file", {kPermConsistentRead | kPermWrite, kPermAll}, "the test");
    CHECK_OK(used);
    ref = std::move(*used);
    header = Read();
  }
  Header Read() {
    const auto read = disk.Run(ReadHeader(ref, "disk.qcow2"));
    CHECK_OK(read);
    return *read;
  }

  Disk disk;
  WritableFile* file = nullptr;
  BlockRef ref;
  Header header;
};

TEST(FieldsAreWrittenAndFlushed) {
  Fixture f;
  CHECK_OK(f.disk.Run(WriteIncompatible(f.ref, f.header, kIncompatibleDirty)));
  CHECK_OK(f.disk.Run(WriteAutoclear(f.ref, f.header, kAutoclearDataFileRaw)));
  CHECK_OK(f.disk.Run(WriteSize(f.ref, f.header, 12345)));
  const Header now = f.Read();
  CHECK_EQ(now.incompatible, kIncompatibleDirty);
  CHECK_EQ(now.autoclear, kAutoclearDataFileRaw);
  CHECK_EQ(now.size, 12345u);
  CHECK_EQ(f.header.size, 12345u);
  CHECK_EQ(f.file->flushes, 3u);
}

TEST(ATablesPlaceIsOneWrite) {
  Fixture f;
  CHECK_OK(f.disk.Run(WriteRefcountTablePlace(f.ref, f.header, 0x20000, 2)));
  CHECK_OK(f.disk.Run(WriteL1Place(f.ref, f.header, 0x40000, 2)));
  CHECK_EQ(f.file->writes.size(), 2u);
  const Header now = f.Read();
  CHECK_EQ(now.refcount_table_offset, 0x20000u);
  CHECK_EQ(now.refcount_table_clusters, 2u);
  CHECK_EQ(now.l1_offset, 0x40000u);
  CHECK_EQ(now.l1_entries, 2u);
}

TEST(AFailedWriteLeavesTheHeaderInMemory) {
  Fixture f;
  f.file->fails = true;
  CHECK_ERRNO(f.disk.Run(WriteSize(f.ref, f.header, 1)), EIO);
  CHECK_EQ(f.header.size, f.Read().size);
}

}  // namespace
}  // namespace fusebay::qcow2::test
