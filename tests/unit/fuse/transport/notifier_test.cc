// Merging and bounds of notifications.
#include "fuse/transport/notifier.h"

#include <cstring>
#include <future>

#include "check.h"
#include "fuse/abi.h"

namespace fusebay::fuse::test {
namespace {

struct Written {
  abi::NotifyCode code{};
  abi::NotifyInvalInodeOut inode{};
  std::string bytes;
};

// Records what is written; the first write waits until it is let go.
class Recorder final : public FuseDevice {
 public:
  Recorder(std::vector<Written>& written, std::mutex& mutex, std::promise<void>& busy,
           std::shared_future<void> go, ssize_t result)
      : written_(written), mutex_(mutex), busy_(busy), go_(std::move(go)), result_(result) {}
  int poll_fd() const override { return -1; }
  ssize_t Read(std::byte*, std::size_t) override { return -EAGAIN; }
  ssize_t Write(std::span<const iovec> message) override {
    if (first_) {
      first_ = false;
      busy_.set_value();
    }
    go_.wait();
    std::string all;
    for (const iovec& piece : message) {
      all.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    abi::OutHeader header;
    std::memcpy(&header, all.data(), sizeof header);
    Written one;
    one.code = static_cast<abi::NotifyCode>(header.error);
    one.bytes = all.substr(sizeof header);
    std::memcpy(&one.inode, one.bytes.data(), std::min(sizeof one.inode, one.bytes.size()));
    const std::lock_guard lock(mutex_);
    FB_ASSERT(header.unique == 0 && header.length == all.size());
    written_.push_back(one);
    return result_ < 0 ? result_ : static_cast<ssize_t>(all.size());
  }

 private:
  std::vector<Written>& written_;
  std::mutex& mutex_;
  std::promise<void>& busy_;
  std::shared_future<void> go_;
  const ssize_t result_;
  bool first_ = true;
};

class Fixture {
 public:
  explicit Fixture(ssize_t result = 0) {
    notifier.Start(
        std::make_unique<Recorder>(written_, mutex_, busy_, go_.get_future().share(), result));
    // It keeps the thread busy while the others queue up.
    notifier.InvalidateInode(NodeId{99}, -1, 0);
    busy_.get_future().wait();
  }
  ~Fixture() { Finish(0); }

  // Lets it write until there are `count` messages after the first one.
  std::vector<Written> Finish(std::size_t count) {
    if (!finished_) {
      finished_ = true;
      LetGo();
      while (Count() < count + 1) {
        std::this_thread::yield();
      }
      notifier.Stop();
      written_.erase(written_.begin());
    }
    return written_;
  }
  void LetGo() {
    if (!gone_) {
      gone_ = true;
      go_.set_value();
    }
  }
  std::size_t Count() {
    const std::lock_guard lock(mutex_);
    return written_.size();
  }
  Notifier notifier;

