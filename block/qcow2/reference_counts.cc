// Counts of one width for all clusters, widened when one of them no longer fits.
#include "qcow2/reference_counts.h"

#include <cstring>

#include "base/bytes.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::uint32_t kMaxWidth = 8;

std::uint64_t MaxOfWidth(std::uint32_t width) {
  return width == kMaxWidth ? UINT64_MAX : (std::uint64_t{1} << width * 8) - 1;
}

// calloc: the kernel gives zeroed pages only where they are touched.
void* Zeroed(std::uint64_t count, std::uint64_t bytes_each) {
  return std::calloc(count == 0 ? 1 : count, bytes_each);
}

}  // namespace

Result<> ReferenceCounts::Reset(std::uint64_t clusters) {
  if (clusters > kMaxCheckedClusters) {
    return Errno{EFBIG};
  }
  bytes_.reset(static_cast<std::uint8_t*>(Zeroed(clusters, 1)));
  clusters_ = bytes_ == nullptr ? 0 : clusters;
  width_ = 1;
  exhausted_ = false;
  return bytes_ == nullptr ? Result<>{Errno{ENOMEM}} : Ok();
}

std::uint64_t ReferenceCounts::GetWide(std::uint64_t cluster) const {
  const std::uint8_t* const at = bytes_.get() + cluster * width_;
  switch (width_) {
    case 2:
      return LoadNative<std::uint16_t>(at);
    case 4:
      return LoadNative<std::uint32_t>(at);
    default:
      return LoadNative<std::uint64_t>(at);
  }
}

void ReferenceCounts::Set(std::uint64_t cluster, std::uint64_t count) {
  std::uint8_t* const at = bytes_.get() + cluster * width_;
  switch (width_) {
    case 1:
      *at = static_cast<std::uint8_t>(count);
      return;
    case 2: {
      const auto value = static_cast<std::uint16_t>(count);
      std::memcpy(at, &value, sizeof value);
      return;
    }
    case 4: {
      const auto value = static_cast<std::uint32_t>(count);
      std::memcpy(at, &value, sizeof value);
      return;
    }
    default:
      std::memcpy(at, &count, sizeof count);
  }
}

void ReferenceCounts::AddWide(std::uint64_t cluster, std::uint64_t times) {
  const std::uint64_t before = Get(cluster);
  const std::uint64_t count = times > UINT64_MAX - before ? UINT64_MAX : before + times;
  while (count > MaxOfWidth(width_)) {
    if (exhausted_ || !Widen()) {
      exhausted_ = true;
      return;
    }
  }
  Set(cluster, count);
}

void ReferenceCounts::Remove(std::uint64_t cluster) {
  const std::uint64_t count = Get(cluster);
  FB_ASSERT(count > 0);
  Set(cluster, count - 1);
}

bool ReferenceCounts::Widen() {
  const std::uint32_t wider = width_ * 2;
  if (wider > kMaxWidth || clusters_ > kMaxBytes / wider) {
    return false;
  }
  ReferenceCounts other;
  other.bytes_.reset(static_cast<std::uint8_t*>(Zeroed(clusters_, wider)));
  if (other.bytes_ == nullptr) {
    return false;
  }
  other.width_ = wider;
  for (std::uint64_t c = FindUsed(0, clusters_); c < clusters_; c = FindUsed(c + 1, clusters_)) {
    other.Set(c, Get(c));
  }
  bytes_ = std::move(other.bytes_);
  width_ = wider;
  return true;
}

std::uint64_t ReferenceCounts::FindUsed(std::uint64_t first, std::uint64_t end) const {
  FB_ASSERT(end <= clusters_);
  const std::uint64_t per_word = 8 / width_;
  while (first < end) {
    const std::uint8_t* const at = bytes_.get() + first * width_;
    if (first % per_word == 0 && end - first >= per_word && LoadNative<std::uint64_t>(at) == 0) {
      first += per_word;
    } else if (Get(first) == 0) {
      ++first;
    } else {
      return first;
    }
  }
  return end;
}

Result<> ClusterSet::Reset(std::uint64_t clusters) {
  if (clusters > kMaxCheckedClusters) {
    return Errno{EFBIG};
  }
  words_.reset(static_cast<std::uint64_t*>(Zeroed(clusters / 64 + 1, sizeof(std::uint64_t))));
  clusters_ = words_ == nullptr ? 0 : clusters;
  return words_ == nullptr ? Result<>{Errno{ENOMEM}} : Ok();
}

}  // namespace fusebay::qcow2
