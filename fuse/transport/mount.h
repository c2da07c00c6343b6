// FuseMount: one mount and the /dev/fuse descriptor of its session. Mounting again after an unmount
// is fine. Every call may block for as long as the kernel or fusermount3 takes: not for a loop.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "fuse/dev_transport.h"
#include "fuse/mount_table.h"
#include "fuse/transport/child_process.h"
#include "fuse/transport/fusermount.h"

namespace fusebay::fuse {

class FuseMount {
 public:
  explicit FuseMount(MountOptions options);
  FuseMount(const FuseMount&) = delete;
  FuseMount& operator=(const FuseMount&) = delete;
  ~FuseMount();  // unmounts

  // REQUIRES: not mounted.
  Result<Unit, Error> Mount();

  // Lazily unmounts what Mount mounted, unless somebody has done that already. Does nothing when
  // not mounted. `served`: somebody still answers requests; else our descriptor is closed first
  // (and the caller has closed its copies), for the kernel may want to write data back.
  Result<Unit, Error> Unmount(bool served);

  bool mounted() const { return device_.valid(); }
  int fd() const { return device_.get(); }  // non-blocking; -1 when not mounted
  bool allow_other() const { return allow_other_; }
  const std::string& mountpoint() const { return mountpoint_; }
  const std::optional<MountIdentity>& entry() const { return entry_; }

 private:
  Result<Unit, Error> Attach();
  Result<Unit, Error> MountThroughFusermount();
  Result<Unit, Error> OpenTargetNamespace();
  Result<Unit, Error> UnmountEntry();
  std::string TablePath() const;
  Result<Unit, Error> CheckOnTop() const;
  void FindEntry();
  bool FindEntryQuickly();
  void EndKeepAlive(bool unmount);
  FusermountProgram program() const;

  const MountOptions options_;
  bool allow_other_ = false;
  bool taken_over_ = false;
  std::string mountpoint_;  // canonical
  UniqueFd device_;
  UniqueFd target_namespace_;
  DeathWatch keep_alive_;
  ChildProcess keeper_;  // fusermount3 of an auto_unmount
  std::optional<MountIdentity> entry_;
};

// The options of a mount as one string for libfuse and fusermount3, with values escaped.
Result<std::string, Error> MountOptionString(const MountOptions& options, bool allow_other);

// AllowOtherPermitted for another user and another configuration file.
bool AllowOtherPermitted(bool is_root, const std::string& configuration);

// In libfuse_mount.cc. Mounts with mount(2), or fusermount3 where that is not permitted.
Result<UniqueFd, Error> MountWithLibfuse(const std::string& options, const std::string& mountpoint);

}  // namespace fusebay::fuse
