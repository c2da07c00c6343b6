// MountService: one image, opened and shown at one or more mountpoints, until it is told to stop or
// every mountpoint has been unmounted. Lives on the control loop.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "block/block_graph.h"
#include "core/loop_thread.h"
#include "core/scope.h"
#include "export/fuse_export.h"
#include "mount_request.h"
#include "overlay.h"

namespace fusebay {

class MountService {
 public:
  static constexpr std::string_view kNodeName = "disk";

  // The request outlives the service.
  MountService(const MountRequest& request, std::span<AioContext* const> loops);
  MountService(const MountService&) = delete;
  MountService& operator=(const MountService&) = delete;
  ~MountService();  // REQUIRES: Serve has returned.

  // Opens and mounts everything, calls `ready` once, and returns when all is flushed and closed:
  // with the first error, or a value. On an error before `ready` nothing is left behind.
  Task<Result<Unit, Error>> Serve(std::function<void()> ready);
  // Unmounts everything; Serve then returns. May be called at any time.
  void RequestStop();
  // Called, from `ready` on, when one of several mountpoints has been unmounted and flushed.
  void OnUnmounted(std::function<void(const std::string& mountpoint)> fn) {
    on_unmounted_ = std::move(fn);
  }
  // Takes the mounts away without waiting for anybody, for a process that ends at once. Blocks.
  void CutOff();
  // Absolute paths of what is exported; known from `ready` on.
  const std::string& image_path() const { return image_path_; }
  const std::vector<std::string>& mountpoints() const { return mountpoints_; }
  const std::string& format() const { return format_; }
  std::uint64_t size() const { return size_; }

 private:
  Task<Result<Unit, Error>> StartAll();
  Task<Result<Unit, Error>> ClearDeadMounts();
  Task<Result<BlockNode*, Error>> OpenDisk();
  Task<Result<BlockNode*, Error>> OpenDisk(std::string node_name);
  Task<Result<Unit, Error>> StartExport(std::unique_ptr<Export> one);
  Task<Unit> StopExport(std::size_t index);
  FuseExportOptions ExportOptions(std::size_t index) const;
  void Remember(const Result<>& flushed);

  const MountRequest& request_;
  const std::vector<AioContext*> loops_;
  BlockGraph graph_;
  std::optional<Overlay> overlay_;
  FuseExports fuse_exports_;
  std::vector<std::unique_ptr<Export>> exports_;  // started; null: stopped
  std::size_t running_ = 0;
  TaskScope stopping_;
  CoEvent ended_;  // told to stop, or nothing is left to serve
  std::function<void(const std::string&)> on_unmounted_;
  Result<Unit, Error> outcome_ = Unit{};
  std::string image_path_;
  std::vector<std::string> mountpoints_;  // absolute, of exports_
  std::string format_;
  std::uint64_t size_ = 0;
};

}  // namespace fusebay
