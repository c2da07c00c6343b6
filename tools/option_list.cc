// Option lists as mount(8) writes them: "rw,nofail,writable,snapshot=a\,b".
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mount_options.h"

namespace fusebay {

namespace {

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

// Options of mount(8), libmount and fstab. Some become flags of the mount (ApplyMountFlag), the
// others are of no concern to an export: who may mount and when, or what a single file that is no
// device does not have. rw is here, for mount(8) adds it unasked. fsname and subtype are always set
// by the export itself.
constexpr std::array<std::string_view, 48> kAccepted = {
    "_netdev",
    "async",
    "atime",
    "auto",
    "comment",
    "defaults",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "fail",
    "fsname",
    "group",
    "helper",
    "iversion",
    "lazytime",
    "loud",
    "mand",
    "noatime",
    "noauto",
    "nodev",
    "nodiratime",
    "noexec",
    "nofail",
    "nogroup",
    "noiversion",
    "nolazytime",
    "nomand",
    "noowner",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "nouser",
    "nousers",
    "owner",
    "relatime",
    "rw",
    "silent",
    "strictatime",
    "subtype",
    "suid",
    "symfollow",
    "uhelper",
    "user",
    "users",
    "default-permissions",
    "nonempty",
};

bool IsAccepted(std::string_view name) {
  return name.starts_with("x-") || name.starts_with("X-") ||
         std::find(kAccepted.begin(), kAccepted.end(), name) != kAccepted.end();
}

bool IsKnown(std::string_view name) {
  const auto specs = MountOptionSpecs();
  return name != "options" && std::any_of(specs.begin(), specs.end(),
                                          [name](const OptionSpec& s) { return s.name == name; });
}

// "allow_other" is "allow-other", as every FUSE program writes it.
std::string WithDashes(std::string name) {
  std::replace(name.begin() + (name.starts_with('_') ? 1 : 0), name.end(), '_', '-');
  return name;
}

// The later one counts, as in mount(8).
void SetExec(MountSettings& settings, std::string_view exec_or_noexec) {
  std::vector<std::string>& flags = settings.request.fuse.mount_flags;
  std::erase(flags, "exec");
  std::erase(flags, "noexec");
  flags.emplace_back(exec_or_noexec);
}

// Options that become flags of the mount. user and users imply noexec (mount(8)); nosuid and nodev
// every export is.
void ApplyMountFlag(MountSettings& settings, std::string_view name) {
  if (name == "exec" || name == "noexec") {
    SetExec(settings, name);
  } else if (name == "user" || name == "users") {
    SetExec(settings, "noexec");
  } else if (name == "dirsync") {
    std::vector<std::string>& flags = settings.request.fuse.mount_flags;
    std::erase(flags, name);
    flags.emplace_back(name);
  }
}

Result<Unit, Error> ApplyListed(MountSettings& settings, const ListedOption& option, bool sloppy) {
  const std::string name = WithDashes(option.name);
  if (name == "ro") {
    settings.read_only = true;
    return Unit{};
  }
  if (name == "sync") {
    return ApplyMountOption(settings, "writethrough", std::nullopt);
  }
  if (name == "remount") {
    return Usage("an export cannot be remounted: unmount it and mount it again");
  }
  if (IsKnown(name)) {
    return ApplyMountOption(settings, name, option.value);
  }
  ApplyMountFlag(settings, name);
  if (IsAccepted(name) || sloppy) {
    return Unit{};
  }
  return Usage(fmt::format("unknown option '{}'", option.name));
}

}  // namespace

std::vector<ListedOption> SplitOptionList(std::string_view text) {
  std::vector<ListedOption> options;
  ListedOption option;
  const auto finish = [&options, &option] {
    if (!option.name.empty() || option.value.has_value()) {
      options.push_back(std::move(option));
    }
    option = ListedOption{};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == ',') {
      finish();
      continue;
    }
    if (c == '=' && !option.value.has_value()) {
      option.value.emplace();
      continue;
    }
    if (c == '\\' && i + 1 < text.size()) {
      c = text[++i];
    }
    (option.value.has_value() ? *option.value : option.name).push_back(c);
  }
  finish();
  return options;
}

Result<Unit, Error> ApplyOptionList(MountSettings& settings, std::string_view text, bool sloppy) {
  for (const ListedOption& option : SplitOptionList(text)) {
    FB_TRY(ApplyListed(settings, option, sloppy));
  }
  return Unit{};
}

}  // namespace fusebay
