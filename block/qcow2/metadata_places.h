// MetadataPlaces: the host clusters that hold the image's own tables, which no guest data may be
// in and nothing new may be put on.
#pragma once
#include <cstdint>
#include <mutex>
#include <unordered_set>

namespace fusebay::qcow2 {

class MetadataPlaces {
 public:
  explicit MetadataPlaces(std::uint32_t cluster_bits) : cluster_bits_(cluster_bits) {}

  // Every cluster that [offset, offset + length) touches. Returns whether none was here before. Any
  // loop.
  bool Add(std::uint64_t offset, std::uint64_t length) {
    const std::lock_guard lock(mutex_);
    bool all_new = true;
    for (std::uint64_t c = offset >> cluster_bits_; c << cluster_bits_ < offset + length; ++c) {
      all_new = clusters_.insert(c).second && all_new;
    }
    return all_new;
  }
  void Remove(std::uint64_t offset, std::uint64_t length) {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t c = offset >> cluster_bits_; c << cluster_bits_ < offset + length; ++c) {
      clusters_.erase(c);
    }
  }
  bool Touches(std::uint64_t offset, std::uint64_t length) const {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t c = offset >> cluster_bits_; c << cluster_bits_ < offset + length; ++c) {
      if (clusters_.contains(c)) {
        return true;
      }
    }
    return false;
  }

 private:
  const std::uint32_t cluster_bits_;
  mutable std::mutex mutex_;  // short; never held across a suspend
  std::unordered_set<std::uint64_t> clusters_;
};

}  // namespace fusebay::qcow2
