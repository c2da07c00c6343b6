// Request: what is refused before any filesystem sees it, and what a reply may say.
#include "fuse/server/request.h"

#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

TEST(LengthMustBeThatOfTheMessage) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kStatFs).LengthOffBy(1)), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kStatFs).LengthOffBy(-1)), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kStatFs)), 0);
}

TEST(LengthBeyondEveryBufferIsOutOfMemory) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kStatFs).LengthOffBy(1 << 20)), ENOMEM);
  CHECK(!kernel.Ask(Message(Opcode::kBatchForget).LengthOffBy(1 << 20)).came);
}

TEST(UnknownOpcodesAreNotImplemented) {
  FakeKernel kernel;
  for (const std::uint32_t opcode : {0u, 7u, 19u, 54u, 4096u, 436207616u, 0xffff'ffffu}) {
    CHECK_EQ(kernel.ErrorOf(Message(opcode)), ENOSYS);
  }
}

TEST(FragmentOfAHeaderIsDropped) {
  FakeKernel kernel;
  Message message(Opcode::kStatFs);
  FuseSlot& slot = *kernel.channel().slots()[0];
  const std::string head = message.Head().substr(0, 39);
  slot.head = std::as_bytes(std::span(head));
  const auto task = kernel.server().Serve(kernel.channel(), slot);
  static_cast<void>(task);
  CHECK(!slot.has_reply);
}

TEST(NamesMustBeGoodComponents) {
  FakeKernel kernel;
  for (const std::string name : {"", ".", "..", "a/b", "/"}) {
    CHECK_EQ(kernel.ErrorOf(Message(Opcode::kUnlink).Name(name)), EINVAL);
    CHECK_EQ(kernel.ErrorOf(Message(Opcode::kMkdir).Args(abi::MkdirIn{}).Name(name)), EINVAL);
    CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRename).Args(abi::RenameIn{1}).Name("ok").Name(name)),
             EINVAL);
  }
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kUnlink).Name(std::string(256, 'a'))), ENAMETOOLONG);
  CHECK_EQ(kernel.fs.TakeLog(), "");
}

TEST(LookupRefusesSlashesAndNothing) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kLookup).Name("a/b")), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kLookup).Name("")), EINVAL);
}

TEST(NamesMustEndAndNothingMayFollow) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kUnlink).Raw("name")), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kUnlink)), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kUnlink).Name("name").Raw("x")), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kUnlink).Name("name").Name("more")), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kUnlink).Name("name").Data("x")), EINVAL);
}

TEST(SymlinkTargetMayBeLong) {
  FakeKernel kernel;
  kernel.fs.entry.node = NodeId{2};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSymlink).Name("a").Name(std::string(4095, 't'))), 0);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSymlink).Name("a").Name(std::string(4096, 't'))),
           ENAMETOOLONG);
}

TEST(ExtensionsAfterTheNamesArePassedOver) {
  FakeKernel kernel;
  kernel.fs.entry.node = NodeId{2};
  CHECK_EQ(kernel.ErrorOf(
               Message(Opcode::kMkdir).Args(abi::MkdirIn{}).Name("dir").Extension("12345678")),
           0);
}

TEST(ExtensionsThatAreNotThereAreRefused) {
  FakeKernel kernel;
  Message message = Message(Opcode::kMkdir).Args(abi::MkdirIn{}).Name("dir");
  message.header.total_extlen = 0xffff;
  CHECK_EQ(kernel.ErrorOf(std::move(message)), EINVAL);
}

TEST(ErrorsThatTheKernelRefusesBecomeEio) {
  FakeKernel kernel;
  kernel.fs.error = 511;
  CHECK_EQ(kernel.Ask(Message(Opcode::kStatFs)).error, -511);
  kernel.fs.error = 512;
  CHECK_EQ(kernel.Ask(Message(Opcode::kStatFs)).error, -EIO);
}

TEST(ReplyErrorIsNegative) {
  CHECK_EQ(ReplyError(Errno{ENOENT}), -ENOENT);
  CHECK_EQ(ReplyError(Errno{100'000}), -EIO);
}

}  // namespace
}  // namespace fusebay::fuse::test
