// Reads the kernel's mount table (proc(5), /proc/PID/mountinfo).
#include "fuse/mount_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/fd.h"

namespace fusebay::fuse {

namespace {

// Takes what comes before `separator` off the front of `rest`; all of it when there is none.
std::string_view TakeField(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view field = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return field;
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes blank, tab, newline, '\\' and '#' as a backslash and three octal digits.
std::string Unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) &&
        IsOctal(text[i + 3])) {
      const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      plain.push_back(static_cast<char>(value));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

template <class T>
bool ParseNumber(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
bool ParseLine(std::string_view line, MountEntry& entry) {
  std::string_view rest = line;
  bool good = ParseNumber(TakeField(rest, ' '), entry.id);
  good = ParseNumber(TakeField(rest, ' '), entry.parent) && good;
  std::string_view device = TakeField(rest, ' ');
  good = ParseNumber(TakeField(device, ':'), entry.device_major) && good;
  good = ParseNumber(device, entry.device_minor) && good;
  entry.root = Unescape(TakeField(rest, ' '));
  entry.mountpoint = Unescape(TakeField(rest, ' '));
  entry.options = Unescape(TakeField(rest, ' '));
  // Any number of optional fields, then one that is a single '-'.
  bool found = false;
  while (!rest.empty() && !found) {
    found = TakeField(rest, ' ') == "-";
  }
  entry.type = Unescape(TakeField(rest, ' '));
  entry.source = Unescape(TakeField(rest, ' '));
  entry.super_options = Unescape(rest);
  return good && found && !entry.mountpoint.empty() && !entry.type.empty();
}

// Whether a path look-up of `path` passes through `folder`.
bool LiesAtOrBelow(std::string_view path, std::string_view folder) {
  if (folder == "/") {
    return path.starts_with('/');
  }
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

const MountEntry* FindRoot(const std::vector<MountEntry>& table) {
  for (const MountEntry& entry : table) {
    if (entry.mountpoint != "/") {
      continue;
    }
    bool has_parent = false;
    for (const MountEntry& other : table) {
      has_parent = has_parent || (other.id == entry.parent && other.id != entry.id);
    }
    if (!has_parent) {
      return &entry;
    }
  }
  return nullptr;
}

// The mount that the look-up crosses into next, from `current`: the first one on the way.
const MountEntry* FindNextMount(const std::vector<MountEntry>& table, const MountEntry& current,
                                std::string_view path) {
  const MountEntry* next = nullptr;
  for (const MountEntry& entry : table) {
    if (entry.parent != current.id || entry.id == current.id ||
        !LiesAtOrBelow(path, entry.mountpoint)) {
      continue;
    }
    if (next == nullptr || entry.mountpoint.size() < next->mountpoint.size()) {
      next = &entry;
    }
  }
  return next;
}

// For a process whose root folder is no mount of the table: the last one made there.
const MountEntry* FindLastMount(const std::vector<MountEntry>& table, std::string_view path) {
  const MountEntry* last = nullptr;
  for (const MountEntry& entry : table) {
    if (entry.mountpoint == path) {
      last = &entry;
    }
  }
  return last;
}

}  // namespace

bool HasMountOption(std::string_view options, std::string_view name) {
  while (!options.empty()) {
    std::string_view option = TakeField(options, ',');
    if (TakeField(option, '=') == name) {
      return true;
    }
  }
  return false;
}

Result<std::vector<MountEntry>, Error> ParseMountTable(std::string_view text) {
  std::vector<MountEntry> table;
  while (!text.empty()) {
    const std::string_view line = TakeField(text, '\n');
    if (line.empty()) {
      continue;
    }
    if (!ParseLine(line, table.emplace_back())) {
      return Error{Errno(EINVAL), fmt::format("mount table: cannot understand '{}'", line)};
    }
  }
  return table;
}

Result<std::vector<MountEntry>, Error> ReadMountTable(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    const int code = errno;
    return Error{Errno(code), fmt::format("{}: {}", path, std::strerror(code))};
  }
  std::string text;
  char piece[8192];
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece, sizeof piece);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      const int code = errno;
      return Error{Errno(code), fmt::format("{}: {}", path, std::strerror(code))};
    }
    if (n == 0) {
      return ParseMountTable(text);
    }
    text.append(piece, static_cast<std::size_t>(n));
  }
}

const MountEntry* FindTopMount(const std::vector<MountEntry>& table, std::string_view mountpoint) {
  const MountEntry* current = FindRoot(table);
  if (current == nullptr) {
    return FindLastMount(table, mountpoint);
  }
  // Each step goes from a mount to one of its children, so a table without loops bounds it; a
  // table changes while it is read, hence the limit.
  for (std::size_t step = 0; step < table.size(); ++step) {
    const MountEntry* const next = FindNextMount(table, *current, mountpoint);
    if (next == nullptr) {
      break;
    }
    current = next;
  }
  return current->mountpoint == mountpoint ? current : nullptr;
}

bool IsListed(const std::vector<MountEntry>& table, const MountIdentity& mount) {
  return std::any_of(table.begin(), table.end(),
                     [&mount](const MountEntry& entry) { return entry.IsSameMount(mount); });
}

Result<std::optional<MountIdentity>> MountAt(const std::string& path) {
  constexpr int kAskNobody = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  struct statx found{};
  if (::statx(AT_FDCWD, path.c_str(), kAskNobody, STATX_MNT_ID, &found) != 0) {
    return Errno{errno};
  }
  if ((found.stx_mask & STATX_MNT_ID) == 0 ||
      (found.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0) {
    return Errno{ENOTSUP};
  }
  if ((found.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0) {
    return std::optional<MountIdentity>();
  }
  return std::optional(MountIdentity{static_cast<int>(found.stx_mnt_id), found.stx_dev_major,
                                     found.stx_dev_minor, path});
}

bool IsOnTop(const MountIdentity& mount) {
  if (const auto found = MountAt(mount.mountpoint); found.ok()) {
    return found->has_value() && (*found)->IsSameMount(mount);
  }
  const auto table = ReadMountTable();
  const MountEntry* const top = table.ok() ? FindTopMount(*table, mount.mountpoint) : nullptr;
  return top != nullptr && top->IsSameMount(mount);
}

std::vector<MountEntry> FindMountsOfType(const std::vector<MountEntry>& table,
                                         std::string_view type) {
  std::vector<MountEntry> found;
  for (const MountEntry& entry : table) {
    if (entry.type == type) {
      found.push_back(entry);
    }
  }
  return found;
}

}  // namespace fusebay::fuse
