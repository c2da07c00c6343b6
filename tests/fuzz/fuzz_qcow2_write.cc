// Fuzzes qcow2 writing: opens the input as an image, changes its disk as the input's end says, and
// closes it. What was written must be read again, and nothing else may go wrong than the image.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "block/block_graph.h"
#include "fuzz_image.h"

using namespace fusebay;

namespace {

constexpr std::uint64_t kMaxFile = 32 << 20;
constexpr std::uint64_t kMaxLength = 128 << 10;
constexpr std::size_t kCommandBytes = 8;
constexpr std::size_t kMaxCommands = 24;

// One change: what, where, how long, taken from eight bytes of the input.
struct Command {
  explicit Command(ByteSpan bytes, std::uint64_t size)
      : what(std::to_integer<unsigned>(bytes[0]) % 8),
        offset(LoadBe<std::uint32_t>(bytes.data() + 4) * std::uint64_t{127} % size),
        length(1 + std::min<std::uint64_t>(LoadBe<std::uint16_t>(bytes.data() + 2) * 3u,
                                           std::min(size - offset, kMaxLength) - 1)),
        value(bytes[1]) {}
  unsigned what;
  std::uint64_t offset;
  std::uint64_t length;
  std::byte value;
};

Task<Result<>> WriteAndReadBack(const BlockRef& image, Command command, WriteFlags flags) {
  std::vector<std::byte> memory(command.length, command.value);
  const iovec iov{memory.data(), memory.size()};
  const Result<> written = co_await image.Write(command.offset, IoVec::Of(iov), flags);
  CO_TRY(written);
  std::fill(memory.begin(), memory.end(), ~command.value);
  const Result<> read = co_await image.Read(command.offset, IoVec::Of(iov));
  CO_TRY(read);
  FB_ASSERT(std::ranges::all_of(memory, [&](std::byte b) { return b == command.value; }));
  co_return Ok();
}

Task<Result<>> Perform(const BlockRef& image, Command command) {
  Result<> result = Ok();
  switch (command.what) {
    case 0:
    case 1:
    case 2:
      result = co_await WriteAndReadBack(
          image, command,
          {.fua = command.what == 2,
           .compressed = command.what == 1 && image.node().can_compress()});
      break;
    case 3:
    case 4:
      result = co_await image.WriteZeroes(command.offset, command.length,
                                          {.may_unmap = command.what == 4});
      break;
    case 5:
      result = co_await image.Discard(command.offset, command.length);
      break;
    case 6:
      result = co_await image.Truncate(command.offset + command.length, Prealloc::kOff);
      break;
    case 7:
      result = co_await image.Flush(FlushMode::kDisk);
      break;
  }
  co_return result;
}

bool MayHappen(Errno error) {
  return error == Errno{EIO} || error == Errno{ENOSPC} || error == Errno{EFBIG} ||
         error == Errno{ENOTSUP} || error == Errno{ERANGE};
}

Task<Unit> Exercise(const BlockRef& image, ByteSpan input) {
  const std::size_t commands = std::min(input.size() / kCommandBytes, kMaxCommands);
  for (std::size_t i = 0; i < commands && image.size() != 0; ++i) {
    const Command command(input.subspan(input.size() - (i + 1) * kCommandBytes, kCommandBytes),
                          image.size());
    const Result<> result = co_await Perform(image, command);
    FB_ASSERT(result.ok() || MayHappen(result.error()));
  }
  co_return Unit{};
}

void OpenAndChange(BlockGraph& graph, ByteSpan input) {
  FB_ASSERT(graph.Add(std::make_unique<FuzzFile>(input, kMaxFile)).ok());
  Qcow2Options own;
  own.file.node_name = "file";
  own.no_backing = true;
  BlockdevOptions options;
  options.driver = "qcow2";
  options.node_name = "image";
  options.driver_options = std::move(own);
  const auto node = Loop().RunUntilDone(graph.Open(options));
  if (!node.ok()) {
    FB_ASSERT(!node.error().message.empty());
    return;
  }
  const auto image =
      graph.Use("image", {kPermConsistentRead | kPermWrite | kPermResize, kPermAll}, "the fuzzer");
  FB_ASSERT(image.ok());
  Loop().RunUntilDone(Exercise(*image, input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  BlockGraph graph;
  OpenAndChange(graph, std::as_bytes(std::span(data, size)));
  const auto closed = Loop().RunUntilDone(graph.CloseAll());
  FB_ASSERT(closed.ok() || MayHappen(closed.error().code));
  return 0;
}
