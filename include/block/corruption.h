// Images that turn out to be corrupt while they are in use: what BLOCK_IMAGE_CORRUPTED tells.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace fusebay {

class BlockGraph;

struct ImageCorruption {
  std::string node_name;
  std::string message;                  // what is wrong, without the image's name
  std::optional<std::uint64_t> offset;  // in the image file, where it is about one place there
  std::optional<std::uint64_t> size;
  bool fatal = false;  // the image has been marked as corrupt and is not written any more
};

// Where one node tells what it has found: once what is not fatal, and once what is. Any loop.
class CorruptionReporter {
 public:
  CorruptionReporter(BlockGraph& graph, std::string node_name)
      : graph_(graph), node_name_(std::move(node_name)) {}
  CorruptionReporter(const CorruptionReporter&) = delete;
  CorruptionReporter& operator=(const CorruptionReporter&) = delete;

  void Report(std::string message, std::optional<std::uint64_t> offset,
              std::optional<std::uint64_t> size, bool fatal);

 private:
  BlockGraph& graph_;
  const std::string node_name_;
  std::atomic<bool> told_{false};
  std::atomic<bool> told_fatal_{false};
};

}  // namespace fusebay
