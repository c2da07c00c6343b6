// DevTransport: a session with the Linux kernel through /dev/fuse, mounted on a file or a folder.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuse/mount_table.h"
#include "fuse/transport.h"

namespace fusebay::fuse {

// Whether users other than the one who mounts may use the file.
enum class AllowOther : std::uint8_t { kOff, kOn, kAuto };  // kAuto: where it is permitted

// Whether this process may mount with allow_other: root always may, others where /etc/fuse.conf
// says user_allow_other.
bool AllowOtherPermitted();

// Besides these every mount is nosuid, nodev, noatime and default_permissions.
struct MountOptions {
  // A file or a folder that exists. "/dev/fd/N" instead takes over a /dev/fuse descriptor that
  // somebody else has mounted and will unmount.
  std::string mountpoint;
  std::string fsname;  // shown as the mount's source; any bytes but NUL
  std::string subtype = "fusebay";
  bool read_only = false;
  AllowOther allow_other = AllowOther::kAuto;
  // The mount goes away when this process dies, however it dies. Needs fusermount3.
  bool auto_unmount = false;
  std::uint32_t max_read = 1u << 20;
  // More flags of mount(8): exec, noexec, sync, async, dirsync. Others are refused.
  std::vector<std::string> flags;
  // Mounts in the mount namespace of this process; mountpoint is then an absolute path there.
  // Needs root.
  std::optional<pid_t> target_mount_namespace;
  // Another program than the default is used even where mount(2) would do.
  std::string fusermount = "fusermount3";
};

struct DevTransportOptions {
  static constexpr std::uint32_t kMaxSlots = 1024;

  MountOptions mount;
  std::uint32_t slots_per_channel = 32;  // requests in progress per loop; 1 to kMaxSlots
  std::uint32_t max_payload = 1u << 20;  // a multiple of 4096, at most 1 MiB
};

// One channel per loop, each with its own clone of the session's descriptor; a request is answered
// through the one that read it. May be started again after Stop: that mounts anew, and the channels
// of before are gone.
class DevTransport final : public FuseTransport {
 public:
  explicit DevTransport(DevTransportOptions options);
  ~DevTransport() override;

  // What is wrong with the mount is told as "Failed to set up FUSE session: ..." or "Failed to
  // mount FUSE session to export: ...".
  Task<Result<Unit, Error>> Start(std::span<AioContext* const> loops) override;
  std::span<const std::unique_ptr<FuseChannel>> channels() override;
  FuseNotifier& notifier() override;
  std::uint32_t max_payload() const override;
  void OnInit(const Negotiated& negotiated) override;
  // Makes the client's kernel write what it holds of a node's written pages (mmap, writeback cache)
  // and drop its cache. Needs no path: also when the mount is hidden, detached with files open, or
  // elsewhere. A write that fails is told to the client, not here. ETIMEDOUT: goes on without us;
  // ENODEV: the session is over. REQUIRES: the channels are served.
  Task<Result<>> WriteBack(NodeId node, std::chrono::milliseconds limit);
  // Waits until the client's kernel has taken every notification that was made before. ETIMEDOUT,
  // ENODEV: as above.
  Task<Result<>> Settle(std::chrono::milliseconds limit);
  // Waits until every request that was handed out has come back to Exchange. A mount that something
  // else has been mounted over stays in the table, dead; this is logged.
  Task<Unit> Stop() override;

  // Whether users other than the one who mounts are let in; settled by Start.
  bool allow_other() const;
  // The mount as the table showed it after Start; nothing when it is not known (taken over).
  const std::optional<MountIdentity>& mount_entry() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fusebay::fuse
