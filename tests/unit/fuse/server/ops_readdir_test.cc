// The requests about open directories.
#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

Message ReadDir(std::uint32_t size, std::uint64_t offset = 0, Opcode opcode = Opcode::kReadDir) {
  return Message(opcode, 5).Args(abi::ReadIn{.handle = 7, .offset = offset, .size = size});
}

TEST(OpenDirIsServed) {
  FakeKernel kernel;
  kernel.fs.opened = {Handle{7}, abi::kFopenCacheDir, 0};
  const Reply reply = kernel.Ask(Message(Opcode::kOpenDir, 5).Args(abi::OpenIn{0x10000, 0}));
  CHECK_EQ(reply.As<abi::OpenOut>().handle, 7u);
  CHECK_EQ(kernel.fs.TakeLog(), "OpenDir 5 flags=10000\n");
}

TEST(ReadDirPacksEntriesWithPadding) {
  FakeKernel kernel;
  kernel.fs.entries = {"a", "eightchr", "abc"};
  const Reply reply = kernel.Ask(ReadDir(4096));
  CHECK_EQ(kernel.fs.TakeLog(), "ReadDir 5 7 0\n");
  CHECK_EQ(reply.bytes.size(), 32u + 32u + 32u);
  const auto second = reply.Prefix<abi::Dirent>(32);
  CHECK_EQ(second.ino, 101u);
  CHECK_EQ(second.next_offset, 2u);
  CHECK_EQ(second.namelen, 8u);
  CHECK_EQ(reply.bytes.substr(24, 8), std::string("a\0\0\0\0\0\0\0", 8));
}

TEST(ReadDirGivesNoPartOfAnEntry) {
  FakeKernel kernel;
  kernel.fs.entries = {"a", "b"};
  CHECK_EQ(kernel.Ask(ReadDir(63)).bytes.size(), 32u);
  CHECK_EQ(kernel.Ask(ReadDir(64)).bytes.size(), 64u);
  CHECK_EQ(kernel.Ask(ReadDir(31)).bytes.size(), 0u);
}

TEST(ReadDirGoesOnAtItsOffset) {
  FakeKernel kernel;
  kernel.fs.entries = {"a", "b"};
  CHECK_EQ(kernel.Ask(ReadDir(4096, 1)).Prefix<abi::Dirent>().ino, 101u);
  CHECK_EQ(kernel.Ask(ReadDir(4096, 2)).bytes.size(), 0u);
}

TEST(ReadDirOfMoreThanAReplyHoldsIsRefused) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(ReadDir(65537)), ENOMEM);
}

TEST(ReadDirErrorComesWhenThereIsNoEntry) {
  FakeKernel kernel;
  kernel.fs.error = EIO;
  CHECK_EQ(kernel.ErrorOf(ReadDir(4096)), EIO);
}

TEST(ReadDirErrorWaitsWhileThereAreEntries) {
  FakeKernel kernel;
  kernel.fs.entries = {"a"};
  kernel.fs.error = EIO;
  CHECK_EQ(kernel.Ask(ReadDir(4096)).bytes.size(), 32u);
}

TEST(ReadDirPlusHasTheEntryBeforeTheName) {
  FakeKernel kernel;
  kernel.fs.entries = {"a"};
  kernel.fs.entry = {.node = NodeId{9}, .attr = {.ino = 100}};
  const Reply reply = kernel.Ask(ReadDir(4096, 0, Opcode::kReadDirPlus));
  CHECK_EQ(kernel.fs.TakeLog(), "ReadDir 5 7 0 plus\n");
  const auto entry = reply.As<std::array<std::byte, 160>>();
  CHECK_EQ(entry.size(), 160u);
  CHECK_EQ(reply.Prefix<abi::EntryOut>().nodeid, 9u);
  CHECK_EQ(reply.Prefix<abi::Dirent>(128).namelen, 1u);
}

TEST(ReadDirPlusCountsOnlyWhatFits) {
  FakeKernel kernel;
  kernel.fs.entries = {"a", "b", "c"};
  kernel.fs.entry.node = NodeId{9};
  CHECK_EQ(kernel.Ask(ReadDir(330, 0, Opcode::kReadDirPlus)).bytes.size(), 320u);
  CHECK_EQ(kernel.fs.looked_up, 2u);
}

TEST(ReleaseDirIsServed) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kReleaseDir, 5).Args(abi::ReleaseIn{7, 0, 0, 0})), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "ReleaseDir 5 7\n");
}

TEST(FsyncDirTellsDataFromAll) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kFsyncDir, 5).Args(abi::FsyncIn{7, 1, 0})), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "FsyncDir 5 7 data\n");
}

}  // namespace
}  // namespace fusebay::fuse::test
