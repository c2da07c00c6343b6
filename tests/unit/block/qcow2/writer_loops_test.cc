// Several loops write one image at once: random requests against a flat array, and tables that
// agree in the end.
#include <random>

#include "check_fixture.h"
#include "loops.h"
#include "writable_disk.h"

namespace fusebay::qcow2::test {
namespace {

constexpr std::uint64_t kWriters = 8;
constexpr std::uint64_t kShare = 40 * 1024 + 1000;  // so that neighbours share a cluster
constexpr int kSteps = 300;

// One of several writers, each with a part of the disk of its own and a model of it.
struct Writer {
  Writer(const BlockRef& image_ref, std::uint64_t which)
      : image(image_ref), begin(which * kShare), model(kShare, '\0') {
    random.seed(::fusebay::test::Seed() * 100 + which);
  }

  const BlockRef& image;
  const std::uint64_t begin;
  std::string model;
  std::mt19937_64 random;
  std::string failure;
};

Task<Unit> OneStep(Writer& w) {
  const std::uint64_t offset = w.random() % kShare;
  const std::uint64_t length = 1 + w.random() % std::min<std::uint64_t>(kShare - offset, 9000);
  const std::uint64_t kind = w.random() % 10;
  std::string data(length, static_cast<char>('a' + w.random() % 26));
  const iovec iov{data.data(), data.size()};
  Result<> done = Ok();
  if (kind < 3) {
    done = co_await w.image.Read(w.begin + offset, IoVec::Of(iov));
    if (done.ok() && data != w.model.substr(offset, length)) {
      done = Errno{EILSEQ};
    }
  } else if (kind < 5) {
    done = co_await w.image.WriteZeroes(w.begin + offset, length, {.may_unmap = kind == 4});
    w.model.replace(offset, length, length, '\0');
  } else if (kind < 6) {
    done = co_await w.image.Flush(FlushMode::kDisk);
  } else {
    done = co_await w.image.Write(w.begin + offset, IoVec::Of(iov), {});
    w.model.replace(offset, length, data);
  }
  if (!done.ok()) {
    w.failure = "kind " + std::to_string(kind) + " at " + std::to_string(w.begin + offset) + ": " +
                std::to_string(done.error().value());
  }
  co_return Unit{};
}

Task<Unit> Steps(Writer& w) {
  for (int i = 0; i < kSteps && w.failure.empty(); ++i) {
    co_await OneStep(w);
  }
  co_return Unit{};
}

void FourLoopsMatchTheModel(const ImageBuilder& image) {
  WorkerPool workers(2);
  ::fusebay::test::Loops loops(workers, 4);
  WritableDisk disk(image);
  std::vector<std::unique_ptr<Writer>> writers;
  std::vector<Task<Unit>> all;
  for (std::uint64_t i = 0; i < kWriters; ++i) {
    writers.push_back(std::make_unique<Writer>(disk.image, i));
    all.push_back(Steps(*writers.back()));
  }
  disk.Run(loops.RunAll(std::move(all)));
  CHECK_OK(disk.Close());
  disk.Open();
  for (const auto& writer : writers) {
    CHECK_EQ(writer->failure, "");
    CHECK(disk.Read(writer->begin, kShare) == writer->model);
  }
  CHECK_OK(disk.Close());
  const std::string file = disk.File(0, disk.FileSize());
  std::vector<std::byte> bytes(file.size());
  std::memcpy(bytes.data(), file.data(), file.size());
  CheckedImage checked(std::move(bytes));
  const CheckResult result = checked.Check();
  CHECK_EQ(result.corruptions, 0u);
  CHECK_EQ(result.leaks, 0u);
  disk.Open();
}

TEST(FourLoopsWriteSmallClusters) {
  FourLoopsMatchTheModel(ImageBuilder(ImageShape{.cluster_bits = 12}));
}

TEST(FourLoopsWriteBigClusters) { FourLoopsMatchTheModel(ImageBuilder()); }

TEST(FourLoopsWriteSubclusters) {
  FourLoopsMatchTheModel(ImageBuilder(ImageShape{.cluster_bits = 14, .extended = true}));
}

}  // namespace
}  // namespace fusebay::qcow2::test
