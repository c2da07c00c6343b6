// What the tests of the check share: an image in memory that can be written, with refcounts that
// are right until a test changes them, and power cuts.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "qcow2/qcow2_check.h"
#include "qcow2/qcow2_refcount_bits.h"
#include "qcow2_fixture.h"

namespace fusebay::qcow2::test {

// A file in memory that remembers what was done to it.
class WritableFile : public BlockNode {
 public:
  struct Write {
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes;
    std::size_t epoch = 0;  // flushes before it
  };

  explicit WritableFile(std::vector<std::byte> content)
      : BlockNode("file", "test-file", false), bytes(std::move(content)) {
    set_size(bytes.size());
  }

  std::vector<std::byte> bytes;
  std::vector<Write> writes;
  std::size_t flushes = 0;
  bool fails = false;  // every write, with EIO
  bool can_resize = true;

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    dst.CopyFrom(bytes.data() + offset);
    return Ok();
  }
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags) override {
    if (fails) {
      return Result<>{Errno{EIO}};
    }
    if (offset + src.size > bytes.size()) {
      bytes.resize(offset + src.size);
      set_size(bytes.size());
    }
    src.CopyTo(bytes.data() + offset);
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
    writes.push_back({offset, {from, from + static_cast<std::ptrdiff_t>(src.size)}, flushes});
    return Ok();
  }
  Task<Result<>> DoFlush(FlushMode) override {
    ++flushes;
    return Ok();
  }
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc) override {
    if (!can_resize) {
      return Result<>{Errno{ENOTSUP}};
    }
    bytes.resize(size);
    set_size(size);
    return Ok();
  }
};

// An image with 16-bit refcounts, those of all its clusters being 1.
class CheckedImage : private CheckObserver {
 public:
  static constexpr std::uint64_t kBlockCluster = 2;

  explicit CheckedImage(const ImageBuilder& image) : CheckedImage(WithRefcounts(image)) {}
  explicit CheckedImage(std::vector<std::byte> bytes) {
    auto owned = std::make_unique<WritableFile>(std::move(bytes));
    file = owned.get();
    const auto added = disk_.graph.Add(std::move(owned));
    CHECK_OK(added);
    auto used = disk_.graph.Use("file", {kPermConsistentRead | kPermWrite | kPermResize, kPermAll},
                                "the test");
    CHECK_OK(used);
    ref_ = std::move(*used);
  }

  Result<CheckResult, Error> TryCheck(CheckFix fix = CheckFix::kNone) {
    said.clear();
    return disk_.Run(CheckQcow2(ref_, "disk.qcow2", fix, *this));
  }
  CheckResult Check(CheckFix fix = CheckFix::kNone) {
    const auto result = TryCheck(fix);
    CHECK_OK(result);
    return *result;
  }
  Result<Unit, Error> Repair() {
    const auto header = ParseHeader(file->bytes, file->bytes.size(), "disk.qcow2");
    CHECK_OK(header);
    Header copy = *header;
    return disk_.Run(RepairDirty(ref_, copy, "disk.qcow2"));
  }

  std::uint64_t Get64(std::uint64_t at) const {
    return LoadBe<std::uint64_t>(file->bytes.data() + at);
  }
  CheckedImage& Set64(std::uint64_t at, std::uint64_t value) {
    StoreBe(file->bytes.data() + at, value);
    return *this;
  }
  std::uint64_t cluster() const {
    return std::uint64_t{1} << LoadBe<std::uint32_t>(file->bytes.data() + kAtClusterBits);
  }
  std::uint16_t Refcount(std::uint64_t index) const {
    return LoadBe<std::uint16_t>(file->bytes.data() + kBlockCluster * cluster() + index * 2);
  }
  CheckedImage& SetRefcount(std::uint64_t index, std::uint16_t value) {
    StoreBe(file->bytes.data() + kBlockCluster * cluster() + index * 2, value);
    return *this;
  }
  std::uint64_t L2At(std::uint64_t index) const {
    return ImageBuilder::kL2Cluster * cluster() + index * 8;
  }
  bool Said(std::string_view text) const {
    return std::any_of(said.begin(), said.end(), [text](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  }

  WritableFile* file = nullptr;
  std::vector<std::string> said;

 private:
  static std::vector<std::byte> WithRefcounts(ImageBuilder image) {
    const std::uint64_t cluster = image.cluster();
    image.bytes().resize((image.bytes().size() + cluster - 1) / cluster * cluster);
    image.Set64(cluster, kBlockCluster * cluster);
    for (std::uint64_t i = 0; i < image.bytes().size() / cluster; ++i) {
      StoreRefcount(image.bytes().data() + kBlockCluster * cluster, i, 4, 1);
    }
    return image.bytes();
  }
  void OnMessage(std::string_view line) override { said.emplace_back(line); }
  void OnProgress(std::uint64_t, std::uint64_t) override {}
  void OnRepaired(const CheckResult&) override { said.emplace_back("repaired"); }

  Disk disk_;
  BlockRef ref_;
};

// Three data clusters, and room for more.
inline ImageBuilder ThreeClusters() {
  ImageBuilder image;
  image.Data(0, 0, 'a').Data(1, 1, 'b').Data(5, 2, 'c');
  return image;
}

}  // namespace fusebay::qcow2::test
