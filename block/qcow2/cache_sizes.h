// How large the caches of an image's tables are: QEMU's options, rules and messages.
#pragma once
#include <cstdint>
#include <string_view>

#include "block/options.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

struct CacheSizes {
  std::uint64_t l2_bytes = 0;
  std::uint32_t l2_slice_bytes = 0;  // what is read of an L2 table at a time
  std::uint64_t refcount_bytes = 0;
  std::uint32_t clean_interval_seconds = 0;  // 0: never
  friend bool operator==(const CacheSizes&, const CacheSizes&) = default;
};

// Seconds after which what nobody has used is given back.
inline constexpr std::uint32_t kDefaultCleanInterval = 600;

// "FILE: l2-cache-size may not exceed cache-size" and the like. `virtual_size` is that of the disk
// that is shown.
Result<CacheSizes, Error> DecideCacheSizes(const Qcow2CacheOptions& options, const Header& header,
                                           std::uint64_t virtual_size, std::string_view filename);

}  // namespace fusebay::qcow2
