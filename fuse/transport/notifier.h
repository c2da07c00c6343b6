// Notifier: tells the client that what it caches is stale, from a thread of its own.
//
// FUSE_NOTIFY_INVAL_INODE waits in write(2) for pages that a READ or WRITE in progress holds; a
// data loop that waited there could never answer that request.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/log.h"
#include "fuse/transport.h"
#include "fuse/transport/fuse_device.h"

namespace fusebay::fuse {

class Notifier final : public FuseNotifier {
 public:
  // Ranges of one inode that wait at a time; then they become the whole inode.
  static constexpr std::size_t kMaxRanges = 16;
  // Inodes, and names, that wait at a time. Beyond this a notification is lost, and that is logged.
  static constexpr std::size_t kMaxPending = 65536;

  Notifier() = default;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  ~Notifier() override;  // REQUIRES: not started, or Stop has returned.

  // Notifications before this are dropped: there is no session whose cache could be stale.
  void Start(std::unique_ptr<FuseDevice> device);
  // Drops what waits, and waits for the message that is being written. Blocks; the channels must go
  // on serving meanwhile, or the session must be over.
  void Stop();
  Result<> WaitUntilTaken(std::chrono::milliseconds limit) override;

  void InvalidateInode(NodeId node, std::int64_t offset, std::int64_t length) override;
  void InvalidateEntry(NodeId parent, std::string_view name) override;
  void Resend() override;

 private:
  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;  // INT64_MAX: to the end of the file
  };
  // Without ranges: attributes only.
  using Ranges = std::vector<Range>;
  struct Entry {
    NodeId parent{};
    std::string name;
  };
  struct Work {
    NodeId node{};
    Ranges ranges;
    bool inode = false;
    std::deque<Entry> entries;
    bool resend = false;
  };

  static void Merge(Ranges& ranges, Range added);
  void Wake();
  void Run();
  bool Take(Work& work);  // false: stop
  void Send(const Work& work);
  void SendInode(NodeId node, std::int64_t offset, std::int64_t length);
  void SendEntry(const Entry& entry);
  void Write(std::int32_t code, const void* args, std::size_t size, std::string_view name = {});
  void ReportFull();

  std::unique_ptr<FuseDevice> device_;
  std::thread thread_;  // started by the first notification
  std::mutex mutex_;    // guards what follows
  std::condition_variable wake_;
  bool accepting_ = false;
  bool stop_ = false;
  bool resend_ = false;
  std::uint64_t begun_ = 0;  // how often Take has returned something to send
  std::uint64_t sent_ = 0;   // and how often that has been sent
  std::condition_variable progress_;
  std::map<NodeId, Ranges> inodes_;
  std::deque<NodeId> order_;  // of inodes_
  std::deque<Entry> entries_;
  RateLimit limit_;
};

}  // namespace fusebay::fuse
