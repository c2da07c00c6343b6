// The wait after an unmount, by pidfd and registry.
#include "unmount_wait.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"

namespace fusebay {

namespace {

using std::chrono::milliseconds;

bool StillServes(const std::vector<ExportRecord>& records, const ExportRecord& wanted,
                 const fuse::MountEntry& entry) {
  for (const ExportRecord& record : records) {
    if (record.pid == wanted.pid && record.start_time == wanted.start_time &&
        record.export_id == wanted.export_id) {
      return std::any_of(record.mounts.begin(), record.mounts.end(),
                         [&entry](const ExportRecord::Mount& mount) { return mount.Is(entry); });
    }
  }
  return false;
}

bool HasEnded(const UniqueFd& process, milliseconds timeout) {
  pollfd wait{process.get(), POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(timeout.count())) > 0;
}

}  // namespace

Result<Unit, Error> WaitForExportEnd(
    const ExportRecord& record, const fuse::MountEntry& entry, milliseconds limit,
    const std::function<std::vector<ExportRecord>()>& read_records) {
  constexpr milliseconds kStep{20};
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, record.pid, 0)));
  // Asked after the open, so that the pidfd cannot be that of a later process with this pid.
  if (!process || !IsAlive(record)) {
    return Unit{};
  }
  const bool goes_on = record.mounts.size() > 1 || !record.export_id.empty();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < deadline) {
    if (HasEnded(process, kStep)) {
      return Unit{};
    }
    if (goes_on && !StillServes(read_records(), record, entry)) {
      return Unit{};
    }
  }
  return Error{Errno(ETIMEDOUT),
               fmt::format("'{}': unmounted, but its server (pid {}) has not finished in {} s",
                           entry.mountpoint, record.pid, limit.count() / 1000)};
}

}  // namespace fusebay
