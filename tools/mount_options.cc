// The table of mount options, and the checks of what fits together.
#include "mount_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "values.h"

namespace fusebay {

namespace {

using Value = const std::string&;
using Applied = Result<Unit, Error>;

constexpr std::int64_t kMaxLoops = 64;
constexpr std::int64_t kMaxPollNs = 1'000'000'000;
constexpr std::int64_t kMaxPid = 1 << 22;

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

Applied SetFormat(MountSettings& s, Value value) {
  if (value != "raw" && value != "qcow2") {
    return Usage(fmt::format("unknown format '{}' (raw or qcow2)", value));
  }
  s.request.image.format = value;
  return Unit{};
}

Applied SetWritable(MountSettings& s, Value) {
  s.request.image.writable = true;
  s.request.fuse.writable = true;
  return Unit{};
}

Applied SetGrowable(MountSettings& s, Value) {
  s.request.image.resizable = true;
  s.request.fuse.growable = true;
  return Unit{};
}

Applied SetOverlay(MountSettings& s, Value value) {
  s.request.overlay = value;
  return Unit{};
}

Applied SetCompress(MountSettings& s, Value) {
  s.request.compress = true;
  return Unit{};
}

Applied SetSnapshot(MountSettings& s, Value value) {
  if (value.empty()) {
    return Usage("a snapshot needs a name");
  }
  s.request.image.snapshot = value;
  return Unit{};
}

Applied SetOffset(MountSettings& s, Value value) {
  FB_ASSIGN(s.request.image.offset, ParseSize(value));
  s.offset_set = true;
  return Unit{};
}

Applied SetSize(MountSettings& s, Value value) {
  FB_ASSIGN(const std::uint64_t size, ParseSize(value));
  if (size == 0) {
    return Usage("a size of 0 leaves nothing to export");
  }
  s.request.image.size = size;
  s.offset_set = true;
  return Unit{};
}

Applied SetCache(MountSettings& s, Value value) {
  if (value == "auto") {
    s.request.fuse.cache = ExportCache::kAuto;
  } else if (value == "none") {
    s.request.fuse.cache = ExportCache::kNone;
  } else if (value == "writeback") {
    s.request.fuse.cache = ExportCache::kWriteback;
  } else {
    return Usage(fmt::format("unknown cache mode '{}' (auto, none or writeback)", value));
  }
  return Unit{};
}

Applied SetAio(MountSettings& s, Value value) {
  if (value == "threads") {
    s.request.image.aio = EngineKind::kThreads;
  } else if (value == "native") {
    s.request.image.aio = EngineKind::kNative;
  } else if (value == "io_uring") {
    s.request.image.aio = EngineKind::kIoUring;
  } else {
    return Usage(fmt::format("unknown aio mode '{}' (threads, native or io_uring)", value));
  }
  return Unit{};
}

Applied SetDirect(MountSettings& s, Value) {
  s.request.image.cache.direct = true;
  return Unit{};
}

Applied SetNoFlush(MountSettings& s, Value) {
  s.request.image.cache.no_flush = true;
  return Unit{};
}

Applied SetDiscard(MountSettings& s, Value value) {
  FB_ASSIGN(s.request.image.discard_unmap, ParseOnOff(value));
  return Unit{};
}

Applied SetDetectZeroes(MountSettings& s, Value value) {
  if (value == "off") {
    s.request.image.detect_zeroes = DetectZeroes::kOff;
  } else if (value == "on") {
    s.request.image.detect_zeroes = DetectZeroes::kOn;
  } else if (value == "unmap") {
    s.request.image.detect_zeroes = DetectZeroes::kUnmap;
  } else {
    return Usage(fmt::format("unknown mode '{}' (off, on or unmap)", value));
  }
  return Unit{};
}

template <std::optional<std::uint64_t> Qcow2CacheOptions::* kMember>
Applied SetCacheBytes(MountSettings& s, Value value) {
  FB_ASSIGN(s.request.image.caches.*kMember, ParseSize(value));
  return Unit{};
}

Applied SetCacheCleanInterval(MountSettings& s, Value value) {
  FB_ASSIGN(const std::int64_t seconds, ParseNumber(value, 0, UINT32_MAX));
  s.request.image.caches.cache_clean_interval = static_cast<std::uint64_t>(seconds);
  return Unit{};
}

Applied SetLocking(MountSettings& s, Value value) {
  FB_ASSIGN(s.request.image.locking, ParseOnOffAuto(value));
  return Unit{};
}

Applied SetAllowOther(MountSettings& s, Value value) {
  FB_ASSIGN(s.request.fuse.allow_other, ParseOnOffAuto(value));
  return Unit{};
}

Applied SetWritethrough(MountSettings& s, Value) {
  s.request.fuse.writethrough = true;
  return Unit{};
}

Applied SetAutoUnmount(MountSettings& s, Value) {
  s.request.fuse.auto_unmount = true;
  return Unit{};
}

Applied SetMountNamespace(MountSettings& s, Value value) {
  FB_ASSIGN(s.request.fuse.mount_namespace_pid, ParseNumber(value, 1, kMaxPid));
  return Unit{};
}

Applied SetFusermount(MountSettings& s, Value value) {
  if (value.empty()) {
    return Usage("the path of fusermount is empty");
  }
  s.request.fuse.fusermount = value;
  return Unit{};
}

Applied SetForeground(MountSettings& s, Value) {
  s.request.foreground = true;
  return Unit{};
}

Applied SetCreate(MountSettings& s, Value) {
  s.request.create = true;
  return Unit{};
}

Applied SetLoops(MountSettings& s, Value value) {
  FB_ASSIGN(const std::int64_t loops, ParseNumber(value, 0, kMaxLoops));
  s.request.loops = static_cast<unsigned>(loops);
  return Unit{};
}

Applied SetPollMax(MountSettings& s, Value value) {
  FB_ASSIGN(s.request.poll_max_ns, ParseNumber(value, 0, kMaxPollNs));
  return Unit{};
}

Applied SetVerbose(MountSettings& s, Value) {
  s.request.verbose = true;
  return Unit{};
}

// What `-o` itself applies is a whole list.
Applied SetList(MountSettings& s, Value value) { return ApplyOptionList(s, value, false); }

// The image itself is only read. What its name alone does not tell, a file cannot say about its
// backing image.
Applied FinishOverlay(MountSettings& settings) {
  MountRequest& request = settings.request;
  if (!request.overlay.has_value()) {
    return Unit{};
  }
  if (settings.read_only) {
    return Usage("'ro' and 'overlay' exclude each other");
  }
  const bool is_part = settings.offset_set || !request.image.snapshot.empty();
  if (is_part && !request.overlay->empty()) {
    return Usage("an overlay of a part or a snapshot of an image can only be a temporary one");
  }
  request.image.writable = true;
  request.fuse.writable = true;
  return Unit{};
}

struct Row {
  OptionSpec spec;
  Applied (*apply)(MountSettings& settings, Value value);
  std::string_view bare_value = {};  // what an optional value is when it is left out
};

constexpr OptionValue kNone = OptionValue::kNone;
constexpr OptionValue kRequired = OptionValue::kRequired;
constexpr OptionValue kOptional = OptionValue::kOptional;

constexpr std::array kRows = {
    Row{{"format", 'f', "FORMAT", "raw or qcow2 (guessed by content)", kRequired}, SetFormat},
    Row{{"writable", 'w', "", "Let the file be written (read-only otherwise)", kNone}, SetWritable},
    Row{{"growable", 0, "", "Let writes past the end make the disk larger", kNone}, SetGrowable},
    Row{{"overlay", 0, "FILE", "Write to this overlay, or to a temporary one", kOptional},
        SetOverlay},
    Row{{"compress", 0, "", "Store what is written compressed, in a qcow2 image", kNone},
        SetCompress},
    Row{{"snapshot", 0, "NAME", "Show this internal snapshot of a qcow2 image", kRequired},
        SetSnapshot},
    Row{{"offset", 0, "BYTES", "Where the disk begins in a raw image (0)", kRequired}, SetOffset},
    Row{{"size", 0, "BYTES", "How long the disk is in a raw image (to its end)", kRequired},
        SetSize},
    Row{{"cache", 0, "MODE", "auto, none or writeback: page cache of the file (auto)", kRequired},
        SetCache},
    Row{{"aio", 0, "MODE", "threads, native or io_uring: how the image is read", kRequired},
        SetAio},
    Row{{"direct", 0, "", "Bypass the host's page cache for the image", kNone}, SetDirect},
    Row{{"no-flush", 0, "", "Ignore flushes: fast, and unsafe at a power cut", kNone}, SetNoFlush},
    Row{{"discard", 0, "on|off", "Give discarded space back to the host (on)", kRequired},
        SetDiscard},
    Row{{"detect-zeroes", 0, "MODE", "off, on or unmap: what writes of zeroes become (off)",
         kRequired},
        SetDetectZeroes},
    Row{{"cache-size", 0, "BYTES", "Memory for the tables of a qcow2 image", kRequired},
        SetCacheBytes<&Qcow2CacheOptions::cache_size>},
    Row{{"l2-cache-size", 0, "BYTES", "... for its L2 tables (all, 1M to 32M)", kRequired},
        SetCacheBytes<&Qcow2CacheOptions::l2_cache_size>},
    Row{{"l2-cache-entry-size", 0, "BYTES", "How much of one is read at a time (4K)", kRequired},
        SetCacheBytes<&Qcow2CacheOptions::l2_cache_entry_size>},
    Row{{"refcount-cache-size", 0, "BYTES", "... for its refcounts (1M)", kRequired},
        SetCacheBytes<&Qcow2CacheOptions::refcount_cache_size>},
    Row{{"cache-clean-interval", 0, "N", "Seconds after which unused ones go (600; 0: never)",
         kRequired},
        SetCacheCleanInterval},
    Row{{"locking", 0, "on|off|auto", "Lock the image against other programs (auto)", kRequired},
        SetLocking},
    Row{{"allow-other", 0, "on|off|auto", "Let other users use the file (auto)", kOptional},
        SetAllowOther,
        "on"},
    Row{{"writethrough", 0, "", "A write returns when it is on the disk", kNone}, SetWritethrough},
    Row{{"auto-unmount", 0, "", "Unmount even if fusebay is killed", kNone}, SetAutoUnmount},
    Row{{"mount-namespace", 0, "PID", "Mount where this process sees it", kRequired},
        SetMountNamespace},
    Row{{"fusermount", 0, "PATH", "The program to mount with (fusermount3)", kRequired},
        SetFusermount},
    Row{{"foreground", 0, "", "Stay in the foreground", kNone}, SetForeground},
    Row{{"create", 0, "", "Make a missing mountpoint file", kNone}, SetCreate},
    Row{{"loops", 0, "N", "Threads that serve the file (one per CPU, at most 4)", kRequired},
        SetLoops},
    Row{{"poll-max-ns", 0, "N", "Longest time to poll before a sleep; 0: never", kRequired},
        SetPollMax},
    Row{{"verbose", 'v', "", "Say more about what is done", kNone}, SetVerbose},
    Row{{"options", 'o', "LIST", "Options as mount(8) has them: writable,cache=none", kRequired},
        SetList},
};

constexpr auto kSpecs = [] {
  std::array<OptionSpec, kRows.size()> specs{};
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    specs[i] = kRows[i].spec;
  }
  return specs;
}();

}  // namespace

