// Adds exports with what belongs to them, and takes that away when they end.
#include "daemon_exports.h"

#include <stdlib.h>

#include <memory>

#include "core/log.h"
#include "fuse/mount_table.h"
#include "qapi/generated/events.h"

namespace fusebay {

namespace {

// Without symbolic links, as the mount table has it.
std::string AbsolutePath(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr),
                                                          &::free);
  return resolved == nullptr ? path : std::string(resolved.get());
}

// With the device of our own mount, where the kernel tells it.
ExportRecord::Mount RecordOf(const std::string& mountpoint) {
  const auto found = fuse::MountAt(mountpoint);
  if (!found.ok() || !found->has_value()) {
    return {.mountpoint = mountpoint};
  }
  return {mountpoint, (*found)->device_major, (*found)->device_minor};
}

}  // namespace

DaemonExports::DaemonExports(BlockGraph& graph, const DaemonObjects& objects, DataLoops& loops,
                             qapi::QmpEventSink& events)
    : graph_(graph), objects_(objects), loops_(loops), events_(events), exports_(graph) {
  exports_.SetObserver(this);
}

Result<std::vector<AioContext*>, Error> DaemonExports::FindLoops(
    std::span<const std::string> iothreads, IothreadUse& use) {
  if (iothreads.empty()) {
    return loops_.Get();
  }
  FB_ASSIGN(use, objects_.UseIothreads(iothreads));
  return use.loops();
}

Task<Result<Unit, Error>> DaemonExports::Add(FuseExportOptions options,
                                             std::vector<std::string> iothreads) {
  CO_TRY(exports_.Check(options));
  Extras extras;
  CO_ASSIGN(const std::vector<AioContext*> loops, FindLoops(iothreads, extras.iothreads));
  Result<ImageInfo, Error> image = co_await graph_.Find(options.node_name)->Info();
  const bool is_file = image.ok() && !image->path.empty();
  options.source = is_file ? AbsolutePath(image->path) : options.node_name;
  // Afterwards the path leads to the export.
  extras.mount = {AbsolutePath(options.mountpoint), options.source};
  FB_ASSERT(!starting_.has_value());
  if (const auto before = fuse::MountAt(extras.mount.mountpoint); before.ok()) {
    starting_ = {extras.mount, *before};
  }
  const Result<Unit, Error> added = co_await exports_.Add(options, loops);
  starting_.reset();
  CO_TRY(added);
  // The entry is there before anything else happens: the client may have gone already.
  Extras& kept = extras_[options.id];
  kept.iothreads = std::move(extras.iothreads);
  kept.mount = std::move(extras.mount);
  Register(options, kept);
  co_return Unit{};
}

// For `fusebay list` and `fusebay umount`; the export works without.
void DaemonExports::Register(const FuseExportOptions& options, Extras& extras) const {
  const BlockNode& node = *graph_.Find(options.node_name);
  ExportRecord record{.export_id = options.id,
                      .image = options.source,
                      .format = std::string(node.driver_name()),
                      .node_name = options.node_name,
                      .mounts = {RecordOf(extras.mount.mountpoint)},
                      .writable = options.writable,
                      .growable = options.growable,
                      .cache = std::string(NameOf(options.cache)),
                      .size = node.size()};
  Result<ExportRegistration, Error> registered = ExportRegistration::Create(std::move(record));
  if (registered.ok()) {
    extras.registration.emplace(std::move(*registered));
  } else {
    LogWarning(registered.error().message);
  }
}

void DaemonExports::OnExportDeleted(const std::string& id) {
  extras_.erase(id);
  EmitEvent(events_, qapi::BlockExportDeletedEvent{.id = id});
}

void DaemonExports::CutOff() const {
  std::vector<OwnMount> mounts;
  for (const auto& [id, extras] : extras_) {
    mounts.push_back(extras.mount);
  }
  if (starting_.has_value() && !(starting_->before.has_value() && IsOnTop(*starting_->before))) {
    mounts.push_back(starting_->mount);
  }
  CutOffMounts(mounts);
}

}  // namespace fusebay
