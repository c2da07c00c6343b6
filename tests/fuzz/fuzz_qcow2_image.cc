// Fuzzes a whole qcow2 node: opens the input as an image, asks for its status, reads it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "block/block_graph.h"
#include "fuzz_image.h"
#include "qcow2/qcow2_header.h"

using namespace fusebay;

namespace {

constexpr std::uint64_t kMaxRead = 256 * 1024;
constexpr unsigned kMaxReads = 16;

class InputFile : public BlockNode {
 public:
  InputFile(std::string name, ByteSpan bytes)
      : BlockNode(std::move(name), "fuzz-input", true), bytes_(bytes) {
    set_size(bytes.size());
  }

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    dst.CopyFrom(bytes_.data() + offset);
    return Ok();
  }
  const ByteSpan bytes_;
};

// From the start, then from where the input's last bytes say.
Task<Unit> Exercise(const BlockRef& image, ByteSpan input) {
  const auto info = co_await image.node().Info();
  FB_ASSERT(info.ok());
  std::vector<std::byte> memory(kMaxRead);
  std::uint64_t at = 0;
  for (unsigned i = 0; i < kMaxReads && at < image.size(); ++i) {
    const iovec iov{memory.data(), std::min(kMaxRead, image.size() - at)};
    const Result<> read = co_await image.Read(at, IoVec::Of(iov));
    const auto status = co_await image.Status(at, iov.iov_len);
    FB_ASSERT(!status.ok() || (status->length >= 1 && status->length <= iov.iov_len));
    FB_ASSERT(read.ok() || read.error() == Errno{EIO});
    const std::size_t word = input.size() - std::min<std::size_t>(input.size(), 8 * (i + 1));
    at = word + 8 <= input.size() ? LoadBe<std::uint64_t>(input.data() + word) % image.size()
                                  : at + iov.iov_len;
  }
  co_return Unit{};
}

BlockdevOptions OptionsFor(ByteSpan input) {
  Qcow2Options own;
  own.file.node_name = "file";
  own.no_backing = true;
  const std::size_t first = std::min(input.size(), qcow2::HeaderBytes(input));
  const auto header = qcow2::ParseHeader(input.first(first), input.size(), "fuzz");
  if (header.ok() && header->has_data_file()) {
    own.data_file.node_name = "data";
  }
  if (!input.empty() && std::to_integer<unsigned>(input.back()) % 4 == 1) {
    own.snapshot = "1";
  }
  BlockdevOptions options;
  options.driver = "qcow2";
  options.read_only = true;
  options.driver_options = std::move(own);
  return options;
}

void OpenAndRead(BlockGraph& graph, ByteSpan input) {
  FB_ASSERT(graph.Add(std::make_unique<InputFile>("file", input)).ok());
  FB_ASSERT(graph.Add(std::make_unique<InputFile>("data", input)).ok());
  const BlockdevOptions options = OptionsFor(input);
  const auto node = Loop().RunUntilDone(graph.Open(options));
  if (!node.ok()) {
    FB_ASSERT(!node.error().message.empty());
    return;
  }
  const auto image = graph.Use((*node)->node_name(), {kPermConsistentRead, kPermAll}, "the fuzzer");
  FB_ASSERT(image.ok());
  Loop().RunUntilDone(Exercise(*image, input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  BlockGraph graph;
  OpenAndRead(graph, std::as_bytes(std::span(data, size)));
  FB_ASSERT(Loop().RunUntilDone(graph.CloseAll()).ok());
  return 0;
}
