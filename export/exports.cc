// Exports by id: adding, removing, and those that end by themselves.
#include "export/exports.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace fusebay {

namespace {

constexpr Nanoseconds kReleaseTime = std::chrono::seconds(1);
constexpr Nanoseconds kReleaseStep = std::chrono::milliseconds(2);

Error Fail(int code, std::string message) { return Error{Errno{code}, std::move(message)}; }

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool IsWellFormed(std::string_view id) {
  return !id.empty() && IsLetter(id.front()) && std::all_of(id.begin(), id.end(), [](char c) {
    return IsLetter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

Result<Unit, Error> AsFlush(const std::string& id, const Result<>& flushed) {
  if (flushed.ok()) {
    return Unit{};
  }
  return Fail(flushed.error().value(), fmt::format("Export '{}': flushing its node failed: {}", id,
                                                   std::strerror(flushed.error().value())));
}

}  // namespace

Exports::~Exports() { FB_ASSERT(items_.empty()); }

Exports::Item* Exports::Find(std::string_view id) const {
  const auto it = std::find_if(items_.begin(), items_.end(),
                               [id](const std::shared_ptr<Item>& item) { return item->id == id; });
  return it == items_.end() ? nullptr : it->get();
}

Result<Unit, Error> Exports::Check(const FuseExportOptions& options) const {
  if (closing_) {
    return Fail(ESHUTDOWN, "Exports are shutting down");
  }
  if (!IsWellFormed(options.id)) {
    return Fail(EINVAL, "Invalid block export id");
  }
  if (Find(options.id) != nullptr) {
    return Fail(EEXIST, fmt::format("Block export id '{}' is already in use", options.id));
  }
  const BlockNode* const node = graph_.Find(options.node_name);
  if (node == nullptr) {
    return Fail(ENOENT, fmt::format("Cannot find device='' nor node-name='{}'", options.node_name));
  }
  if (options.writable && node->read_only()) {
    return Fail(EROFS, "Cannot export read-only node as writable");
  }
  return Unit{};
}

// The id is taken while it starts, but it is not listed yet.
Task<Result<Unit, Error>> Exports::Add(const FuseExportOptions& options,
                                       std::span<AioContext* const> loops) {
  CO_TRY(Check(options));
  CO_ASSIGN(std::unique_ptr<Export> created, fuse_.Create(options, loops));
  auto item = std::make_shared<Item>();
  item->id = options.id;
  item->exported = std::move(created);
  items_.push_back(item);
  const Result<Unit, Error> started = co_await item->exported->Start();
  if (!started.ok()) {
    std::erase(items_, item);
    item->stopping = true;
    item->settled.Set();
    item->gone.Set();
    co_return started;
  }
  item->settled.Set();
  item->exported->OnGone([this, weak = std::weak_ptr<Item>(item)] {
    if (const std::shared_ptr<Item> gone = weak.lock()) {
      BeginStop(gone);
    }
  });
  co_return Unit{};
}

void Exports::BeginStop(const std::shared_ptr<Item>& item) {
  if (!item->stopping) {
    item->stopping = true;
    stopping_.Spawn(Stop(item));
  }
}

// It may be called from inside the export, which says that its client has gone: so it begins with
// the loop's next turn.
Task<Unit> Exports::Stop(std::shared_ptr<Item> item) {
  co_await AioContext::Current().Yield();
  item->flushed = co_await item->exported->Stop();
  const Result<Unit, Error> closed = co_await graph_.CloseUnused();
  if (item->flushed.ok() && !closed.ok()) {
    item->flushed = closed.error().code;
  }
  std::erase(items_, item);
  item->exported = nullptr;
  if (observer_ != nullptr) {
    observer_->OnExportDeleted(item->id);
  }
  item->gone.Set();
  co_return Unit{};
}

// The kernel tells of a close after it has returned to the client, who may be here already.
Task<Unit> Exports::AwaitRelease(const Item& item) {
  AioContext& loop = AioContext::Current();
  const Clock::time_point end = loop.Now() + kReleaseTime;
  while (!item.stopping && item.exported->in_use() && loop.Now() < end) {
    co_await loop.SleepFor(kReleaseStep);
  }
  co_return Unit{};
}

Task<Result<Unit, Error>> Exports::Remove(std::string_view id, RemoveMode mode) {
  const auto it = std::find_if(items_.begin(), items_.end(),
                               [id](const std::shared_ptr<Item>& item) { return item->id == id; });
  if (it == items_.end() || (*it)->is_starting()) {
    co_return Fail(ENOENT, fmt::format("Export '{}' is not found", id));
  }
  const std::shared_ptr<Item> item = *it;
  if (mode == RemoveMode::kSafe) {
    co_await AwaitRelease(*item);
  }
  if (item->stopping) {
    co_return Fail(EBUSY, fmt::format("Export '{}' is already shutting down", item->id));
  }
  if (mode == RemoveMode::kSafe && item->exported->in_use()) {
    co_return Fail(EBUSY, fmt::format("export '{}' still in use", item->id));
  }
  BeginStop(item);
  co_await item->gone.Wait();
  co_return AsFlush(item->id, item->flushed);
}

Task<Result<Unit, Error>> Exports::StopAll() {
  closing_ = true;
  const std::vector<std::shared_ptr<Item>> all = items_;
  for (const std::shared_ptr<Item>& item : all) {
    co_await item->settled.Wait();
    BeginStop(item);
  }
  Result<Unit, Error> first = Unit{};
  for (const std::shared_ptr<Item>& item : all) {
    co_await item->gone.Wait();
    if (first.ok()) {
      first = AsFlush(item->id, item->flushed);
    }
  }
  co_await stopping_.Join();
  co_return first;
}

std::vector<ExportInfo> Exports::Query() const {
  std::vector<ExportInfo> all;
  for (auto it = items_.rbegin(); it != items_.rend(); ++it) {
    const Item& item = **it;
    if (!item.is_starting()) {
      all.push_back({.id = item.id,
                     .type = std::string(item.exported->type()),
                     .node_name = item.exported->node_name(),
                     .shutting_down = item.stopping});
    }
  }
  return all;
}

Task<Unit> Exports::SettleClients() {
  const std::vector<std::shared_ptr<Item>> all = items_;
  for (const std::shared_ptr<Item>& item : all) {
    if (!item->is_starting() && !item->stopping) {
      co_await item->exported->SettleClients();
    }
  }
  co_return Unit{};
}

}  // namespace fusebay