std::span<const OptionSpec> MountOptionSpecs() { return kSpecs; }

Result<Unit, Error> ApplyMountOption(MountSettings& settings, std::string_view name,
                                     const std::optional<std::string>& value) {
  const auto row = std::find_if(kRows.begin(), kRows.end(),
                                [name](const Row& r) { return r.spec.name == name; });
  if (row == kRows.end()) {
    return Usage(fmt::format("unknown option '{}'", name));
  }
  if (row->spec.value == kNone && value.has_value()) {
    return Usage(fmt::format("option '{}' takes no value", name));
  }
  if (row->spec.value == kRequired && !value.has_value()) {
    return Usage(fmt::format("option '{}' needs a value", name));
  }
  const auto applied = row->apply(settings, value.value_or(std::string(row->bare_value)));
  if (!applied.ok() && row->apply != SetList) {
    return Usage(fmt::format("{}: {}", name, applied.error().message));
  }
  return applied;
}

Result<MountRequest, Error> FinishSettings(MountSettings settings) {
  FB_TRY(FinishOverlay(settings));
  MountRequest& request = settings.request;
  const ImageRequest& image = request.image;
  FB_ASSERT(!request.mountpoints.empty());
  if (settings.read_only && image.writable) {
    return Usage("'ro' and 'writable' exclude each other");
  }
  if (request.fuse.growable && !image.writable) {
    return Usage("growable needs writable");
  }
  if (request.compress && !image.writable) {
    return Usage("compress needs writable");
  }
  if (request.compress && image.format == "raw" && !request.overlay.has_value()) {
    return Usage("a raw image cannot be compressed: compress is for qcow2 images only");
  }
  if (request.fuse.growable && image.size.has_value()) {
    return Usage("a disk of a given size cannot grow: growable and size exclude each other");
  }
  if (!image.snapshot.empty() && image.writable && !request.overlay.has_value()) {
    return Usage("a snapshot cannot be written: snapshot and writable exclude each other");
  }
  if (!image.snapshot.empty() && image.format == "raw") {
    return Usage("a raw image has no snapshots");
  }
  if (image.caches != Qcow2CacheOptions() && image.format == "raw" &&
      !request.overlay.has_value()) {
    return Usage("cache-size and its like are for qcow2 images only");
  }
  if (settings.offset_set && image.format == "qcow2") {
    return Usage("offset and size are for raw images only");
  }
  if (settings.offset_set && !image.snapshot.empty()) {
    return Usage("offset and size are for raw images, snapshot for qcow2 images only");
  }
  if (image.detect_zeroes == DetectZeroes::kUnmap && !image.discard_unmap) {
    return Usage("detect-zeroes=unmap needs discard=on");
  }
  if (image.aio == EngineKind::kNative && !image.cache.direct) {
    return Usage("aio=native needs direct");
  }
  if (request.fuse.cache == ExportCache::kWriteback && request.mountpoints.size() > 1) {
    return Usage("cache=writeback is for one mountpoint only");
  }
  return std::move(request);
}

Result<MountRequest, Error> ParseMountArguments(const ParsedArguments& arguments) {
  MountSettings settings;
  for (const ParsedOption& option : arguments.options) {
    FB_TRY(ApplyMountOption(settings, option.spec->name, option.value));
  }
  if (arguments.operands.empty()) {
    return Usage("which image?");
  }
  if (arguments.operands.size() < 2) {
    return Usage("where to? A mountpoint is missing");
  }
  for (const std::string& operand : arguments.operands) {
    if (operand.empty()) {
      return Usage("an empty name is no path");
    }
  }
  settings.request.image.filename = arguments.operands.front();
  settings.request.mountpoints.assign(arguments.operands.begin() + 1, arguments.operands.end());
  return FinishSettings(std::move(settings));
}

}  // namespace fusebay
