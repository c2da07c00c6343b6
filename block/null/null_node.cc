// The driver `null-co`: takes every write and forgets it; reads zeroes. For benchmarks and tests.
#include <chrono>

#include "block/live_node.h"
#include "core/aio_context.h"
#include "null_driver.h"

namespace fusebay {

namespace {

NullOptions OwnOf(const BlockdevOptions& options) {
  const auto* const own = std::get_if<NullOptions>(&options.driver_options);
  return own == nullptr ? NullOptions{} : *own;
}

class NullNode final : public BlockNode, public LiveNode {
 public:
  NullNode(std::string node_name, bool read_only, const NullOptions& options)
      : BlockNode(std::move(node_name), "null-co", read_only),
        read_zeroes_(options.read_zeroes),
        latency_(options.latency_ns) {
    live_ = this;
    set_size(options.size);
  }

  BlockRef* child(ChildRole) override { return nullptr; }
  std::string_view FixedOption(const BlockdevOptions& now,
                               const BlockdevOptions& wanted) const override {
    const NullOptions old_own = OwnOf(now);
    const NullOptions own = OwnOf(wanted);
    if (own.size != old_own.size) {
      return "size";
    }
    if (own.read_zeroes != old_own.read_zeroes) {
      return "read-zeroes";
    }
    if (own.latency_ns != old_own.latency_ns) {
      return "latency-ns";
    }
    return "";
  }
  Task<Result<Unit, Error>> Reopen(const BlockdevOptions&, const BlockdevOptions& wanted) override {
    set_read_only(wanted.read_only);
    return Result<Unit, Error>{Unit{}};
  }

 private:
  Task<Result<>> DoRead(std::uint64_t, IoVec dst) override {
    if (read_zeroes_) {
      dst.Fill(std::byte{0});
    }
    return Done();
  }
  Task<Result<>> DoWrite(std::uint64_t, IoVec, WriteFlags) override { return Done(); }
  Task<Result<>> DoWriteZeroes(std::uint64_t, std::uint64_t, ZeroFlags) override { return Done(); }
  Task<Result<>> DoSpace(std::uint64_t, std::uint64_t, bool) override { return Done(); }
  Task<Result<>> DoFlush(FlushMode) override { return Done(); }
  Task<Result<BlockStatus>> DoStatus(std::uint64_t, std::uint64_t length) override {
    return Result<BlockStatus>{BlockStatus{length, !read_zeroes_, read_zeroes_, true}};
  }
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc) override {
    set_size(size);
    return Ok();
  }
  Task<Result<std::uint64_t>> DoAllocatedSize() override { return Result<std::uint64_t>{0u}; }

  Task<Result<>> Done() { return latency_ == 0 ? Task<Result<>>(Ok()) : Wait(); }
  Task<Result<>> Wait() {
    co_await AioContext::Current().SleepFor(std::chrono::nanoseconds(latency_));
    co_return Ok();
  }

  const bool read_zeroes_;
  const std::uint64_t latency_;
};

Task<NodeResult> OpenNull(const BlockdevOptions& options, OpenContext& context) {
  const auto* const given = std::get_if<NullOptions>(&options.driver_options);
  const NullOptions own = given == nullptr ? NullOptions{} : *given;
  if (own.size > BlockNode::kMaxSize) {
    return NodeResult{Error{Errno{EFBIG}, "The size of a null-co node is too large"}};
  }
  return NodeResult{std::make_unique<NullNode>(context.node_name, options.read_only, own)};
}

}  // namespace

const BlockDriver kNullDriver{.name = "null-co", .probe = nullptr, .open = &OpenNull};

}  // namespace fusebay
