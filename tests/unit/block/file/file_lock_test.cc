// Image locks: the bytes on the file, and who is kept out. The other side is plain fcntl(2) on an
// open file description of its own, as another process has it.
#include "file/file_lock.h"

#include "block_fixture.h"

namespace fusebay::test {

namespace {

// What another process sees and does.
class Other {
 public:
  explicit Other(const std::string& path) : fd_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    CHECK(fd_.valid());
  }
  void Hold(off_t byte) const {
    struct flock lock = Byte(F_RDLCK, byte);
    CHECK_EQ(fcntl(fd_.get(), F_OFD_SETLK, &lock), 0);
  }
  void Release(off_t byte) const {
    struct flock lock = Byte(F_UNLCK, byte);
    CHECK_EQ(fcntl(fd_.get(), F_OFD_SETLK, &lock), 0);
  }
  // The bytes that we hold, "100 201 ".
  std::string Seen() const {
    std::string seen;
    for (const off_t base : {100, 200}) {
      for (off_t byte = base; byte < base + 8; ++byte) {
        struct flock lock = Byte(F_WRLCK, byte);
        CHECK_EQ(fcntl(fd_.get(), F_OFD_GETLK, &lock), 0);
        seen += lock.l_type == F_UNLCK ? "" : std::to_string(byte) + " ";
      }
    }
    return seen;
  }

 private:
  static struct flock Byte(short type, off_t byte) {
    struct flock lock{};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    return lock;
  }
  UniqueFd fd_;
};

struct Scene {
  Scene() { node = &bench.Open(File(path)); }
  Result<BlockRef, Error> Use(std::uint32_t used, std::uint32_t shared = kPermAll) {
    return bench.graph.Use(node->node_name(), {.used = used, .shared = shared}, "the test");
  }
  TemporaryFolder folder;
  std::string path = folder.Sparse("disk.img", 4096);
  Other other{path};
  Bench bench;
  BlockNode* node;
};

constexpr std::uint32_t kWriting = kPermConsistentRead | kPermWrite;

}  // namespace

TEST(AnUnusedImageIsNotLocked) {
  Scene s;
  CHECK_EQ(s.other.Seen(), "");
}

TEST(AReaderKeepsWritersOut) {
  Scene s;
  const auto ref = s.Use(kPermConsistentRead);
  CHECK_OK(ref);
  CHECK_EQ(s.other.Seen(), "100 201 203 ");
}

TEST(AWriterKeepsWritersOut) {
  Scene s;
  const auto ref = s.Use(kWriting);
  CHECK_OK(ref);
  CHECK_EQ(s.other.Seen(), "100 101 201 203 ");
}

TEST(AResizerSaysSo) {
  Scene s;
  const auto ref = s.Use(kWriting | kPermResize, kPermConsistentRead);
  CHECK_OK(ref);
  CHECK_EQ(s.other.Seen(), "100 101 103 201 202 203 ");
}

TEST(TheLocksEndWithTheUse) {
  Scene s;
  {
    CHECK_OK(s.Use(kWriting));
  }
  CHECK_EQ(s.other.Seen(), "");
}

TEST(TheLocksOfTwoUsersAreTogether) {
  Scene s;
  const auto reader = s.Use(kPermConsistentRead);
  {
    const auto writer = s.Use(kWriting);
    CHECK_OK(writer);
    CHECK_EQ(s.other.Seen(), "100 101 201 203 ");
  }
  CHECK_EQ(s.other.Seen(), "100 201 203 ");
}

TEST(AnImageThatIsWrittenElsewhereIsNotRead) {
  Scene s;
  s.other.Hold(101);
  CHECK_MESSAGE(
      s.Use(kPermConsistentRead),
      "Failed to get shared \"write\" lock. Is another process using the image [" + s.path + "]?");
}

TEST(AnImageThatOthersReadIsNotWritten) {
  Scene s;
  s.other.Hold(100);
  s.other.Hold(201);
  CHECK_MESSAGE(s.Use(kWriting), "Failed to get \"write\" lock. Is another process");
  CHECK_OK(s.Use(kPermConsistentRead));
}

TEST(TheOtherPermissionsHaveTheirNames) {
  Scene s;
  s.other.Hold(200);
  CHECK_MESSAGE(s.Use(kPermConsistentRead), "\"consistent read\" lock");
  s.other.Release(200);
  s.other.Hold(203);
  CHECK_MESSAGE(s.Use(kWriting | kPermResize), "\"resize\" lock");
  s.other.Release(203);
  s.other.Hold(102);
  CHECK_MESSAGE(s.Use(kWriting, kPermConsistentRead), "shared \"write unchanged\" lock");
}

TEST(ARefusedUserLeavesTheLocksAsTheyWere) {
  Scene s;
  const auto reader = s.Use(kPermConsistentRead);
  s.other.Hold(201);
  CHECK_MESSAGE(s.Use(kWriting), "\"write\" lock");
  s.other.Release(201);
  CHECK_EQ(s.other.Seen(), "100 201 203 ");
  CHECK_OK(s.Use(kWriting));
}

TEST(SomebodyWhoOnlyLooksInDisturbsNobody) {
  Scene s;
  auto writer = s.Use(kWriting);
  s.other.Hold(100);
  s.other.Hold(201);  // about to see 101, and to go away
  CHECK_OK(writer->SetPermissions({.used = kWriting, .shared = kPermConsistentRead}));
  CHECK_OK(s.Use(kPermConsistentRead));
}

TEST(LockingOffLocksNothing) {
  Scene s;
  BlockdevOptions options = File(s.path);
  std::get<FileOptions>(options.driver_options).locking = OnOffAuto::kOff;
  const BlockRef ref = s.bench.Use(s.bench.Open(options));
  CHECK_EQ(s.other.Seen(), "");
}

TEST(LockingOnWorksWhereThereAreLocks) {
  Scene s;
  BlockdevOptions options = File(s.path);
  std::get<FileOptions>(options.driver_options).locking = OnOffAuto::kOn;
  const BlockRef ref = s.bench.Use(s.bench.Open(options));
  CHECK_EQ(s.other.Seen(), "100 101 103 201 203 ");
}

TEST(TwoNodesOfOneFileExcludeEachOtherToo) {
  Scene s;
  const auto first = s.Use(kWriting);
  BlockNode& second = s.bench.Open(File(s.path));
  CHECK_MESSAGE(s.bench.graph.Use(second.node_name(), kReader, "me"), "\"write\" lock");
}

TEST(ReadersShareAReadOnlyImage) {
  Scene s;
  const BlockRef a = s.bench.Use(s.bench.Open(File(s.path, true)), kReader);
  const BlockRef b = s.bench.Use(s.bench.Open(File(s.path, true)), kReader);
  CHECK_EQ(s.other.Seen(), "100 201 203 ");
}

TEST(ARawImagePassesItsUsersOn) {
  Scene s;
  BlockNode& raw = s.bench.Open(Raw(s.node->node_name()));
  CHECK_EQ(s.other.Seen(), "");
  const BlockRef a = s.bench.Use(raw, kWriter);
  const BlockRef b = s.bench.Use(raw, kWriter);
  CHECK_EQ(s.other.Seen(), "100 101 103 201 203 ");
}

}  // namespace fusebay::test
