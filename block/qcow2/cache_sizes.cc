// Decides the sizes of the L2 and refcount caches.
#include "qcow2/cache_sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <climits>

#include "base/align.h"
#include "qcow2/qcow2_map.h"
#include "qcow2/refcounts.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kMinSliceBytes = 512;
constexpr std::uint64_t kMinRefcountClusters = 4;  // of a cache-size, if it has as much

Error Refuse(std::string_view filename, std::string_view why) {
  return Error{Errno{EINVAL}, fmt::format("{}: {}", filename, why)};
}

// Bytes of all L2 tables that a disk of this size has.
std::uint64_t AllTables(const Header& header, std::uint64_t virtual_size) {
  const std::uint64_t clusters =
      AlignUp(virtual_size, header.cluster_size()) / header.cluster_size();
  return AlignUp(clusters * L2Layout(header).entry_bytes(), header.cluster_size());
}

Result<Unit, Error> CheckTogether(const Qcow2CacheOptions& options, std::string_view filename) {
  if (!options.cache_size.has_value()) {
    return Unit{};
  }
  if (options.l2_cache_size.has_value() && options.refcount_cache_size.has_value()) {
    return Refuse(filename,
                  "cache-size, l2-cache-size and refcount-cache-size may not be set at the same "
                  "time");
  }
  if (options.l2_cache_size.value_or(0) > *options.cache_size) {
    return Refuse(filename, "l2-cache-size may not exceed cache-size");
  }
  if (options.refcount_cache_size.value_or(0) > *options.cache_size) {
    return Refuse(filename, "refcount-cache-size may not exceed cache-size");
  }
  return Unit{};
}

// Parts a size for both: what the L2 tables can use is theirs, but for a few refcount blocks.
void Part(const Qcow2CacheOptions& options, const Header& header, std::uint64_t all_tables,
          CacheSizes& sizes) {
  const std::uint64_t both = *options.cache_size;
  if (options.l2_cache_size.has_value()) {
    sizes.l2_bytes = std::min(all_tables, *options.l2_cache_size);
    sizes.refcount_bytes = both - sizes.l2_bytes;
  } else if (options.refcount_cache_size.has_value()) {
    sizes.l2_bytes = both - sizes.refcount_bytes;
  } else {
    const std::uint64_t least =
        std::min(kMinRefcountClusters * header.cluster_size(), Refcounts::kDefaultCacheBytes);
    sizes.refcount_bytes = std::max(both - std::min(both, all_tables), std::min(both, least));
    sizes.l2_bytes = both - sizes.refcount_bytes;
  }
}

}  // namespace

Result<CacheSizes, Error> DecideCacheSizes(const Qcow2CacheOptions& options, const Header& header,
                                           std::uint64_t virtual_size, std::string_view filename) {
  FB_TRY(CheckTogether(options, filename));
  const std::uint32_t cluster = header.cluster_size();
  const std::uint64_t slice =
      options.l2_cache_entry_size.value_or(std::min(cluster, ClusterMap::kSliceBytes));
  if (slice < kMinSliceBytes || slice > cluster || !std::has_single_bit(slice)) {
    return Refuse(filename, fmt::format("L2 cache entry size must be a power of two between {} and "
                                        "the cluster size ({})",
                                        kMinSliceBytes, cluster));
  }
  const std::uint64_t all_tables = AllTables(header, virtual_size);
  CacheSizes sizes;
  sizes.l2_slice_bytes = static_cast<std::uint32_t>(slice);
  sizes.l2_bytes = options.l2_cache_size.value_or(
      std::clamp(all_tables, ClusterMap::kMinCacheBytes, ClusterMap::kMaxCacheBytes));
  sizes.refcount_bytes = options.refcount_cache_size.value_or(Refcounts::kDefaultCacheBytes);
  if (options.cache_size.has_value()) {
    Part(options, header, all_tables, sizes);
  }
  if (sizes.refcount_bytes / cluster > INT_MAX) {
    return Refuse(filename, "Refcount cache size too big");
  }
  sizes.refcount_bytes = std::max<std::uint64_t>(sizes.refcount_bytes, 1);
  const std::uint64_t interval = options.cache_clean_interval.value_or(kDefaultCleanInterval);
  if (interval > UINT32_MAX) {
    return Refuse(filename, "Cache clean interval too big");
  }
  sizes.clean_interval_seconds = static_cast<std::uint32_t>(interval);
  return sizes;
}

}  // namespace fusebay::qcow2
