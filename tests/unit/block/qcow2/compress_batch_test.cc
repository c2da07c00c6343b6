// Which clusters of a batch are zeroes, compressed, or stay as they are.
#include "qcow2/compress_batch.h"

#include <string>

#include "compressed.h"
#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;
using test::Noise;
using Kind = CompressBatch::Kind;

struct Batch {
  Batch(std::string the_text, std::uint32_t cluster, bool finds_zeroes = true)
      : text(std::move(the_text)),
        cluster_size(cluster),
        batch(Compression::kZlib, cluster, finds_zeroes, IoVec::Of(iov)) {
    CHECK_OK(disk.Run(batch.Run()));
  }
  std::string Inflated(std::size_t index) {
    std::string out(cluster_size, '?');
    CHECK_OK(Inflate(Compression::kZlib, batch.Compressed(index, 1)[0],
                     std::as_writable_bytes(std::span(out))));
    return out;
  }
  Disk disk;
  std::string text;
  std::uint32_t cluster_size;
  iovec iov{text.data(), text.size()};
  CompressBatch batch;
};

TEST(EachClusterHasItsKind) {
  Batch b(std::string(4096, 'a') + std::string(4096, '\0') + Noise(8192) + std::string(4096, 'b'),
          4096);
  CHECK_EQ(b.batch.count(), 5u);
  CHECK(b.batch.kind(0) == Kind::kCompressed && b.Inflated(0) == std::string(4096, 'a'));
  CHECK(b.batch.kind(1) == Kind::kZero);
  CHECK(b.batch.kind(2) == Kind::kPlain);
  CHECK_EQ(b.batch.SameFrom(2), 2u);
  CHECK(b.Inflated(4) == std::string(4096, 'b'));
}

TEST(ZeroesAreCompressedWhereTheyCannotBeSaid) {
  Batch b(std::string(4096, '\0'), 4096, false);
  CHECK(b.batch.kind(0) == Kind::kCompressed);
  CHECK(b.Inflated(0) == std::string(4096, '\0'));
}

TEST(BehindAShortLastClusterAreZeroes) {
  Batch b(std::string(4096 + 10, 'a'), 4096);
  CHECK_EQ(b.batch.count(), 2u);
  CHECK(b.Inflated(1) == std::string(10, 'a') + std::string(4086, '\0'));
}

TEST(ManyClustersOfEverySizeAreCompressed) {
  for (const std::uint32_t cluster : {512u, 65536u, 2u << 20}) {
    std::string text;
    for (char c = 'a'; text.size() < CompressBatch::MaxBytes(cluster); c = c == 'z' ? 'a' : c + 1) {
      text.append(cluster, c);
    }
    Batch b(text, cluster);
    CHECK_EQ(b.batch.SameFrom(0), b.batch.count());
    for (std::size_t i = 0; i < b.batch.count(); ++i) {
      CHECK(b.Inflated(i) == text.substr(i * cluster, cluster));
    }
  }
}

}  // namespace
}  // namespace fusebay::qcow2
