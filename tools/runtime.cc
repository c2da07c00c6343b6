// The folder of the registry: chosen, checked, written and read.
#include "runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <memory>

#include "export_mounts.h"

namespace fusebay {

namespace {

constexpr std::size_t kMaxRecordSize = 1 << 20;
constexpr std::size_t kMaxRecords = 4096;
constexpr std::string_view kSuffix = ".json";

Error Failure(const std::string& path, int code) {
  return Error{Errno(code), fmt::format("{}: {}", path, std::strerror(code))};
}

// Opens the folder if it is ours alone. Asked of the open folder, so that nobody can put another
// one in its place meanwhile.
Result<UniqueFd, Error> OpenFolder(const std::string& path, uid_t uid) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    return Failure(path, errno);
  }
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) {
    return Failure(path, errno);
  }
  if (st.st_uid != uid) {
    return Error{Errno(EACCES), fmt::format("{}: belongs to another user", path)};
  }
  if ((st.st_mode & 077) != 0) {
    return Error{Errno(EACCES), fmt::format("{}: is open to other users", path)};
  }
  return fd;
}

Result<UniqueFd, Error> MakeFolder(const RuntimePlace& place) {
  Error last{Errno(ENOENT), "there is no place for a runtime folder"};
  for (const std::string& path : place.Candidates()) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      last = Failure(path, errno);
      continue;
    }
    auto folder = OpenFolder(path, place.uid);
    if (folder.ok()) {
      return folder;
    }
    last = folder.error();
  }
  return last;
}

std::string FileName(const ExportRecord& record) {
  const std::string_view dash = record.export_id.empty() ? "" : "-";
  return fmt::format("{}-{}{}{}{}", record.pid, record.start_time, dash, record.export_id, kSuffix);
}

// In one step: a reader sees the old record or the new one.
Result<Unit, Error> WriteFile(int folder, const std::string& name, std::string_view text) {
  const std::string temporary = name + ".new";
  UniqueFd fd(::openat(folder, temporary.c_str(),
                       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) {
    return Failure(temporary, errno);
  }
  const ssize_t written = ::write(fd.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) {
    const int code = written < 0 ? errno : ENOSPC;
    ::unlinkat(folder, temporary.c_str(), 0);
    return Failure(temporary, code);
  }
  if (::renameat(folder, temporary.c_str(), folder, name.c_str()) != 0) {
    const int code = errno;
    ::unlinkat(folder, temporary.c_str(), 0);
    return Failure(name, code);
  }
  return Unit{};
}

std::optional<ExportRecord> ReadFile(int folder, const std::string& name) {
  const UniqueFd fd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
      static_cast<std::size_t>(st.st_size) > kMaxRecordSize) {
    return std::nullopt;
  }
  std::string text(static_cast<std::size_t>(st.st_size), '\0');
  const ssize_t length = ::pread(fd.get(), text.data(), text.size(), 0);
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  auto record = RecordFromJson(text);
  if (!record.ok()) {
    return std::nullopt;
  }
  return std::move(*record);
}

std::vector<std::string> ListRecordFiles(int folder) {
  std::vector<std::string> names;
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy < 0 ? nullptr : ::fdopendir(copy),
                                                    ::closedir);
  while (entries != nullptr && names.size() < kMaxRecords) {
    const dirent* const entry = ::readdir(entries.get());
    if (entry == nullptr) {
      break;
    }
    if (std::string_view(entry->d_name).ends_with(kSuffix)) {
      names.emplace_back(entry->d_name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool HasMountIn(const ExportRecord& record, const std::vector<fuse::MountEntry>& table) {
  return std::any_of(table.begin(), table.end(), [&record](const fuse::MountEntry& entry) {
    return entry.type == fuse::kMountType && record.Was(entry);
  });
}

bool IsToBeFound(const ExportRecord::Mount& mount) { return mount.device_minor == 0; }

}  // namespace

RuntimePlace RuntimePlace::OfThisProcess() {
  RuntimePlace place;
  const char* const xdg = ::secure_getenv("XDG_RUNTIME_DIR");
  place.xdg_runtime_dir = xdg == nullptr ? "" : xdg;
  place.uid = ::geteuid();
  return place;
}

std::vector<std::string> RuntimePlace::Candidates() const {
  std::vector<std::string> paths;
  struct stat st{};
  // After `su` the variable may still name another user's folder.
  if (xdg_runtime_dir.starts_with('/') && ::stat(xdg_runtime_dir.c_str(), &st) == 0 &&
      st.st_uid == uid) {
    paths.push_back(xdg_runtime_dir + "/fusebay");
  }
  paths.push_back(uid == 0 ? run + "/fusebay" : fmt::format("{}/user/{}/fusebay", run, uid));
  paths.push_back(fmt::format("{}/fusebay-{}", tmp, uid));
  const auto last = std::unique(paths.begin(), paths.end());
  paths.erase(last, paths.end());
  return paths;
}

Result<ExportRegistration, Error> ExportRegistration::Create(ExportRecord record,
                                                             const RuntimePlace& place) {
  FB_ASSIGN(UniqueFd folder, MakeFolder(place));
  std::vector<fuse::MountEntry> table;
  if (std::any_of(record.mounts.begin(), record.mounts.end(), IsToBeFound)) {
    FB_ASSIGN(table, fuse::ReadMountTable());
  }
  record.pid = ::getpid();
  record.start_time = ProcessStartTime(record.pid).value_or(0);
  record.started = static_cast<std::int64_t>(::time(nullptr));
  std::vector<std::string> names;
  for (ExportRecord::Mount& mount : record.mounts) {
    names.push_back(mount.mountpoint);
    if (!IsToBeFound(mount)) {
      continue;
    }
    // Not found: it is in another mount namespace.
    if (const auto entry = FindExportMount(table, mount.mountpoint); entry.ok()) {
      mount = {entry->mountpoint, entry->device_major, entry->device_minor};
    }
  }
  ExportRegistration registration(std::move(record), std::move(folder));
  registration.names_ = std::move(names);
  FB_TRY(registration.Write());
  return registration;
}

ExportRegistration::~ExportRegistration() {
  if (folder_) {
    ::unlinkat(folder_.get(), FileName(record_).c_str(), 0);
  }
}

Result<Unit, Error> ExportRegistration::Drop(const std::string& mountpoint) {
  const auto name = std::find(names_.begin(), names_.end(), mountpoint);
  if (name == names_.end()) {
    return Unit{};
  }
  record_.mounts.erase(record_.mounts.begin() + (name - names_.begin()));
  names_.erase(name);
  return Write();
}

Result<Unit, Error> ExportRegistration::Write() const {
  return WriteFile(folder_.get(), FileName(record_), RecordToJson(record_));
}

std::vector<ExportRecord> ReadRecords(const RuntimePlace& place,
                                      const std::vector<fuse::MountEntry>& table) {
  std::vector<ExportRecord> records;
  for (const std::string& path : place.Candidates()) {
    const auto folder = OpenFolder(path, place.uid);
    if (!folder.ok()) {
      continue;
    }
    for (const std::string& name : ListRecordFiles(folder->get())) {
      std::optional<ExportRecord> record = ReadFile(folder->get(), name);
      if (!record.has_value() || name != FileName(*record)) {
        continue;
      }
      if (IsAlive(*record) || HasMountIn(*record, table)) {
        records.push_back(std::move(*record));
      } else {
        ::unlinkat(folder->get(), name.c_str(), 0);
      }
    }
  }
  return records;
}

}  // namespace fusebay
