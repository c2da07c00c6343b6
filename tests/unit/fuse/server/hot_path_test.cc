// The hot path: what READ and WRITE cost in the server.
#include "count_allocations.h"
#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;
using fusebay::test::AllocationsOfThisThread;

constexpr std::uint64_t kRequests = 100;

struct Cost {
  std::uint64_t frames = 0;
  std::uint64_t mallocs = 0;
};

Task<Unit> ServeTimes(FakeKernel& kernel, FuseSlot& slot, std::uint64_t times) {
  for (std::uint64_t i = 0; i < times; ++i) {
    co_await kernel.server().Serve(kernel.channel(), slot);
  }
  co_return Unit{};
}

// What kRequests of `message` cost in a slot that nobody else uses any more; the warm-up fills
// the frame pool.
Cost CostOf(const Message& message) {
  FakeKernel kernel;
  kernel.fs.quiet = true;
  kernel.ShutDown();
  const std::string head = message.Head();
  FuseSlot& slot = *kernel.channel().slots()[0];
  const iovec data{const_cast<char*>(message.data.data()), message.data.size()};
  slot.head = std::as_bytes(std::span(head));
  slot.payload_in = IoVec::Of(data);
  TaskScope scope;
  scope.Spawn(ServeTimes(kernel, slot, kRequests));
  const FramePool::Stats before = FramePool::ThreadStats();
  const std::uint64_t mallocs_before = AllocationsOfThisThread();
  scope.Spawn(ServeTimes(kernel, slot, kRequests));
  const FramePool::Stats after = FramePool::ThreadStats();
  CHECK_EQ(scope.running(), 0u);
  CHECK_EQ(slot.out_error, 0);
  slot.payload_in = {};
  constexpr std::uint64_t kOfTheTest = 2;  // ServeTimes and what drives it
  return {after.frames - before.frames - kOfTheTest, AllocationsOfThisThread() - mallocs_before};
}

TEST(ReadCostsOneFrameAndNoMalloc) {
  const Cost cost = CostOf(Message(Opcode::kRead).Args(abi::ReadIn{.handle = 7, .size = 10}));
  CHECK_EQ(cost.frames, kRequests);
  CHECK_EQ(cost.mallocs, 0u);
}

TEST(WriteCostsOneFrameAndNoMalloc) {
  const Cost cost =
      CostOf(Message(Opcode::kWrite).Args(abi::WriteIn{.handle = 7, .size = 3}).Data("abc"));
  CHECK_EQ(cost.frames, kRequests);
  CHECK_EQ(cost.mallocs, 0u);
}

TEST(ForgetCostsNoFrame) {
  const Cost cost = CostOf(Message(Opcode::kForget).Args(abi::ForgetIn{1}));
  CHECK_EQ(cost.frames, 0u);
}

}  // namespace
}  // namespace fusebay::fuse::test
