// Reads past the end of a node, and failed reads of tables.
#include "qcow2/qcow2_io.h"

#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;

// A graph with a file of 100 bytes 'a', unless a test says otherwise.
struct File : Disk {
  explicit File(std::vector<std::byte> bytes = std::vector<std::byte>(100, std::byte{'a'})) {
    AddFile("file", std::move(bytes));
    auto used = graph.Use("file", {kPermConsistentRead, kPermAll}, "the test");
    CHECK_OK(used);
    image = std::move(*used);
  }
  std::string ReadZeroed(const BlockRef& ref, std::uint64_t offset, std::size_t length) {
    std::string bytes(length, '?');
    const iovec iov{bytes.data(), bytes.size()};
    const Result<> read = Run(ReadOrZero(ref, offset, IoVec::Of(iov)));
    CHECK_OK(read);
    return bytes;
  }
};

TEST(WhatLiesPastTheEndIsZeroes) {
  File file;
  CHECK_EQ(file.ReadZeroed(file.image, 0, 3), "aaa");
  CHECK(file.ReadZeroed(file.image, 98, 4) == std::string("aa\0\0", 4));
  CHECK(file.ReadZeroed(file.image, 100, 2) == std::string(2, '\0'));
  CHECK(file.ReadZeroed(file.image, UINT64_MAX - 10, 2) == std::string(2, '\0'));
}

TEST(WithoutANodeEverythingIsZeroes) {
  File file;
  CHECK(file.ReadZeroed(BlockRef(), 0, 2) == std::string(2, '\0'));
}

TEST(ATableThatCannotBeReadIsNamed) {
  File file;
  std::vector<std::byte> table(10);
  CHECK_OK(file.Run(ReadTable(file.image, 0, table, {"disk.qcow2", "the L1 table"})));
  file.file->fails = true;
  CHECK_MESSAGE(file.Run(ReadTable(file.image, 0, table, {"disk.qcow2", "the L1 table"})),
                "disk.qcow2: cannot read the L1 table: Input/output error");
}

TEST(EntriesAreBigEndian) {
  std::vector<std::byte> bytes(32);
  bytes[8] = std::byte{1};
  bytes[23] = std::byte{2};
  File file(bytes);
  const auto entries = file.Run(ReadEntries(file.image, 8, 2, {"disk.qcow2", "the L1 table"}));
  CHECK_OK(entries);
  CHECK(*entries == (std::vector<std::uint64_t>{std::uint64_t{1} << 56, 2}));
}

TEST(EntriesPastTheEndOfTheFileAreZeroes) {
  File file;
  const auto entries = file.Run(ReadEntries(file.image, 88, 3, {"disk.qcow2", "the L1 table"}));
  CHECK_OK(entries);
  CHECK(*entries == (std::vector<std::uint64_t>{0x6161616161616161, 0x6161616100000000, 0}));
  const auto beyond =
      file.Run(ReadEntries(file.image, UINT64_MAX - 7, 2, {"disk.qcow2", "the L1 table"}));
  CHECK_OK(beyond);
  CHECK(*beyond == (std::vector<std::uint64_t>{0, 0}));
}

TEST(NoEntriesNeedNoFile) {
  File file;
  file.file->fails = true;
  const auto entries = file.Run(ReadEntries(file.image, 0, 0, {"disk.qcow2", "the L1 table"}));
  CHECK_OK(entries);
  CHECK(entries->empty());
}

TEST(EntriesThatCannotBeReadAreNamed) {
  File file;
  file.file->fails = true;
  CHECK_MESSAGE(file.Run(ReadEntries(file.image, 0, 2, {"disk.qcow2", "the refcount table"})),
                "disk.qcow2: cannot read the refcount table: Input/output error");
}

}  // namespace
}  // namespace fusebay::qcow2
