// A block node as a single regular file, mounted over an existing regular file.
//
// Mount rules and messages: docs/protocols/fuse-export.md.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "block/block_graph.h"
#include "block/options.h"
#include "export/export.h"

namespace fusebay {

enum class ExportCache : std::uint8_t {
  kAuto,       // page cache, kept over open and close while this process is the only writer
  kNone,       // direct I/O; mmap works
  kWriteback,  // the kernel delays writes and owns size and times; sole export of its node only
};

struct FuseExportOptions {
  std::string id;
  std::string node_name;
  std::string mountpoint;
  bool writable = false;
  bool growable = false;
  bool writethrough = false;  // every write is on the disk before it returns
  OnOffAuto allow_other = OnOffAuto::kAuto;
  ExportCache cache = ExportCache::kAuto;
  // Beyond QEMU's options:
  bool auto_unmount = false;             // fusermount3 unmounts when this process dies
  long mount_namespace_pid = 0;          // mount there instead of here; 0: here
  std::string fusermount;                // empty: fusermount3
  std::string source;                    // shown as the mount's source: the image's absolute path,
                                         // or a name that is none
  std::vector<std::string> mount_flags;  // of mount(8): exec, noexec, dirsync
};

// What all FUSE exports of a process share: which mountpoints they have.
class FuseExports {
 public:
  explicit FuseExports(BlockGraph& graph) : graph_(graph) {}
  FuseExports(const FuseExports&) = delete;
  FuseExports& operator=(const FuseExports&) = delete;

  // Takes away what a killed server has left mounted at options.mountpoint, as Start does: for a
  // caller whose image may lie below it. "There already is a FUSE export on 'P'".
  Task<Result<Unit, Error>> ClearDeadMounts(const FuseExportOptions& options) const;

  // Checks what can be checked without looking at the mountpoint: "Cannot export read-only node as
  // writable", "Cannot find device='' nor node-name='X'". Opens options.source, so call it before
  // anything is mounted there. Start then says "There already is a FUSE export on 'P'", "Failed to
  // stat 'P': ...", "'P' is not a regular file". `loops` are the data loops; at least one.
  Result<std::unique_ptr<Export>, Error> Create(const FuseExportOptions& options,
                                                std::span<AioContext* const> loops);

 private:
  friend class FuseExport;
  BlockGraph& graph_;
  std::vector<std::string> mountpoints_;  // absolute, without symbolic links
};

}  // namespace fusebay
