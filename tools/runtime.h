// The per-user registry of what is exported by which process: one small JSON file per process that
// serves one image, and per export of a daemon, in a folder that only its user can read.
//
// The folder is $XDG_RUNTIME_DIR/fusebay for a user who has that, /run/fusebay for root, else
// /run/user/UID/fusebay, else /tmp/fusebay-UID. A folder that is a symbolic link, belongs to
// somebody else or is open to others is never used. The registry only adds to what the mount table
// says: without it exports work all the same. These functions block briefly.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "export/fuse_export.h"
#include "fuse/mount_table.h"

namespace fusebay {

struct ExportRecord {
  struct Mount {
    std::string mountpoint;  // as in the mount table
    unsigned device_major = 0;
    unsigned device_minor = 0;  // 0:0 for one in another mount namespace
    bool Is(const fuse::MountEntry& entry) const {
      return device_major == entry.device_major && device_minor == entry.device_minor;
    }
  };
  pid_t pid = 0;                 // of the serving process
  std::uint64_t start_time = 0;  // of that process, in its kernel's ticks: pids are reused
  std::string export_id;         // of a daemon's export, which may end before its process
  std::string image;
  std::string format;
  std::string node_name;
  std::vector<Mount> mounts;
  bool writable = false;
  bool growable = false;
  std::string cache;         // auto, none or writeback
  std::uint64_t size = 0;    // when it was exported
  std::int64_t started = 0;  // seconds since 1970

  // Whether one of its mounts was this one, by device number and mountpoint.
  bool Was(const fuse::MountEntry& entry) const;
};

// As a record has it.
std::string_view NameOf(ExportCache cache);

std::string RecordToJson(const ExportRecord& record);
Result<ExportRecord, Error> RecordFromJson(std::string_view text);

// From /proc/PID/stat; nothing when there is no such process, or only what its parent has not yet
// been told of (a zombie).
std::optional<std::uint64_t> ProcessStartTime(pid_t pid);
// Whether the process that wrote it still runs.
bool IsAlive(const ExportRecord& record);

// Where to look; a test has its own.
struct RuntimePlace {
  std::string xdg_runtime_dir;
  uid_t uid = 0;
  std::string run = "/run";
  std::string tmp = "/tmp";
  static RuntimePlace OfThisProcess();
  // The folders that are tried, best first.
  std::vector<std::string> Candidates() const;
};

// Adds this process, or one export of it, to the registry while it lives.
class ExportRegistration {
 public:
  // Fills in pid, start_time, started and, of each mount whose device is not known, where it stands
  // in the mount table. Call it in the serving process when everything is mounted. No export
  // depends on its success: warn and go on.
  static Result<ExportRegistration, Error> Create(
      ExportRecord record, const RuntimePlace& place = RuntimePlace::OfThisProcess());
  ExportRegistration(ExportRegistration&& other) noexcept = default;
  ExportRegistration& operator=(ExportRegistration&&) = delete;
  ~ExportRegistration();

  // One of several mountpoints has been unmounted and its export has been flushed. `fusebay umount`
  // waits for this.
  Result<Unit, Error> Drop(const std::string& mountpoint);
  const ExportRecord& record() const { return record_; }

 private:
  ExportRegistration(ExportRecord record, UniqueFd folder)
      : record_(std::move(record)), folder_(std::move(folder)) {}
  Result<Unit, Error> Write() const;

  ExportRecord record_;
  std::vector<std::string> names_;  // of record_.mounts, as Create was given them
  UniqueFd folder_;
};

// Every record of this user. One whose process is gone is kept, and given, only while a mount of
// it is left in `table`: that mount is dead.
std::vector<ExportRecord> ReadRecords(const RuntimePlace& place,
                                      const std::vector<fuse::MountEntry>& table);

}  // namespace fusebay
