// Images with bytes changed at random by a seed: opening and reading them may fail, but must not
// crash, hang or touch memory it should not (run it with ASan).
#include <random>

#include "core/log.h"
#include "loops.h"
#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;
using test::ImageBuilder;

constexpr int kRounds = 400;

ImageBuilder Victim(std::uint64_t round) {
  const bool extended = round % 3 == 0;
  ImageBuilder image(
      {.cluster_bits = extended ? 14u : 12u, .extended = extended, .size = 128 * kKiB});
  image.Extension(kExtensionBackingFormat, "raw");
  image.Data(0, 0, 'a').Data(1, 1, 'b').L2(2, extended ? 0 : kReadsAsZeroes).Data(4, 2, 'c');
  image.L2(5, kCompressed | (image.DataAt(1) + 77));
  const std::uint64_t table = image.DataAt(3);
  image.Set64(table, 3 * image.cluster()).Set32(table + 8, 1).Set32(table + 12, 1u << 16 | 1);
  image.Set32(table + 36, 16).Set64(table + 48, 8192).Bytes(table + 56, "1s").Set64(table + 64, 0);
  return image.Set32(kAtSnapshotCount, 1).Set64(kAtSnapshotsOffset, table);
}

// Changes a few bytes of the header, of L1, of L2 or of the snapshot table.
void Mutate(ImageBuilder& image, std::mt19937_64& random) {
  const std::uint64_t cluster = image.cluster();
  const std::uint64_t bases[] = {0, 3 * cluster, 4 * cluster, image.DataAt(3)};
  const std::uint64_t spans[] = {160, 8, 128, 64};
  for (std::uint64_t i = 0; i <= random() % 4; ++i) {
    const std::uint64_t part = random() % 4;
    const std::uint64_t at = bases[part] + random() % spans[part];
    const std::uint8_t old = std::to_integer<std::uint8_t>(image.bytes()[at]);
    const std::uint8_t values[] = {0, 0xff, static_cast<std::uint8_t>(random()),
                                   static_cast<std::uint8_t>(old ^ (1u << (random() % 8)))};
    image.Set8(at, values[random() % 4]);
  }
  if (random() % 8 == 0) {
    image.Cut(random() % image.bytes().size());
  }
}

void Use(const ImageBuilder& image, std::mt19937_64& random) {
  Disk disk;
  disk.AddFile("file", image.bytes());
  const bool snapshot = random() % 4 == 0;
  const auto opened = disk.OpenOn("file", snapshot ? +[](BlockdevOptions&, Qcow2Options& own) {
    own.snapshot = "1";
    own.no_backing = true;
  }
                                                   : +[](BlockdevOptions&, Qcow2Options& own) {
                                                       own.no_backing = true;
                                                     });
  if (!opened.ok() || disk.image.size() == 0) {
    return;
  }
  disk.Info();
  const std::uint64_t size = disk.image.size();
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t at =
        i < 10 ? std::min<std::uint64_t>(random() % (200 * kKiB), size - 1) : random() % size;
    const std::uint64_t length = 1 + random() % std::min<std::uint64_t>(size - at, 100'000);
    static_cast<void>(disk.TryRead(at, length).ok());
    const auto status = disk.Run(disk.image.Status(at, length));
    CHECK(!status.ok() || (status->length >= 1 && status->length <= length));
  }
}

TEST(ChangedImagesDoNoHarm) {
  SetLogTarget(LogTarget::kSyslog);
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    std::mt19937_64 random(::fusebay::test::Seed() * 1'000'003 + round);
    ImageBuilder image = Victim(round);
    Mutate(image, random);
    Use(image, random);
  }
}

// Readers on four loops of one image, every byte compared.
Task<Result<>> ReadMuch(const BlockRef& ref, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes;
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t at = random() % (96 * kKiB);
    bytes.assign(1 + random() % 9000, '?');
    const iovec iov{bytes.data(), bytes.size()};
    const Result<> read = co_await ref.Read(at, IoVec::Of(iov));
    if (!read.ok()) {
      co_return read;
    }
    for (std::size_t k = 0; k < bytes.size(); ++k) {
      const std::uint64_t cluster = (at + k) / 512;
      const char expected = cluster % 3 == 2 ? '\0' : static_cast<char>('a' + cluster % 26);
      if (bytes[k] != expected) {
        co_return Errno{EBADMSG};
      }
    }
  }
  co_return Ok();
}

// Small clusters and a cache of few slices, so that the loops push each other's slices out.
TEST(FourLoopsReadOneImage) {
  constexpr std::uint64_t kClusters = 256;
  ImageBuilder image({.cluster_bits = 9, .size = 128 * kKiB});
  image.Set32(kAtL1Entries, 4);
  for (std::uint64_t table = 0; table < 4; ++table) {
    image.Set64(3 * 512 + table * 8, (4 + table) * 512);
  }
  for (std::uint64_t i = 0; i < kClusters; ++i) {
    if (i % 3 != 2) {
      const std::uint64_t at = image.DataAt(10 + i * 7 % kClusters);
      image.Bytes(at, std::string(512, static_cast<char>('a' + i % 26)));
      image.Set64(4 * 512 + i * 8, at | kCopied);
    }
  }
  Disk disk;
  disk.AddFile("file", image.bytes()).suspends = true;
  Disk::Must(disk.OpenOn("file", [](auto&, auto& own) { own.caches.l2_cache_size = 1024; }));
  ::fusebay::test::Loops loops(disk.workers(), 4);
  std::vector<Task<Result<>>> readers;
  for (std::uint64_t i = 1; i <= 8; ++i) {
    readers.push_back(ReadMuch(disk.image, ::fusebay::test::Seed() + i));
  }
  CHECK_EQ(::fusebay::test::CountFailures(disk.Run(loops.RunAll(std::move(readers)))), 0);
}

}  // namespace
}  // namespace fusebay::qcow2
