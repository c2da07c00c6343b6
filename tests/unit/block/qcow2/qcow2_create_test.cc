// New images: that they can be read, and that there is nothing in between no image and a whole one.
#include "block/qcow2_create.h"

#include <cstring>

#include "qcow2_fixture.h"

namespace fusebay {
namespace {

using qcow2::test::Disk;

// A file in memory that counts what changes it, and fails from the n-th change on.
class ChangingFile : public BlockNode {
 public:
  ChangingFile() : BlockNode("new", "test-file", false) {}
  std::vector<std::byte> bytes;
  int changes = 0;
  int fails_from = 1 << 30;
  std::string log;  // a letter for each change

  bool is_image() const {
    return bytes.size() >= 4 && std::memcmp(bytes.data(), "QFI\xfb", 4) == 0;
  }

 private:
  Result<> Change(char what) {
    log += what;
    return ++changes > fails_from ? Result<>{Errno{EIO}} : Ok();
  }
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    dst.CopyFrom(bytes.data() + offset);
    return Ok();
  }
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags) override {
    const Result<> changed = Change(offset == 0 ? 'H' : 'w');
    if (changed.ok()) {
      bytes.resize(std::max<std::size_t>(bytes.size(), offset + src.size));
      src.CopyTo(bytes.data() + offset);
      set_size(bytes.size());
    }
    return changed;
  }
  Task<Result<>> DoFlush(FlushMode) override { return Change('f'); }
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc) override {
    const Result<> changed = Change('t');
    if (changed.ok()) {
      bytes.resize(size);
      set_size(size);
    }
    return changed;
  }
};

// A file in which images are made.
struct Maker {
  Disk disk;
  ChangingFile* file = nullptr;
  BlockRef ref;

  Maker() {
    auto owned = std::make_unique<ChangingFile>();
    file = owned.get();
    CHECK_OK(disk.graph.Add(std::move(owned)));
    auto used = disk.graph.Use("new", {kPermConsistentRead | kPermWrite | kPermResize, kPermAll},
                               "the test");
    CHECK_OK(used);
    ref = std::move(*used);
  }
  Result<Unit, Error> Make(const Qcow2CreateOptions& options) {
    return disk.Run(CreateQcow2(ref, BlockRef(), options));
  }
};

Qcow2CreateOptions OfSize(std::uint64_t size) {
  Qcow2CreateOptions options;
  options.size = size;
  return options;
}

TEST(ANewImageReadsAsZeroes) {
  Maker maker;
  CHECK_OK(maker.Make(OfSize(1 * kMiB)));
  maker.disk.AddFile("file", maker.file->bytes);
  Disk::Must(maker.disk.OpenOn("file"));
  CHECK_EQ(maker.disk.image.size(), 1 * kMiB);
  CHECK(maker.disk.Read(0, 1 * kMiB) == std::string(1 * kMiB, '\0'));
  CHECK(!maker.disk.Status(0, 1 * kMiB).allocated);
}

TEST(APreallocatedImageHasEveryCluster) {
  Maker maker;
  Qcow2CreateOptions options = OfSize(1 * kMiB);
  options.preallocation = Prealloc::kMetadata;
  CHECK_OK(maker.Make(options));
  maker.disk.AddFile("file", maker.file->bytes);
  Disk::Must(maker.disk.OpenOn("file"));
  CHECK(maker.disk.Status(0, 1 * kMiB).data);
  CHECK_EQ(maker.disk.Status(0, 1 * kMiB).length, 1 * kMiB);
}

TEST(TheHeaderComesLastAndAfterAFlush) {
  Maker maker;
  CHECK_OK(maker.Make(OfSize(1 * kMiB)));
  const std::string& log = maker.file->log;
  CHECK(log.ends_with("fHf"));
  CHECK_EQ(log.find('H'), log.size() - 2);
}

TEST(AnyErrorLeavesNoHalfImage) {
  Maker whole;
  CHECK_OK(whole.Make(OfSize(1 * kMiB)));
  CHECK(whole.file->changes > 4);
  for (int n = 0; n < whole.file->changes - 1; ++n) {
    Maker maker;
    maker.file->fails_from = n;
    CHECK_MESSAGE(maker.Make(OfSize(1 * kMiB)), "Could not ");
    CHECK(!maker.file->is_image());
  }
}

TEST(AnOldImageIsGoneBeforeANewOneIsWritten) {
  Maker maker;
  CHECK_OK(maker.Make(OfSize(1 * kMiB)));
  maker.file->fails_from = maker.file->changes + 2;
  CHECK_MESSAGE(maker.Make(OfSize(2 * kMiB)), "Could not ");
  CHECK(!maker.file->is_image());
}

TEST(WrongOptionsTouchNothing) {
  Maker maker;
  CHECK_OK(maker.Make(OfSize(1 * kMiB)));
  const int before = maker.file->changes;
  CHECK_MESSAGE(maker.Make(OfSize(1)), "multiple of 512");
  CHECK_EQ(maker.file->changes, before);
}

}  // namespace
}  // namespace fusebay
