// MountService: one image, opened and shown at one or more mountpoints.
#include "mount_service.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <cstring>

#include "base/fd.h"
#include "core/log.h"
#include "export_mounts.h"

namespace fusebay {

namespace {

// The path as the mount table and `fusebay list` show it.
std::string AbsolutePath(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr),
                                                          &::free);
  return resolved == nullptr ? path : std::string(resolved.get());
}

// --create: an empty file where nothing is. Returns whether it was made.
Result<bool, Error> CreateMountpoint(const std::string& path) {
  const UniqueFd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (made) {
    return true;
  }
  if (errno == EEXIST) {
    return false;
  }
  const int error = errno;
  return Error{Errno{error}, fmt::format("Could not create '{}': {}", path, std::strerror(error))};
}

}  // namespace

MountService::MountService(const MountRequest& request, std::span<AioContext* const> loops)
    : request_(request),
      loops_(loops.begin(), loops.end()),
      fuse_exports_(graph_),
      image_path_(AbsolutePath(request.image.filename)) {}

MountService::~MountService() = default;

FuseExportOptions MountService::ExportOptions(std::size_t index) const {
  FuseExportOptions options = request_.fuse;
  options.id = fmt::format("mount{}", index);
  options.node_name = kNodeName;
  options.mountpoint = request_.mountpoints[index];
  options.source = image_path_;
  return options;
}

Task<Result<BlockNode*, Error>> MountService::OpenDisk() {
  ImageRequest image = request_.image;
  image.node_name = kNodeName;
  if (request_.overlay.has_value()) {
    overlay_.emplace(graph_, *request_.overlay, image_path_);
    const Result<BlockNode*, Error> node = co_await overlay_->Open(image);
    CO_TRY(node);
    format_ = overlay_->image_format();
    co_return *node;
  }
  const Result<BlockNode*, Error> node = co_await OpenImage(graph_, image);
  CO_TRY(node);
  format_ = (*node)->driver_name();
  co_return *node;
}

// What a killed server has left may hide the image itself.
Task<Result<Unit, Error>> MountService::ClearDeadMounts() {
  for (std::size_t i = 0; i < request_.mountpoints.size(); ++i) {
    const FuseExportOptions options = ExportOptions(i);
    const Result<Unit, Error> cleared = co_await fuse_exports_.ClearDeadMounts(options);
    CO_TRY(cleared);
  }
  co_return Unit{};
}

Task<Result<Unit, Error>> MountService::StartAll() {
  const Result<Unit, Error> cleared = co_await ClearDeadMounts();
  CO_TRY(cleared);
  const Result<BlockNode*, Error> node = co_await OpenDisk();
  CO_TRY(node);
  size_ = (*node)->size();
  // All are made before any is mounted: a mount may hide the image's own path.
  std::vector<std::unique_ptr<Export>> made;
  for (std::size_t i = 0; i < request_.mountpoints.size(); ++i) {
    CO_ASSIGN(std::unique_ptr<Export> one, fuse_exports_.Create(ExportOptions(i), loops_));
    made.push_back(std::move(one));
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    const Result<Unit, Error> started = co_await StartExport(std::move(made[i]));
    CO_TRY(started);
  }
  if (overlay_.has_value()) {
    overlay_->Keep();
  }
  co_return Unit{};
}

Task<Result<Unit, Error>> MountService::StartExport(std::unique_ptr<Export> one) {
  const std::size_t index = exports_.size();
  const std::string& mountpoint = request_.mountpoints[index];
  bool created = false;
  if (request_.create) {
    CO_ASSIGN(created, CreateMountpoint(mountpoint));
  }
  // Afterwards the path leads to the export.
  const std::string resolved = AbsolutePath(mountpoint);
  const Result<Unit, Error> started = co_await one->Start();
  if (!started.ok()) {
    if (created) {
      ::unlink(mountpoint.c_str());
    }
    co_return started.error();
  }
  exports_.push_back(std::move(one));
  mountpoints_.push_back(resolved);
  ++running_;
  exports_.back()->OnGone([this, index] {
    LogInfo(fmt::format("'{}' has been unmounted", request_.mountpoints[index]));
    stopping_.Spawn(StopExport(index));
  });
  co_return Unit{};
}

void MountService::Remember(const Result<>& flushed) {
  if (flushed.ok() || !outcome_.ok()) {
    return;
  }
  outcome_ = Error{flushed.error(), fmt::format("{}: flushing failed: {}", image_path_,
                                                std::strerror(flushed.error().value()))};
}

Task<Unit> MountService::StopExport(std::size_t index) {
  const std::unique_ptr<Export> stopped = std::move(exports_[index]);
  const Result<> flushed = co_await stopped->Stop();
  Remember(flushed);
  if (on_unmounted_) {
    on_unmounted_(mountpoints_[index]);
  }
  --running_;
  if (running_ == 0) {
    ended_.Set();
  }
  co_return Unit{};
}

void MountService::RequestStop() { ended_.Set(); }

void MountService::CutOff() {
  std::vector<OwnMount> mounts;
  for (const std::string& mountpoint : mountpoints_) {
    mounts.push_back({mountpoint, image_path_});
  }
  CutOffMounts(mounts);
}

Task<Result<Unit, Error>> MountService::Serve(std::function<void()> ready) {
  outcome_ = co_await StartAll();
  if (outcome_.ok()) {
    ready();
    co_await ended_.Wait();
  }
  for (std::size_t i = 0; i < exports_.size(); ++i) {
    if (exports_[i] != nullptr) {
      stopping_.Spawn(StopExport(i));
    }
  }
  co_await stopping_.Join();
  exports_.clear();
  const Result<Unit, Error> closed = co_await graph_.CloseAll();
  if (outcome_.ok() && !closed.ok()) {
    outcome_ = closed.error();
  }
  co_return outcome_;
}

}  // namespace fusebay
