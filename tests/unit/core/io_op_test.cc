// IoOp::SetData: the caller's array where it fits, else at most eight pieces.
#include <array>
#include <string>

#include "check.h"
#include "core/io_engine.h"

namespace fusebay::test {

namespace {

std::string Text(const IoOp& op) {
  std::string text;
  for (const iovec& piece : op.iov) {
    text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  }
  return text;
}

// "0123..." in pieces of two bytes each.
struct Pieces {
  std::string bytes = "0123456789abcdefghijkl";
  std::array<iovec, 11> list{};
  Pieces() {
    for (std::size_t i = 0; i < list.size(); ++i) {
      list[i] = {bytes.data() + 2 * i, 2};
    }
  }
  IoVec all() const { return {list, 0, bytes.size()}; }
};

}  // namespace

TEST(WholeArrayIsUsedAsItIs) {
  const Pieces pieces;
  IoOp op(IoOp::Kind::kRead, 0);
  op.SetData(pieces.all());
  CHECK(op.iov.data() == pieces.list.data());
  CHECK_EQ(op.iov.size(), 11U);
}

TEST(SliceIsCutToItsBytes) {
  const Pieces pieces;
  IoOp op(IoOp::Kind::kRead, 0);
  op.SetData(pieces.all().Slice(3, 6));
  CHECK_EQ(Text(op), "345678");
}

TEST(SliceOfManyPiecesIsShort) {
  const Pieces pieces;
  IoOp op(IoOp::Kind::kRead, 0);
  op.SetData(pieces.all().From(1));
  CHECK_EQ(op.iov.size(), IoOp::kMaxInlinePieces);
  CHECK_EQ(Text(op), "123456789abcdef");
}

TEST(ShorterRangeEndsInsideTheArray) {
  const Pieces pieces;
  IoOp op(IoOp::Kind::kRead, 0);
  op.SetData(pieces.all().First(5));
  CHECK_EQ(Text(op), "01234");
}

}  // namespace fusebay::test
