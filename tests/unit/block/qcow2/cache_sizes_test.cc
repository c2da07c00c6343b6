// The sizes of the caches: what is given, how it is parted, and what is refused.
#include "qcow2/cache_sizes.h"

#include "base/units.h"
#include "check.h"

namespace fusebay::qcow2 {
namespace {

constexpr std::uint64_t kImage = 64 * kGiB;  // has 8 MiB of L2 tables

Result<CacheSizes, Error> Decide(const Qcow2CacheOptions& options, std::uint32_t cluster_bits = 16,
                                 std::uint64_t size = kImage) {
  Header header;
  header.cluster_bits = cluster_bits;
  return DecideCacheSizes(options, header, size, "image");
}

void CheckSizes(const Qcow2CacheOptions& options, std::uint64_t l2, std::uint64_t refcounts) {
  const auto sizes = Decide(options);
  CHECK_OK(sizes);
  CHECK_EQ(sizes->l2_bytes, l2);
  CHECK_EQ(sizes->refcount_bytes, refcounts);
}

TEST(ByDefaultTheTablesOfTheImageFit) {
  CheckSizes({}, 8 * kMiB, 1 * kMiB);
  CHECK_EQ(Decide({}, 16, 1 * kMiB)->l2_bytes, 1 * kMiB);
  CHECK_EQ(Decide({}, 16, 1024 * kGiB)->l2_bytes, 32 * kMiB);
}

TEST(EachSizeMayBeSaid) {
  CheckSizes({.l2_cache_size = 3 * kMiB}, 3 * kMiB, 1 * kMiB);
  CheckSizes({.refcount_cache_size = 3 * kMiB}, 8 * kMiB, 3 * kMiB);
  CheckSizes({.l2_cache_size = 0, .refcount_cache_size = 0}, 0, 1);
}

TEST(ASizeForBothIsParted) {
  CheckSizes({.cache_size = 10 * kMiB}, 8 * kMiB, 2 * kMiB);
  CheckSizes({.cache_size = 4 * kMiB}, 4 * kMiB - 256 * kKiB, 256 * kKiB);
  CheckSizes({.cache_size = 64 * kKiB}, 0, 64 * kKiB);
  CheckSizes({.cache_size = 4 * kMiB, .l2_cache_size = 1 * kMiB}, 1 * kMiB, 3 * kMiB);
  CheckSizes({.cache_size = 20 * kMiB, .l2_cache_size = 16 * kMiB}, 8 * kMiB, 12 * kMiB);
  CheckSizes({.cache_size = 4 * kMiB, .refcount_cache_size = 1 * kMiB}, 3 * kMiB, 1 * kMiB);
}

TEST(SizesThatContradictAreRefused) {
  CHECK_MESSAGE(Decide({.cache_size = 3, .l2_cache_size = 1, .refcount_cache_size = 1}),
                "image: cache-size, l2-cache-size and refcount-cache-size may not be set at the "
                "same time");
  CHECK_MESSAGE(Decide({.cache_size = 1, .l2_cache_size = 2}),
                "l2-cache-size may not exceed cache-size");
  CHECK_MESSAGE(Decide({.cache_size = 1, .refcount_cache_size = 2}),
                "refcount-cache-size may not exceed cache-size");
  CHECK_MESSAGE(Decide({.refcount_cache_size = 900 * 1024 * kGiB}), "Refcount cache size too big");
  CHECK_MESSAGE(Decide({.cache_clean_interval = std::uint64_t{1} << 32}),
                "Cache clean interval too big");
}

TEST(AnEntryIsAPowerOfTwoUpToACluster) {
  for (const std::uint64_t bad : {0u, 256u, 1000u, 131072u}) {
    CHECK_MESSAGE(Decide({.l2_cache_entry_size = bad}),
                  "L2 cache entry size must be a power of two between 512 and the cluster size "
                  "(65536)");
  }
  CHECK_EQ(Decide({.l2_cache_entry_size = 512})->l2_slice_bytes, 512u);
  CHECK_EQ(Decide({.l2_cache_entry_size = 65536})->l2_slice_bytes, 65536u);
  CHECK_EQ(Decide({})->l2_slice_bytes, 4096u);
  CHECK_EQ(Decide({}, 9)->l2_slice_bytes, 512u);
}

TEST(TheCleanIntervalIsQemus) {
  CHECK_EQ(Decide({})->clean_interval_seconds, 600u);
  CHECK_EQ(Decide({.cache_clean_interval = 0})->clean_interval_seconds, 0u);
  CHECK_EQ(Decide({.cache_clean_interval = 7})->clean_interval_seconds, 7u);
}

}  // namespace
}  // namespace fusebay::qcow2
