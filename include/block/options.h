// BlockdevOptions: how a node is opened. Names, shapes and defaults are QEMU's blockdev-add.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/io_engine.h"

namespace fusebay {

struct BlockdevOptions;

// A node that exists already, by name, or one that is opened with its parent and closed with it.
struct BlockdevRef {
  std::string node_name;
  std::unique_ptr<BlockdevOptions> definition;
  bool empty() const { return node_name.empty() && definition == nullptr; }
};

// What becomes of a write of nothing but zeroes.
enum class DetectZeroes : std::uint8_t {
  kOff,    // it is written
  kOn,     // it is done as WriteZeroes
  kUnmap,  // ... which may give the space back; REQUIRES: discard_unmap
};

enum class OnOffAuto : std::uint8_t { kAuto, kOn, kOff };

struct CacheOptions {
  bool direct = false;    // O_DIRECT
  bool no_flush = false;  // flushes do nothing: a power cut may cost the image
};

// driver=file (a regular file) and driver=host_device (a block or character device).
struct FileOptions {
  std::string filename;
  // Unset: io_uring where the loop has it, else threads. kNative requires cache.direct.
  std::optional<EngineKind> aio;
  OnOffAuto locking = OnOffAuto::kAuto;  // auto: where the file system can
  std::string path = {};  // where it is opened; empty: as filename says, which is for messages
};

struct RawOptions {
  BlockdevRef file;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> size;  // unset: up to the end of the file
  // The format was guessed: writes that would make the image look like another format are refused,
  // for at the next start it would be opened as that.
  bool probed = false;
};

// How much of a qcow2 image's tables is kept in memory. What is not set: docs/drivers/qcow2.md.
struct Qcow2CacheOptions {
  std::optional<std::uint64_t> cache_size;  // bytes of both caches
  std::optional<std::uint64_t> l2_cache_size;
  std::optional<std::uint64_t> l2_cache_entry_size;  // what is read and kept of an L2 table
  std::optional<std::uint64_t> refcount_cache_size;
  std::optional<std::uint64_t> cache_clean_interval;  // seconds; 0: never
  friend bool operator==(const Qcow2CacheOptions&, const Qcow2CacheOptions&) = default;
};

struct Qcow2Options {
  BlockdevRef file;
  BlockdevRef backing;      // empty: as the image says
  bool no_backing = false;  // backing=null: as if the image had none
  BlockdevRef data_file;    // empty: as the image says
  std::string snapshot;     // id or name of an internal snapshot to read; requires read_only
  Qcow2CacheOptions caches;
  // With a `file` that exists already: aio and locking of the backing and data files that the image
  // names. With one that is defined here they are opened as that one is.
  FileOptions named_files;
  // No option of a user's: the image files above in the chain ("device:inode"), so that an image
  // that is its own backing file, however indirectly, is noticed.
  std::vector<std::string> opened_above;
};

// driver=compress: a filter.
struct CompressOptions {
  BlockdevRef file;
};

struct NullOptions {
  std::uint64_t size = std::uint64_t{1} << 30;
  bool read_zeroes = true;
  std::uint64_t latency_ns = 0;
};

struct MemoryOptions {
  std::uint64_t size = 0;
};

struct BlockdevOptions {
  std::string driver;
  std::string node_name;  // empty: one is made up ("#block123")
  bool read_only = false;
  bool auto_read_only = false;  // with read_only=false: falls back where writing is not allowed
  bool discard_unmap = false;   // discard=unmap: pass discards to the file
  // kUnmap requires discard_unmap: "setting detect-zeroes to unmap is not allowed ...".
  DetectZeroes detect_zeroes = DetectZeroes::kOff;
  CacheOptions cache;
  std::variant<std::monostate, FileOptions, RawOptions, Qcow2Options, CompressOptions, NullOptions,
               MemoryOptions>
      driver_options;
};

// A definition is copied with all that it defines.
BlockdevRef CopyOf(const BlockdevRef& ref);
BlockdevOptions CopyOf(const BlockdevOptions& options);

}  // namespace fusebay
