// Compressed clusters: inflated once for many reads, straight into memory for whole ones.
#include "qcow2/qcow2_inflater.h"

#include "compressed.h"
#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Compress;
using test::Disk;
using test::ImageBuilder;

constexpr std::uint64_t kCluster = 64 * kKiB;

std::string Of(char value, std::size_t count) { return std::string(count, value); }

TEST(SmallReadsOfACompressedClusterInflateItOnce) {
  const std::string text = Of('x', 30000) + Of('y', kCluster - 30000);
  ImageBuilder image;
  Disk disk(Compress(image, 0, text));
  disk.file->reads = 0;
  std::string all;
  for (std::uint64_t at = 0; at < kCluster; at += 4096) {
    all += disk.Read(at, 4096);
  }
  CHECK(all == text);
  CHECK_EQ(disk.file->reads.load(), 2);  // the L2 table, the data
}

Task<Unit> ReadInto(const BlockRef& ref, std::uint64_t offset, std::string& bytes) {
  const iovec iov{bytes.data(), bytes.size()};
  const Result<> read = co_await ref.Read(offset, IoVec::Of(iov));
  CHECK_OK(read);
  co_return Unit{};
}

Task<Unit> ReadTogether(const BlockRef& ref, std::vector<std::string>& pieces) {
  TaskScope scope;
  std::uint64_t offset = 0;
  for (std::string& piece : pieces) {
    scope.Spawn(ReadInto(ref, offset, piece));
    offset += piece.size();
  }
  co_await scope.Join();
  co_return Unit{};
}

TEST(ReadersOfOneCompressedClusterWaitForOneInflation) {
  ImageBuilder image;
  Disk disk(Compress(image, 0, Of('x', kCluster)));
  disk.Read(kCluster, 1);
  disk.file->reads = 0;
  disk.file->suspends = true;
  std::vector<std::string> pieces(16, std::string(4096, '?'));
  disk.Run(ReadTogether(disk.image, pieces));
  CHECK(pieces.back() == Of('x', 4096));
  CHECK_EQ(disk.file->reads.load(), 1);
}

TEST(AWholeClusterIsNotKept) {
  ImageBuilder image;
  Disk disk(Compress(image, 0, Of('x', kCluster)));
  disk.Read(kCluster, 1);
  disk.file->reads = 0;
  CHECK(disk.Read(0, kCluster) == Of('x', kCluster));
  CHECK(disk.Read(0, kCluster) == Of('x', kCluster));
  CHECK_EQ(disk.file->reads.load(), 2);
}

TEST(AClusterThatIsKeptServesWholeReads) {
  ImageBuilder image;
  Disk disk(Compress(image, 0, Of('x', kCluster)));
  disk.Read(0, 1);
  disk.file->reads = 0;
  CHECK(disk.Read(0, kCluster) == Of('x', kCluster));
  CHECK_EQ(disk.file->reads.load(), 0);
}

TEST(DamagedCompressedClustersFail) {
  Disk disk(ImageBuilder()
                .Data(1, 0, '\xff')
                .L2(0, kCompressed | 0x50010)
                .L2(2, kCompressed | 0x9000000));
  CHECK_ERRNO(disk.TryRead(0, 10), EIO);
  CHECK_ERRNO(disk.TryRead(0, kCluster), EIO);
  CHECK_ERRNO(disk.TryRead(2 * kCluster, 10), EIO);
}

}  // namespace
}  // namespace fusebay::qcow2
