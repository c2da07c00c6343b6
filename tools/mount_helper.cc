// mount.fuse.fusebay: the calling convention of mount(8)'s external helpers.
#include "mount_helper.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <memory>

#include "mount_options.h"
#include "subcommand.h"
#include "values.h"

namespace fusebay {

namespace {

constexpr std::string_view kName = "mount.fuse.fusebay";

constexpr std::array kSpecs = {
    OptionSpec{"options", 'o', "LIST", "What to do: writable,cache=none,...",
               OptionValue::kRequired},
    OptionSpec{"type", 't', "TYPE", "The file system type; of no effect", OptionValue::kRequired},
    OptionSpec{"namespace", 'N', "NAMESPACE", "Mount there: a PID or a namespace file",
               OptionValue::kRequired},
    OptionSpec{"sloppy", 's', "", "Accept unknown options"},
    OptionSpec{"fake", 'f', "", "Only check the options"},
    OptionSpec{"no-mtab", 'n', "", "Of no effect"},
    OptionSpec{"verbose", 'v', "", "Say more about what is done"},
};

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

std::string_view LastName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool IsSameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// A process that lives in the mount namespace which `path` stands for. mount(8) -N gives a file of
// its own /proc/PID/fd, but a mount there needs a process to enter by.
Result<long, Error> FindProcessIn(const std::string& path) {
  struct stat wanted{};
  if (::stat(path.c_str(), &wanted) != 0) {
    const int code = errno;
    return Error{Errno(code), fmt::format("namespace '{}': {}", path, std::strerror(code))};
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  while (proc != nullptr) {
    const dirent* const entry = ::readdir(proc.get());
    if (entry == nullptr) {
      break;
    }
    const auto pid = ParseNumber(entry->d_name, 1, INT32_MAX);
    struct stat found{};
    if (pid.ok() && ::stat(fmt::format("/proc/{}/ns/mnt", *pid).c_str(), &found) == 0 &&
        IsSameFile(wanted, found)) {
      return static_cast<long>(*pid);
    }
  }
  return Error{Errno(ESRCH), fmt::format("namespace '{}': no process lives in it", path)};
}

Result<long, Error> FindNamespaceProcess(const std::string& name) {
  const auto pid = ParseNumber(name, 1, INT32_MAX);
  if (pid.ok()) {
    return static_cast<long>(*pid);
  }
  return FindProcessIn(name);
}

int Fail(std::string_view message, int code) {
  fmt::print(stderr, "{}: {}\n", kName, message);
  return code;
}

std::string Help() {
  return fmt::format(
      "Usage: {} IMAGE MOUNTPOINT [-sfnv] [-N NAMESPACE] [-t TYPE] [-o LIST]\n"
      "Called by mount(8) as: mount -t fuse.fusebay IMAGE MOUNTPOINT -o LIST\n\n"
      "Options:\n{}\nOptions in LIST are those of fusebay mount, without the dashes.\n",
      kName, DescribeOptions(kSpecs));
}

}  // namespace

bool IsMountHelperCall(std::string_view program, std::span<const std::string> words) {
  return LastName(program) == kName || (!words.empty() && words.front().starts_with('/'));
}

Result<HelperRequest, Error> ParseMountHelperCall(std::span<const std::string> words) {
  FB_ASSIGN(const ParsedArguments arguments, ParseArguments(kSpecs, words));
  HelperRequest helper;
  helper.show_help = arguments.Has(kHelpOption);
  helper.show_version = arguments.Has(kVersionOption);
  if (helper.show_help || helper.show_version) {
    return helper;
  }
  if (arguments.operands.size() != 2 || arguments.operands[0].empty() ||
      arguments.operands[1].empty()) {
    return Usage("expected IMAGE and MOUNTPOINT");
  }
  MountSettings settings;
  for (const ParsedOption& option : arguments.options) {
    if (option.spec->name == "options") {
      FB_TRY(ApplyOptionList(settings, *option.value, arguments.Has("sloppy")));
    }
  }
  settings.request.verbose = settings.request.verbose || arguments.Has("verbose");
  settings.request.image.filename = arguments.operands[0];
  settings.request.mountpoints = {arguments.operands[1]};
  FB_ASSIGN(helper.mount, FinishSettings(std::move(settings)));
  helper.fake = arguments.Has("fake");
  if (const std::string* const name = arguments.Value("namespace"); name != nullptr) {
    helper.mount_namespace = *name;
  }
  return helper;
}

int RunMountHelper(std::span<const std::string> words) {
  auto helper = ParseMountHelperCall(words);
  if (!helper.ok()) {
    return Fail(helper.error().message, kExitUsage);
  }
  if (helper->show_help) {
    return PrintOutput("mount", Help());
  }
  if (helper->show_version) {
    return PrintOutput("mount", "mount.fuse.fusebay (fusebay) " FUSEBAY_VERSION "\n");
  }
  if (helper->fake) {
    return kExitOk;
  }
  if (!helper->mount_namespace.empty()) {
    const auto pid = FindNamespaceProcess(helper->mount_namespace);
    if (!pid.ok()) {
      return Fail(pid.error().message, kExitFailure);
    }
    helper->mount.fuse.mount_namespace_pid = *pid;
  }
  return RunMount(helper->mount);
}

}  // namespace fusebay
