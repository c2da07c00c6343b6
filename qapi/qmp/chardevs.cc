// The table of chardevs.
#include <fmt/format.h>

#include <utility>

#include "chardev_kinds.h"
#include "qapi/chardev.h"
#include "qapi/generated/types.h"

namespace fusebay::qapi {

namespace {

// -1: none.
int InheritedFd(const ChardevConfig& config) {
  const auto* const socket = std::get_if<SocketChardevConfig>(&config.backend);
  const FdPlace* const place = socket == nullptr ? nullptr : std::get_if<FdPlace>(&socket->place);
  return place == nullptr ? -1 : place->fd;
}

}  // namespace

Chardevs::~Chardevs() {
  for (const auto& [id, entry] : entries_) {
    FB_ASSERT(!entry.used);
  }
}

Task<Result<Unit, Error>> Chardevs::Add(ChardevConfig config) {
  const auto [at, added] = entries_.try_emplace(config.id);
  Entry& entry = at->second;
  if (!added) {
    co_return Error{Errno(EEXIST), fmt::format("Chardev with id '{}' already exists", config.id)};
  }
  entry.used = true;
  const Result<Unit, Error> claimed = Claim(config, entry);
  if (!claimed.ok()) {
    entries_.erase(at);
    co_return claimed.error();
  }
  const bool is_socket = std::holds_alternative<SocketChardevConfig>(config.backend);
  entry.chardev =
      is_socket ? MakeSocketChardev(std::move(config)) : MakePlainChardev(std::move(config));
  const Result<Unit, Error> opened = co_await Open(entry);
  if (!opened.ok()) {
    entries_.erase(at);
    co_return opened.error();
  }
  entry.used = false;
  co_return Unit{};
}

Task<Result<Unit, Error>> Chardevs::Open(Entry& entry) {
  if (stopped_) {
    entry.chardev->Stop();
  }
  const Result<Unit, Error> opened = co_await entry.chardev->Open();
  entry.is_open = opened.ok();
  co_return opened;
}

// A descriptor that was there before has one owner.
Result<Unit, Error> Chardevs::Claim(const ChardevConfig& config, Entry& entry) {
  const bool wants_stdio = std::holds_alternative<StdioChardevConfig>(config.backend);
  const int wanted_fd = InheritedFd(config);
  for (const auto& [id, other] : entries_) {
    if (wants_stdio && other.uses_stdio) {
      return Error{Errno(EBUSY), "cannot use stdio by multiple character devices"};
    }
    if (wanted_fd >= 0 && other.inherited_fd == wanted_fd) {
      return Error{Errno(EBUSY),
                   fmt::format("File descriptor '{}' is in use by chardev '{}'", wanted_fd, id)};
    }
  }
  entry.uses_stdio = wants_stdio;
  entry.inherited_fd = wanted_fd;
  return Unit{};
}

Result<Unit, Error> Chardevs::Remove(std::string_view id) {
  const auto at = entries_.find(id);
  if (at == entries_.end()) {
    return Error{Errno(ENOENT), fmt::format("Chardev '{}' not found", id)};
  }
  if (at->second.used) {
    return Error{Errno(EBUSY), fmt::format("Chardev '{}' is busy", id)};
  }
  entries_.erase(at);
  return Unit{};
}

Result<Chardev*, Error> Chardevs::Take(std::string_view id) {
  const auto at = entries_.find(id);
  if (at == entries_.end()) {
    return Error{Errno(ENOENT), fmt::format("chardev \"{}\" not found", id)};
  }
  if (at->second.used) {
    return Error{Errno(EBUSY), fmt::format("Device '{}' is in use", id)};
  }
  at->second.used = true;
  return at->second.chardev.get();
}

void Chardevs::Release(Chardev& chardev) {
  const auto at = entries_.find(chardev.id());
  FB_ASSERT(at != entries_.end() && at->second.chardev.get() == &chardev && at->second.used);
  at->second.used = false;
}

std::vector<ChardevInfo> Chardevs::List() const {
  std::vector<ChardevInfo> list;
  for (const auto& [id, entry] : entries_) {
    if (entry.is_open) {
      list.push_back({id, entry.chardev->filename(), entry.used});
    }
  }
  return list;
}

void Chardevs::Stop() {
  stopped_ = true;
  for (const auto& [id, entry] : entries_) {
    if (!entry.is_open && entry.chardev != nullptr) {
      entry.chardev->Stop();
    }
  }
}

void Chardevs::Close() {
  stopped_ = true;
  for (const auto& [id, entry] : entries_) {
    if (entry.chardev != nullptr) {
      entry.chardev->Close();
    }
  }
}

}  // namespace fusebay::qapi
