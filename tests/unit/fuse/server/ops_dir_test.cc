// The requests that make, remove and rename entries.
#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

FakeKernel& WithEntry(FakeKernel& kernel) {
  kernel.fs.entry = {.node = NodeId{7}, .attr = {.ino = 7, .flags = abi::kAttrDax}};
  kernel.fs.opened = {Handle{8}, abi::kFopenDirectIo, 0};
  return kernel;
}

TEST(MknodPassesModeAndDevice) {
  FakeKernel kernel;
  const Reply reply = WithEntry(kernel).Ask(
      Message(Opcode::kMknod, 5).Args(abi::MknodIn{0020644, 0x103, 022, 0}).Name("null"));
  CHECK_EQ(reply.As<abi::EntryOut>().nodeid, 7u);
  CHECK_EQ(kernel.fs.TakeLog(), "Make 5 'null' mode=20644 umask=22 rdev=259 target=\n");
}

TEST(MknodOfAnOldClientHasNoUmask) {
  FakeKernel kernel({.minor = 11});
  WithEntry(kernel).Ask(
      Message(Opcode::kMknod, 5).Args(abi::MknodIn{0100644, 0, 022, 0}, 8).Name("f"));
  CHECK_EQ(kernel.fs.TakeLog(), "Make 5 'f' mode=100644 umask=0 rdev=0 target=\n");
}

TEST(MkdirMakesADirectory) {
  FakeKernel kernel;
  WithEntry(kernel).Ask(Message(Opcode::kMkdir, 5).Args(abi::MkdirIn{01755, 022}).Name("d"));
  CHECK_EQ(kernel.fs.TakeLog(), "Make 5 'd' mode=41755 umask=22 rdev=0 target=\n");
}

TEST(SymlinkHasItsNameAndThenItsTarget) {
  FakeKernel kernel;
  WithEntry(kernel).Ask(Message(Opcode::kSymlink, 5).Name("link").Name("../a/b"));
  CHECK_EQ(kernel.fs.TakeLog(), "Make 5 'link' mode=120777 umask=0 rdev=0 target=../a/b\n");
}

TEST(CreateRepliesEntryAndOpenAndKeepsAttrFlags) {
  FakeKernel kernel;
  const Reply reply = WithEntry(kernel).Ask(
      Message(Opcode::kCreate, 5).Args(abi::CreateIn{2, 0100600, 022, 0}).Name("f"));
  CHECK_EQ(kernel.fs.TakeLog(), "Create 5 'f' mode=100600 umask=22 rdev=0 target= flags=2\n");
  CHECK_EQ(reply.bytes.size(), sizeof(abi::EntryOut) + sizeof(abi::OpenOut));
  CHECK_EQ(reply.Prefix<abi::EntryOut>().attr.flags, abi::kAttrDax);
  CHECK_EQ(reply.Prefix<abi::OpenOut>(sizeof(abi::EntryOut)).handle, 8u);
}

TEST(CreateTellsThatPrivilegesMustGo) {
  FakeKernel kernel;
  const abi::CreateIn in{2, 0600, 0, abi::kOpenKillSuidGid};
  WithEntry(kernel).Ask(Message(Opcode::kCreate, 5).Args(in).Name("f"));
  CHECK_EQ(kernel.fs.TakeLog(), "Create 5 'f' mode=100600 umask=0 rdev=0 target= kill flags=2\n");
}

TEST(CreateOfAClientBefore9HasAShortEntry) {
  FakeKernel kernel({.minor = 8});
  const Reply reply = WithEntry(kernel).Ask(
      Message(Opcode::kCreate, 5).Args(abi::CreateIn{2, 0600, 0, 0}, 8).Name("f"));
  CHECK_EQ(kernel.fs.TakeLog(), "Create 5 'f' mode=100600 umask=0 rdev=0 target= flags=2\n");
  CHECK_EQ(reply.bytes.size(), 136u);
  CHECK_EQ(reply.Prefix<abi::OpenOut>(120).handle, 8u);
  CHECK_EQ(reply.Prefix<abi::OpenOut>(120).open_flags, abi::kFopenDirectIo);
}

TEST(TmpFileTakesLinuxesName) {
  FakeKernel kernel;
  const Reply reply = WithEntry(kernel).Ask(
      Message(Opcode::kTmpFile, 5).Args(abi::CreateIn{2, 0600, 0, 0}).Name("/"));
  CHECK_EQ(kernel.fs.TakeLog(), "TmpFile 5 mode=100600 umask=0 rdev=0 target= flags=2\n");
  CHECK_EQ(reply.bytes.size(), sizeof(abi::EntryOut) + sizeof(abi::OpenOut));
}

TEST(LinkNamesTheNodeThenTheDirectory) {
  FakeKernel kernel;
  WithEntry(kernel).Ask(Message(Opcode::kLink, 5).Args(abi::LinkIn{9}).Name("other"));
  CHECK_EQ(kernel.fs.TakeLog(), "Link 9 as 5 'other'\n");
}

TEST(UnlinkAndRmdirDiffer) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kUnlink, 5).Name("f")), 0);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRmdir, 5).Name("d")), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Remove 5 'f'\nRemove 5 'd' directory\n");
}

TEST(RenameHasNoFlags) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRename, 5).Args(abi::RenameIn{6}).Name("a").Name("b")),
           0);
  CHECK_EQ(kernel.fs.TakeLog(), "Rename 5 'a' to 6 'b' flags=0\n");
}

TEST(Rename2PassesItsFlags) {
  FakeKernel kernel;
  const Message message = Message(Opcode::kRename2, 5).Args(abi::Rename2In{6, 2, 0});
  CHECK_EQ(kernel.ErrorOf(Message(message).Name("a").Name("b")), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Rename 5 'a' to 6 'b' flags=2\n");
}

TEST(RenameOfTheLongestNamesIsServed) {
  FakeKernel kernel;
  const std::string name(255, 'n');
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRename, 5).Args(abi::RenameIn{6}).Name(name).Name(name)),
           0);
}

}  // namespace
}  // namespace fusebay::fuse::test
