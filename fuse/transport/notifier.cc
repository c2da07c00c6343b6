// Queues, merges and writes notifications.
#include "fuse/transport/notifier.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "fuse/abi.h"

namespace fusebay::fuse {

namespace {

constexpr std::int64_t kToTheEnd = INT64_MAX;

}  // namespace

Notifier::~Notifier() { FB_ASSERT(!thread_.joinable()); }

void Notifier::Start(std::unique_ptr<FuseDevice> device) {
  const std::lock_guard lock(mutex_);
  FB_ASSERT(!accepting_ && !thread_.joinable());
  device_ = std::move(device);
  accepting_ = true;
  stop_ = false;
}

void Notifier::Stop() {
  {
    const std::lock_guard lock(mutex_);
    accepting_ = false;
    stop_ = true;
    resend_ = false;
    inodes_.clear();
    order_.clear();
    entries_.clear();
  }
  wake_.notify_all();
  progress_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
  device_.reset();
}

Result<> Notifier::WaitUntilTaken(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  if (!accepting_) {
    return Errno{ENODEV};
  }
  // The queue is FIFO by inode, and one of them goes at a time; all else goes with the next one.
  const bool other = resend_ || !entries_.empty();
  const std::uint64_t last = begun_ + std::max<std::uint64_t>(order_.size(), other ? 1 : 0);
  const bool in_time =
      progress_.wait_for(lock, limit, [this, last] { return stop_ || sent_ >= last; });
  if (sent_ >= last) {
    return Ok();
  }
  return Errno{in_time ? ENODEV : ETIMEDOUT};
}

void Notifier::InvalidateInode(NodeId node, std::int64_t offset, std::int64_t length) {
  const std::lock_guard lock(mutex_);
  if (!accepting_) {
    return;
  }
  auto found = inodes_.find(node);
  if (found == inodes_.end()) {
    if (inodes_.size() >= kMaxPending) {
      ReportFull();
      return;
    }
    found = inodes_.emplace(node, Ranges{}).first;
    order_.push_back(node);
  }
  if (offset >= 0) {
    const bool whole = length <= 0 || length > kToTheEnd - offset;
    Merge(found->second, {offset, whole ? kToTheEnd : offset + length});
  }
  Wake();
}

void Notifier::InvalidateEntry(NodeId parent, std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (!accepting_) {
    return;
  }
  if (entries_.size() >= kMaxPending) {
    ReportFull();
    return;
  }
  if (entries_.empty() || entries_.back().parent != parent || entries_.back().name != name) {
    entries_.push_back({parent, std::string(name)});
  }
  Wake();
}

void Notifier::Resend() {
  const std::lock_guard lock(mutex_);
  if (accepting_) {
    resend_ = true;
    Wake();
  }
}

// Keeps `ranges` sorted, apart from each other and few.
void Notifier::Merge(Ranges& ranges, Range added) {
  std::erase_if(ranges, [&added](const Range& range) {
    const bool touches = range.begin <= added.end && added.begin <= range.end;
    if (touches) {
      added.begin = std::min(added.begin, range.begin);
      added.end = std::max(added.end, range.end);
    }
    return touches;
  });
  if (ranges.size() >= kMaxRanges) {
    ranges.clear();
    added = {0, kToTheEnd};
  }
  const auto place = std::find_if(ranges.begin(), ranges.end(), [&added](const Range& range) {
    return range.begin > added.begin;
  });
  ranges.insert(place, added);
}

// REQUIRES: mutex_ is held and something waits.
void Notifier::Wake() {
  if (!thread_.joinable()) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread_ = std::thread([this] { Run(); });
    } catch (const std::system_error& error) {
      if (limit_.Allow()) {  // the next notification tries again
        LogError(fmt::format("FUSE: cannot start a thread for notifications: {}",
                             std::generic_category().message(error.code().value())));
      }
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  wake_.notify_one();
}

void Notifier::ReportFull() {
  if (limit_.Allow()) {
    LogError(
        fmt::format("FUSE: more than {} notifications wait for the client, which does not "
                    "take them: one is dropped",
                    kMaxPending));
  }
}

void Notifier::Run() {
  pthread_setname_np(pthread_self(), "fuse-notify");
  Work work;
  while (Take(work)) {
    Send(work);
    const std::lock_guard lock(mutex_);
    ++sent_;
    progress_.notify_all();
  }
}

bool Notifier::Take(Work& work) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stop_ || resend_ || !order_.empty() || !entries_.empty(); });
  if (stop_) {
    return false;
  }
  work = Work{};
  ++begun_;
  work.resend = std::exchange(resend_, false);
  work.entries.swap(entries_);
  if (!order_.empty()) {
    work.inode = true;
    work.node = order_.front();
    order_.pop_front();
    const auto found = inodes_.find(work.node);
    work.ranges = std::move(found->second);
    inodes_.erase(found);
  }
  return true;
}

void Notifier::Send(const Work& work) {
  if (work.resend) {
    Write(static_cast<std::int32_t>(abi::NotifyCode::kResend), nullptr, 0);
  }
  for (const Entry& entry : work.entries) {
    SendEntry(entry);
  }
  if (work.inode && work.ranges.empty()) {
    SendInode(work.node, -1, 0);
  }
  for (const Range& range : work.ranges) {
    SendInode(work.node, range.begin, range.end == kToTheEnd ? 0 : range.end - range.begin);
  }
}

void Notifier::SendInode(NodeId node, std::int64_t offset, std::int64_t length) {
  const abi::NotifyInvalInodeOut args{static_cast<std::uint64_t>(node), offset, length};
  Write(static_cast<std::int32_t>(abi::NotifyCode::kInvalInode), &args, sizeof args);
}

void Notifier::SendEntry(const Entry& entry) {
  const abi::NotifyInvalEntryOut args{static_cast<std::uint64_t>(entry.parent),
                                      static_cast<std::uint32_t>(entry.name.size()), 0};
  const std::string_view with_end(entry.name.c_str(), entry.name.size() + 1);
  Write(static_cast<std::int32_t>(abi::NotifyCode::kInvalEntry), &args, sizeof args, with_end);
}

void Notifier::Write(std::int32_t code, const void* args, std::size_t size, std::string_view name) {
  abi::OutHeader header{};
  header.length = static_cast<std::uint32_t>(sizeof header + size + name.size());
  header.error = code;
  const std::array<iovec, 3> pieces{iovec{&header, sizeof header},
                                    iovec{const_cast<void*>(args), size},
                                    iovec{const_cast<char*>(name.data()), name.size()}};
  const std::size_t count = !name.empty() ? 3 : size != 0 ? 2 : 1;
  ssize_t n = -EINTR;
  while (n == -EINTR) {
    n = device_->Write(std::span(pieces).first(count));
  }
  // ENOENT: the client does not know the node or the name, so it caches nothing of it.
  const bool expected = n >= 0 || n == -ENOENT || n == -ENODEV || n == -ENOTDIR;
  if (!expected && limit_.Allow()) {
    LogWarning(fmt::format("FUSE: notification {} was refused: {}", code,
                           std::strerror(static_cast<int>(-n))));
  }
}

}  // namespace fusebay::fuse
