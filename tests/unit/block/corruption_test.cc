// Corrupt images are told of, on the observer's loop.
#include "block/corruption.h"

#include "live_fixture.h"

namespace fusebay::test {

namespace {

constexpr std::uint64_t kOffsetBits = 0x00fffffffffffe00;
constexpr std::size_t kAtL1Offset = 40;

struct Scene : GraphObserver {
  Scene() {
    live.AddImage("a");
    live.bench.graph.SetObserver(this, *live.bench.loop);
    live.Write(live.bench.Use(live.Node("a")), 0, "data");
    Reopen(true);
  }
  ~Scene() override { live.bench.graph.SetObserver(nullptr, *live.bench.loop); }
  void OnImageCorrupted(const ImageCorruption& corruption) override { told.push_back(corruption); }
  void OnWriteAboveThreshold(const WriteAboveThreshold&) override {}

  void Reopen(bool read_only) {
    BlockdevOptions options = live.ImageOptionsOf("a", "f-a");
    options.read_only = read_only;
    CHECK_OK(live.Reopen(std::move(options)));
  }
  std::string Path() { return live.bench.Run(live.Node("f-a").Info())->filename; }
  std::uint64_t L1Offset() { return LoadBe<std::uint64_t>(FileBytes(Path()).data() + kAtL1Offset); }
  // Makes the L2 entry of the first cluster this, behind everybody's back.
  void SetEntry(std::uint64_t entry) {
    const std::string path = Path();
    const std::vector<std::byte> bytes = FileBytes(path);
    const auto l2 = LoadBe<std::uint64_t>(bytes.data() + L1Offset()) & kOffsetBits;
    std::uint64_t value = 0;
    StoreBe(&value, entry);
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    CHECK_EQ(pwrite(fd.get(), &value, sizeof value, static_cast<off_t>(l2)), ssize_t{8});
  }
  void LetPostsRun() {
    while (live.bench.loop->RunOnce(false)) {
    }
  }

  LiveScene live;
  std::vector<ImageCorruption> told;
};

}  // namespace

TEST(AWrongTableIsToldOnce) {
  Scene s;
  s.SetEntry((std::uint64_t{1} << 63) | 0x50200);  // no cluster begins there
  const BlockRef ref = s.live.bench.Use(s.live.Node("a"), kReader);
  Data data(512);
  CHECK_ERRNO(s.live.bench.Run(ref.Read(0, data.vec())), EIO);
  CHECK_ERRNO(s.live.bench.Run(ref.Read(0, data.vec())), EIO);
  s.LetPostsRun();
  CHECK_EQ(s.told.size(), 1u);
  CHECK_EQ(s.told[0].node_name, "a");
  CHECK(!s.told[0].fatal);
  CHECK(!s.told[0].message.empty());
}

TEST(DataThatWouldOverwriteTablesIsFatal) {
  Scene s;
  s.SetEntry((std::uint64_t{1} << 63) | s.L1Offset());
  s.Reopen(false);
  const BlockRef ref = s.live.bench.Use(s.live.Node("a"));
  CHECK_ERRNO(s.live.bench.Write(ref, 0, Data(512, std::byte{1})), EIO);
  s.LetPostsRun();
  CHECK(!s.told.empty());
  const ImageCorruption& last = s.told.back();
  CHECK(last.fatal);
  CHECK(last.offset == s.L1Offset());
  CHECK(last.size == 512u);
}

}  // namespace fusebay::test