 private:
  std::vector<Written> written_;
  std::mutex mutex_;
  std::promise<void> busy_;
  std::promise<void> go_;
  bool finished_ = false;
  bool gone_ = false;
};

TEST(AdjacentRangesAreMerged) {
  Fixture f;
  f.notifier.InvalidateInode(NodeId{1}, 0, 4096);
  f.notifier.InvalidateInode(NodeId{1}, 8192, 4096);
  f.notifier.InvalidateInode(NodeId{1}, 4096, 4096);
  const auto written = f.Finish(1);
  CHECK_EQ(written.size(), 1u);
  CHECK(written[0].code == abi::NotifyCode::kInvalInode);
  CHECK_EQ(written[0].inode.nodeid, 1u);
  CHECK_EQ(written[0].inode.offset, 0);
  CHECK_EQ(written[0].inode.length, 12288);
}

TEST(DistantRangesStayApart) {
  Fixture f;
  f.notifier.InvalidateInode(NodeId{1}, 0, 1);
  f.notifier.InvalidateInode(NodeId{1}, 100, 0);
  const auto written = f.Finish(2);
  CHECK_EQ(written.size(), 2u);
  CHECK_EQ(written[1].inode.offset, 100);
  CHECK_EQ(written[1].inode.length, 0);  // to the end
}

TEST(TooManyRangesAreTheWholeInode) {
  Fixture f;
  for (std::int64_t i = 0; i <= static_cast<std::int64_t>(Notifier::kMaxRanges); ++i) {
    f.notifier.InvalidateInode(NodeId{1}, i * 10, 1);
  }
  const auto written = f.Finish(1);
  CHECK_EQ(written.size(), 1u);
  CHECK_EQ(written[0].inode.offset, 0);
  CHECK_EQ(written[0].inode.length, 0);
}

TEST(AttributesAloneAreASmallMessage) {
  Fixture f;
  f.notifier.InvalidateInode(NodeId{1}, -1, 0);
  f.notifier.InvalidateInode(NodeId{1}, -1, 0);
  const auto written = f.Finish(1);
  CHECK_EQ(written.size(), 1u);
  CHECK(written[0].inode.offset < 0);
}

TEST(DataIncludesAttributes) {
  Fixture f;
  f.notifier.InvalidateInode(NodeId{1}, -1, 0);
  f.notifier.InvalidateInode(NodeId{1}, 0, 5);
  const auto written = f.Finish(1);
  CHECK_EQ(written.size(), 1u);
  CHECK_EQ(written[0].inode.offset, 0);
}

TEST(HugeRangeGoesToTheEnd) {
  Fixture f;
  f.notifier.InvalidateInode(NodeId{1}, 5, INT64_MAX);
  const auto written = f.Finish(1);
  CHECK_EQ(written.at(0).inode.length, 0);
}

TEST(EntryCarriesItsNameAndEnd) {
  Fixture f;
  f.notifier.InvalidateEntry(NodeId{1}, "abc");
  f.notifier.InvalidateEntry(NodeId{1}, "abc");
  const auto written = f.Finish(1);
  CHECK_EQ(written.size(), 1u);
  CHECK(written[0].code == abi::NotifyCode::kInvalEntry);
  CHECK_EQ(written[0].bytes.size(), sizeof(abi::NotifyInvalEntryOut) + 4);
  CHECK_EQ(written[0].bytes.substr(16), std::string("abc\0", 4));
}

TEST(ResendsAreOne) {
  Fixture f;
  f.notifier.Resend();
  f.notifier.Resend();
  const auto written = f.Finish(1);
  CHECK_EQ(written.size(), 1u);
  CHECK(written[0].code == abi::NotifyCode::kResend);
}

TEST(WaitingEndsWhenAllBeforeItIsTaken) {
  Fixture f;
  f.notifier.InvalidateInode(NodeId{1}, 0, 0);
  f.notifier.InvalidateInode(NodeId{2}, 0, 0);
  CHECK_ERRNO(f.notifier.WaitUntilTaken(std::chrono::milliseconds(10)), ETIMEDOUT);
  auto waiting = std::async(std::launch::async,
                            [&f] { return f.notifier.WaitUntilTaken(std::chrono::seconds(20)); });
  f.LetGo();
  CHECK_OK(waiting.get());
  CHECK_EQ(f.Count(), 3u);
}

TEST(WaitingForNothingIsShort) {
  Fixture f;
  f.LetGo();
  CHECK_OK(f.notifier.WaitUntilTaken(std::chrono::seconds(20)));
  CHECK_OK(f.notifier.WaitUntilTaken(std::chrono::milliseconds(0)));
}

TEST(WaitingOutsideASessionFails) {
  Notifier notifier;
  CHECK_ERRNO(notifier.WaitUntilTaken(std::chrono::seconds(20)), ENODEV);
}

TEST(UnknownNodesAreNoTrouble) {
  Fixture f(-ENOENT);
  f.notifier.InvalidateInode(NodeId{1}, 0, 1);
  f.notifier.InvalidateInode(NodeId{2}, 0, 1);
  CHECK_EQ(f.Finish(2).size(), 2u);
}

TEST(NotificationsOutsideASessionAreDropped) {
  Notifier notifier;
  notifier.InvalidateInode(NodeId{1}, 0, 1);
  notifier.InvalidateEntry(NodeId{1}, "a");
  notifier.Resend();
  notifier.Stop();
}

}  // namespace
}  // namespace fusebay::fuse::test
