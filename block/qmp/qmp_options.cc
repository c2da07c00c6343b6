// The options of a node: from the schema's types to the graph's.
#include <fmt/format.h>

#include "block/qmp_block.h"

namespace fusebay {

namespace {

using Converted = Result<BlockdevOptions, Error>;

// What a child's definition takes from the one above where it does not say otherwise.
struct Inherited {
  bool read_only = false;
  bool auto_read_only = false;
  bool discard_unmap = false;
  CacheOptions cache;
};

// Deep enough for every chain that may be opened; each level has an image and its file.
constexpr unsigned kMaxLevels = 2 * BlockGraph::kMaxDepth + 2;

Result<std::uint64_t, Error> NonNegative(std::string_view name, std::int64_t value) {
  if (value < 0) {
    return Error{Errno{EINVAL},
                 fmt::format("Parameter '{}' expects a non-negative number below 2^64", name)};
  }
  return static_cast<std::uint64_t>(value);
}

Result<std::uint64_t, Error> NonNegative(std::string_view name,
                                         const std::optional<std::int64_t>& value,
                                         std::uint64_t otherwise) {
  return value.has_value() ? NonNegative(name, *value) : Result<std::uint64_t, Error>(otherwise);
}

Result<Unit, Error> Copy(std::string_view name, const std::optional<std::int64_t>& value,
                         std::optional<std::uint64_t>& out) {
  if (value.has_value()) {
    FB_ASSIGN(out, NonNegative(name, *value));
  }
  return Unit{};
}

OnOffAuto ToOnOffAuto(std::optional<qapi::OnOffAuto> value) {
  switch (value.value_or(qapi::OnOffAuto::kAuto)) {
    case qapi::OnOffAuto::kAuto:
      return OnOffAuto::kAuto;
    case qapi::OnOffAuto::kOn:
      return OnOffAuto::kOn;
    case qapi::OnOffAuto::kOff:
      return OnOffAuto::kOff;
  }
  FB_ASSERT(false);
}

EngineKind ToEngine(qapi::BlockdevAioOptions aio) {
  switch (aio) {
    case qapi::BlockdevAioOptions::kThreads:
      return EngineKind::kThreads;
    case qapi::BlockdevAioOptions::kNative:
      return EngineKind::kNative;
    case qapi::BlockdevAioOptions::kIoUring:
      return EngineKind::kIoUring;
  }
  FB_ASSERT(false);
}

DetectZeroes ToDetectZeroes(std::optional<qapi::BlockdevDetectZeroesOptions> value) {
  switch (value.value_or(qapi::BlockdevDetectZeroesOptions::kOff)) {
    case qapi::BlockdevDetectZeroesOptions::kOff:
      return DetectZeroes::kOff;
    case qapi::BlockdevDetectZeroesOptions::kOn:
      return DetectZeroes::kOn;
    case qapi::BlockdevDetectZeroesOptions::kUnmap:
      return DetectZeroes::kUnmap;
  }
  FB_ASSERT(false);
}

FileOptions ToFile(const qapi::BlockdevOptionsFile& options) {
  FileOptions file{.filename = options.filename, .locking = ToOnOffAuto(options.locking)};
  if (options.aio.has_value()) {
    file.aio = ToEngine(*options.aio);
  }
  return file;
}

Result<NullOptions, Error> ToNull(const qapi::BlockdevOptionsNull& options) {
  NullOptions null;
  FB_ASSIGN(null.size, NonNegative("size", options.size, null.size));
  if (options.latency_ns.value_or(0) > std::uint64_t{INT64_MAX}) {
    return Error{Errno{EINVAL}, "latency-ns is invalid"};
  }
  null.latency_ns = options.latency_ns.value_or(0);
  null.read_zeroes = options.read_zeroes.value_or(false);
  return null;
}

Converted Convert(const qapi::BlockdevOptions& options, const Inherited& inherited, unsigned level);

Result<BlockdevRef, Error> Define(const qapi::BlockdevOptions& definition,
                                  const Inherited& inherited, unsigned level) {
  FB_ASSIGN(BlockdevOptions converted, Convert(definition, inherited, level + 1));
  return BlockdevRef{.node_name = {},
                     .definition = std::make_unique<BlockdevOptions>(std::move(converted))};
}

// Of a child that holds the image, or its data.
Result<BlockdevRef, Error> ToRef(const qapi::BlockdevRef& ref, const BlockdevOptions& parent,
                                 unsigned level) {
  if (const auto* const name = std::get_if<std::string>(&ref.value)) {
    return BlockdevRef{.node_name = *name, .definition = nullptr};
  }
  const Inherited inherited{.read_only = parent.read_only,
                            .auto_read_only = parent.auto_read_only,
                            .discard_unmap = true,
                            .cache = parent.cache};
  return Define(*std::get<qapi::Box<qapi::BlockdevOptions>>(ref.value), inherited, level);
}

// On a command line there is no null: there an empty name says that there is no backing node.
bool IsNone(const qapi::BlockdevRefOrNull& backing) {
  const auto* const name = std::get_if<std::string>(&backing.value);
  return std::holds_alternative<qapi::JsonNull>(backing.value) ||
         (name != nullptr && name->empty());
}

Result<Unit, Error> AddBacking(const qapi::BlockdevRefOrNull& backing,
                               const BlockdevOptions& parent, unsigned level, Qcow2Options& qcow2) {
  qcow2.no_backing = IsNone(backing);
  if (qcow2.no_backing) {
    return Unit{};
  }
  if (const auto* const name = std::get_if<std::string>(&backing.value)) {
    qcow2.backing.node_name = *name;
    return Unit{};
  }
  const Inherited inherited{
      .read_only = true, .auto_read_only = false, .discard_unmap = true, .cache = parent.cache};
  FB_ASSIGN(qcow2.backing,
            Define(*std::get<qapi::Box<qapi::BlockdevOptions>>(backing.value), inherited, level));
  return Unit{};
}

Result<Qcow2CacheOptions, Error> ToCaches(const qapi::BlockdevOptionsQcow2& options) {
  Qcow2CacheOptions caches;
  FB_TRY(Copy("cache-size", options.cache_size, caches.cache_size));
  FB_TRY(Copy("l2-cache-size", options.l2_cache_size, caches.l2_cache_size));
  FB_TRY(Copy("l2-cache-entry-size", options.l2_cache_entry_size, caches.l2_cache_entry_size));
  FB_TRY(Copy("refcount-cache-size", options.refcount_cache_size, caches.refcount_cache_size));
  FB_TRY(Copy("cache-clean-interval", options.cache_clean_interval, caches.cache_clean_interval));
  return caches;
}

Result<Qcow2Options, Error> ToQcow2(const qapi::BlockdevOptionsQcow2& options,
                                    const BlockdevOptions& parent, unsigned level) {
  Qcow2Options qcow2;
  FB_ASSIGN(qcow2.file, ToRef(options.file, parent, level));
  if (options.backing.has_value()) {
    FB_TRY(AddBacking(*options.backing, parent, level, qcow2));
  }
  if (options.data_file.has_value()) {
    FB_ASSIGN(qcow2.data_file, ToRef(*options.data_file, parent, level));
  }
  FB_ASSIGN(qcow2.caches, ToCaches(options));
  return qcow2;
}

Result<RawOptions, Error> ToRaw(const qapi::BlockdevOptionsRaw& options,
                                const BlockdevOptions& parent, unsigned level) {
  RawOptions raw;
  FB_ASSIGN(raw.file, ToRef(options.file, parent, level));
  FB_ASSIGN(raw.offset, NonNegative("offset", options.offset, 0));
  if (options.size.has_value()) {
    FB_ASSIGN(raw.size, NonNegative("size", *options.size));
  }
  return raw;
}

Result<Unit, Error> AddDriverOptions(const qapi::BlockdevOptions& options, unsigned level,
                                     BlockdevOptions& out) {
  if (const auto* const file = std::get_if<qapi::BlockdevOptionsFile>(&options.u)) {
    out.driver_options = ToFile(*file);
  } else if (const auto* const memory = std::get_if<qapi::BlockdevOptionsMemory>(&options.u)) {
    out.driver_options = MemoryOptions{.size = memory->size};
  } else if (const auto* const null = std::get_if<qapi::BlockdevOptionsNull>(&options.u)) {
    FB_ASSIGN(out.driver_options, ToNull(*null));
  } else if (const auto* const qcow2 = std::get_if<qapi::BlockdevOptionsQcow2>(&options.u)) {
    FB_ASSIGN(out.driver_options, ToQcow2(*qcow2, out, level));
  } else if (const auto* const filter =
                 std::get_if<qapi::BlockdevOptionsGenericFormat>(&options.u)) {
    CompressOptions compress;
    FB_ASSIGN(compress.file, ToRef(filter->file, out, level));
    out.driver_options = std::move(compress);
  } else if (const auto* const raw = std::get_if<qapi::BlockdevOptionsRaw>(&options.u)) {
    FB_ASSIGN(out.driver_options, ToRaw(*raw, out, level));
  } else {
    FB_ASSERT(false);
  }
  return Unit{};
}

Converted Convert(const qapi::BlockdevOptions& options, const Inherited& inherited,
                  unsigned level) {
  if (level > kMaxLevels) {
    return Error{Errno{ELOOP},
                 fmt::format("More than {} nodes are defined within each other", kMaxLevels)};
  }
  BlockdevOptions out;
  out.driver = std::string(qapi::EnumName(options.driver));
  out.node_name = options.node_name.value_or("");
  if (options.node_name.has_value() && options.node_name->empty()) {
    return Error{Errno{EINVAL}, "Invalid node-name: ''"};
  }
  out.read_only = options.read_only.value_or(inherited.read_only);
  out.auto_read_only = options.auto_read_only.value_or(inherited.auto_read_only);
  out.discard_unmap = options.discard.has_value()
                          ? *options.discard == qapi::BlockdevDiscardOptions::kUnmap
                          : inherited.discard_unmap;
  const qapi::BlockdevCacheOptions cache = options.cache.value_or(qapi::BlockdevCacheOptions{});
  out.cache.direct = cache.direct.value_or(inherited.cache.direct);
  out.cache.no_flush = cache.no_flush.value_or(inherited.cache.no_flush);
  out.detect_zeroes = ToDetectZeroes(options.detect_zeroes);
  FB_TRY(AddDriverOptions(options, level, out));
  return out;
}

}  // namespace

Result<BlockdevOptions, Error> ToBlockdevOptions(const qapi::BlockdevOptions& options) {
  return Convert(options, Inherited{}, 0);
}

}  // namespace fusebay
