// What the targets that fuzz images share: a loop that lasts, and a file in memory.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "block/block_node.h"
#include "core/aio_context.h"
#include "core/log.h"

namespace fusebay {

// The loop of all runs. Messages go where they do not slow the fuzzer down.
inline AioContext& Loop() {
  static WorkerPool& workers = *new WorkerPool(2);
  static AioContext& loop = *[] {
    SetLogLevel(LogLevel::kError);
    SetLogTarget(LogTarget::kSyslog);
    AioContextOptions options;
    options.engine = EngineKind::kThreads;
    options.poll_max = Nanoseconds(0);
    auto made = AioContext::Create(options, workers);
    FB_ASSERT(made.ok());
    return made->release();
  }();
  return loop;
}

// The input as a file that may be written, and grows to `max_size` at most.
class FuzzFile : public BlockNode {
 public:
  FuzzFile(ByteSpan bytes, std::uint64_t max_size)
      : BlockNode("file", "fuzz-input", false), bytes_(bytes.begin(), bytes.end()), max_(max_size) {
    set_size(bytes.size());
  }
  bool Is(ByteSpan bytes) const { return std::equal(bytes.begin(), bytes.end(), bytes_.begin()); }

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    dst.CopyFrom(bytes_.data() + offset);
    return Ok();
  }
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags) override {
    FB_ASSERT(offset + src.size <= bytes_.size());
    src.CopyTo(bytes_.data() + offset);
    return Ok();
  }
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc) override {
    if (size > max_) {
      return Result<>{Errno{ENOSPC}};
    }
    bytes_.resize(size);
    set_size(size);
    return Ok();
  }

  std::vector<std::byte> bytes_;
  const std::uint64_t max_;
};

}  // namespace fusebay
