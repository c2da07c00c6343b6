// Extents arrive in order, neighbours in one request, several requests at a time.
#include "qcow2/extent_reader.h"

#include "qcow2_fixture.h"

namespace fusebay::qcow2::test {
namespace {

class Collector : public ExtentReader {
 public:
  explicit Collector(std::vector<Extent> extents) : extents_(std::move(extents)) {}
  std::size_t count() const override { return extents_.size(); }
  Extent At(std::size_t index) const override { return extents_[index]; }
  Result<> Take(std::size_t index, const Result<ByteSpan>& bytes) override {
    order.push_back(index);
    if (!bytes.ok()) {
      return bytes.error();
    }
    CHECK_EQ(bytes->size(), extents_[index].length);
    first_bytes += static_cast<char>((*bytes)[0]);
    return index == stop_at ? Result<>{Errno{ECANCELED}} : Ok();
  }

  std::vector<std::size_t> order;
  std::string first_bytes;
  std::size_t stop_at = SIZE_MAX;

 private:
  const std::vector<Extent> extents_;
};

// A file whose 4 KiB blocks are full of 'a', 'b', ...
struct Fixture {
  Fixture() {
    std::vector<std::byte> bytes;
    for (char c = 'a'; c <= 'z'; ++c) {
      bytes.insert(bytes.end(), 4096, static_cast<std::byte>(c));
    }
    file = &disk.AddFile("file", bytes);
    auto used = disk.graph.Use("file", {kPermConsistentRead, kPermAll}, "the test");
    CHECK_OK(used);
    ref = std::move(*used);
  }
  Result<> Read(Collector& collector) { return disk.Run(ReadExtents(ref, collector)); }

  Disk disk;
  MemoryFile* file = nullptr;
  BlockRef ref;
};

TEST(NeighboursAreOneRequest) {
  Fixture f;
  Collector collector({{0, 4096}, {4096, 4096}, {8192, 512}, {4096 * 9, 4096}});
  CHECK_OK(f.Read(collector));
  CHECK_EQ(collector.first_bytes, "abcj");
  CHECK_EQ(f.file->reads.load(), 2);
}

TEST(OrderIsKeptWhileRequestsOverlap) {
  Fixture f;
  f.file->suspends = true;
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < 26; ++i) {
    extents.push_back({(i * 7 % 26) * 4096, 512});
  }
  Collector collector(extents);
  CHECK_OK(f.Read(collector));
  for (std::size_t i = 0; i < 26; ++i) {
    CHECK_EQ(collector.order[i], i);
    CHECK_EQ(collector.first_bytes[i], static_cast<char>('a' + i * 7 % 26));
  }
}

TEST(WhatLiesBeyondTheEndIsZeroes) {
  Fixture f;
  Collector collector({{std::uint64_t{1} << 50, 4096}});
  CHECK_OK(f.Read(collector));
  CHECK_EQ(collector.first_bytes[0], '\0');
}

TEST(AnErrorIsGivenToEachExtentOfItsRequest) {
  Fixture f;
  f.file->fails = true;
  Collector collector({{0, 512}});
  CHECK_ERRNO(f.Read(collector), EIO);
}

TEST(TheTakerEndsTheReading) {
  Fixture f;
  f.file->suspends = true;
  Collector collector({{0, 512}, {8192, 512}, {16384, 512}});
  collector.stop_at = 1;
  CHECK_ERRNO(f.Read(collector), ECANCELED);
  CHECK_EQ(collector.order.size(), 2u);
}

TEST(NothingToReadIsFine) {
  Fixture f;
  Collector collector({});
  CHECK_OK(f.Read(collector));
}

}  // namespace
}  // namespace fusebay::qcow2::test
