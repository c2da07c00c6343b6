// DirPacker, into memory that is in pieces.
#include "fuse/server/dir_packer.h"

#include <dirent.h>

#include <string>

#include "check.h"
#include "fuse/abi.h"

namespace fusebay::fuse::test {
namespace {

DirEntry Named(std::string_view name) {
  return {.ino = 5, .next_offset = 6, .type = DT_DIR, .name = name};
}

TEST(EntryIsTheSameInPieces) {
  std::string whole(64, 'w');
  std::string pieces(64, 'p');
  const iovec one{whole.data(), 64};
  const iovec three[] = {{pieces.data(), 7}, {pieces.data() + 7, 20}, {pieces.data() + 27, 37}};
  const IoVec whole_vec = IoVec::Of(one);
  const IoVec pieces_vec{three, 0, 64};
  DirPacker a(whole_vec, false, 45);
  DirPacker b(pieces_vec, false, 45);
  CHECK(a.Add(Named("name")));
  CHECK(b.Add(Named("name")));
  CHECK_EQ(a.used(), 32u);
  CHECK_EQ(whole.substr(0, 32), pieces.substr(0, 32));
}

TEST(EntryThatDoesNotFitAddsNothing) {
  std::string memory(40, 'm');
  const iovec piece{memory.data(), memory.size()};
  const IoVec vec = IoVec::Of(piece);
  DirPacker packer(vec, false, 45);
  CHECK(!packer.Add(Named("a name of more than sixteen")));
  CHECK_EQ(memory, std::string(40, 'm'));
  CHECK(packer.Add(Named("sixteen")));
  CHECK(!packer.Add(Named("x")));
  CHECK_EQ(packer.used(), 32u);
}

TEST(PlusEntryWithoutLookUpHasNodeZero) {
  std::string memory(160, 'm');
  const iovec piece{memory.data(), memory.size()};
  const IoVec vec = IoVec::Of(piece);
  DirPacker packer(vec, true, 45);
  CHECK(packer.Add(Named(".")));
  CHECK_EQ(memory.substr(0, 128), std::string(128, '\0'));
}

TEST(PlusEntryOfAnOldClientIsShort) {
  std::string memory(160, 'm');
  const iovec piece{memory.data(), memory.size()};
  const IoVec vec = IoVec::Of(piece);
  DirPacker packer(vec, true, 8);
  CHECK(packer.AddPlus(Named("a"), Entry{.node = NodeId{3}}));
  CHECK_EQ(packer.used(), 120u + 32u);
}

}  // namespace
}  // namespace fusebay::fuse::test
