// The way of a read from the client's request to the image and back: what it costs the server, in
// memory allocations and in coroutine frames.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/fd.h"
#include "block/open_image.h"
#include "count_allocations.h"
#include "loopback_fixture.h"
#include "temporary.h"

namespace fusebay::test {

namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::uint64_t kImageBytes = 1 << 20;
constexpr std::uint64_t kRequests = 1000;
constexpr std::uint64_t kMaxFramesPerRequest = 4;
constexpr int kPasses = 5;

// A folder with a raw image of a known pattern, which goes away at the end.
class ImageFolder {
 public:
  ImageFolder() {
    CHECK(mkdtemp(path_.data()) != nullptr);
    std::vector<std::byte> bytes(kImageBytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = PatternAt(i);
    }
    const UniqueFd fd(open(raw().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    CHECK(fd.valid());
    CHECK_EQ(write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~ImageFolder() {
    unlink(raw().c_str());
    unlink(qcow2().c_str());
    rmdir(path_.c_str());
  }
  static std::byte PatternAt(std::uint64_t offset) {
    return static_cast<std::byte>(offset / kBlock + offset * 7);
  }
  std::string raw() const { return path_ + "/image.raw"; }
  std::string qcow2() const { return path_ + "/image.qcow2"; }
  void MakeQcow2() const {
    if (std::system("command -v qemu-img >/dev/null") != 0) {
      Skip("qemu-img is not installed");
    }
    const std::string command = "qemu-img convert -f raw -O qcow2 " + raw() + " " + qcow2();
    CHECK_EQ(std::system(command.c_str()), 0);
  }

 private:
  std::string path_ = fusebay::test::TemporaryPattern("read-path");
};

std::string Open(Stage& stage, const std::string& filename, const std::string& format,
                 bool writable = false) {
  const Result<BlockNode*, Error> node = stage.Run(
      OpenImage(stage.graph, {.filename = filename, .format = format, .writable = writable}));
  CHECK_OK(node);
  return (*node)->node_name();
}

struct Cost {
  std::uint64_t allocations = 0;
  std::uint64_t frames = 0;
};

Task<Cost> CostOfThisThread() {
  co_return Cost{AllocationsOfThisThread(), FramePool::ThreadStats().frames};
}

Task<Cost> CostOfServer(Stage& stage) {
  const Cost cost = co_await RunOn(*stage.loops[0], CostOfThisThread());
  co_return cost;
}

// Returns how many went wrong.
Task<int> ReadBlocks(LoopbackExport& file, std::span<std::byte> block, std::uint64_t count) {
  int wrong = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t offset = i * 37 * kBlock % kImageBytes;
    const Result<std::size_t> n =
        co_await file.client.Read(LoopbackExport::kRoot, 0, offset, block);
    const bool good = n.ok() && *n == kBlock && block[0] == ImageFolder::PatternAt(offset) &&
                      block[kBlock - 1] == ImageFolder::PatternAt(offset + kBlock - 1);
    wrong += good ? 0 : 1;
  }
  co_return wrong;
}

Task<int> WriteBlocks(LoopbackExport& file, std::span<std::byte> block, std::uint64_t count) {
  int wrong = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t offset = i * 37 * kBlock % kImageBytes;
    const Result<std::uint32_t> n =
        co_await file.client.Write(LoopbackExport::kRoot, 0, offset, block);
    wrong += n.ok() && *n == kBlock ? 0 : 1;
  }
  co_return wrong;
}

using Requests = Task<int> (*)(LoopbackExport&, std::span<std::byte>, std::uint64_t);

// Runs `requests` once to warm up and then to see what they cost. A pass in which the kernel, busy
// with other things, made one wait costs more; of a few passes one must have none of those.
void CheckCost(Stage& stage, const std::string& node, const LoopbackExportOptions& options,
               Requests requests, const char* what) {
  LoopbackExport file(stage, node, options);
  std::vector<std::byte> block(kBlock);
  CHECK_EQ(stage.Run(requests(file, block, kRequests)), 0);
  std::uint64_t frames = 0;
  std::uint64_t allocations = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const Cost before = stage.Run(CostOfServer(stage));
    CHECK_EQ(stage.Run(requests(file, block, kRequests)), 0);
    const Cost after = stage.Run(CostOfServer(stage));
    frames = after.frames - before.frames;
    allocations = after.allocations - before.allocations;
    std::printf("%s: %llu allocations, %.2f frames per request\n", what,
                static_cast<unsigned long long>(allocations),
                static_cast<double>(frames) / static_cast<double>(kRequests));
    CHECK(frames > 0);
    if (allocations == 0 && frames <= kMaxFramesPerRequest * kRequests) {
      break;
    }
  }
  CHECK(frames <= kMaxFramesPerRequest * kRequests);
  CHECK_EQ(allocations, 0u);
}

}  // namespace

// Else zero allocations would mean nothing.
TEST(AllocationsAreCounted) {
  if (!kCountsMalloc) {
    Skip("a sanitizer has its own malloc");
  }
  Stage stage;
  const std::uint64_t before = AllocationsOfThisThread();
  void* const kept = ::operator new(100);
  asm volatile("" : : "g"(kept) : "memory");  // or the compiler leaves it out
  ::operator delete(kept);
  CHECK_EQ(AllocationsOfThisThread() - before, 1u);
}

TEST(AReadOfARawImageAllocatesNothing) {
  const ImageFolder folder;
  Stage stage;
  CheckCost(stage, Open(stage, folder.raw(), "raw"), {.file = {}}, &ReadBlocks, "raw read");
}

TEST(AReadOfAQcow2ImageAllocatesNothing) {
  const ImageFolder folder;
  folder.MakeQcow2();
  Stage stage;
  CheckCost(stage, Open(stage, folder.qcow2(), "qcow2"), {.file = {}}, &ReadBlocks, "qcow2 read");
}

TEST(AWriteToARawImageAllocatesNothing) {
  const ImageFolder folder;
  Stage stage;
  CheckCost(stage, Open(stage, folder.raw(), "raw", true), {}, &WriteBlocks, "raw write");
}

TEST(AReadOfAMemoryNodeAllocatesNothing) {
  Stage stage;
  const std::string node = stage.Memory(kImageBytes);
  {
    LoopbackExport file(stage, node);
    std::string pattern(kImageBytes, '\0');
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      pattern[i] = static_cast<char>(ImageFolder::PatternAt(i));
    }
    CHECK_EQ(file.Written(0, pattern), pattern.size());
  }
  CheckCost(stage, node, {.file = {}}, &ReadBlocks, "memory read");
}

}  // namespace fusebay::test
