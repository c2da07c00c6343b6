// The requests about extended attributes.
#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

TEST(SetXattrHasLongArgumentsWithTheExtension) {
  FakeKernel kernel;
  const abi::SetXattrIn in{3, 1, abi::kSetXattrAclKillSgid, 0};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetXattr, 5).Args(in).Name("user.a").Data("xyz")), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "SetXattr 5 'user.a' 'xyz' 1 1\n");
}

TEST(SetXattrHasShortArgumentsWithoutIt) {
  FakeKernel kernel({.flags = abi::kInitBigWrites});
  const abi::SetXattrIn in{3, 1, 1, 0};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetXattr, 5).Args(in, 8).Name("user.a").Data("xyz")), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "SetXattr 5 'user.a' 'xyz' 1 0\n");
}

TEST(SetXattrTakesItsValueFromTheHeadToo) {
  FakeKernel kernel;
  const abi::SetXattrIn in{3, 0, 0, 0};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetXattr, 5).Args(in).Name("user.a").Raw("xyz")), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "SetXattr 5 'user.a' 'xyz' 0 0\n");
}

TEST(SetXattrOfAnEmptyValueIsServed) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetXattr, 5).Args(abi::SetXattrIn{}).Name("user.a")), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "SetXattr 5 'user.a' '' 0 0\n");
}

TEST(SetXattrWhoseSizeIsNotThatOfItsValueIsRefused) {
  FakeKernel kernel;
  const abi::SetXattrIn in{4, 0, 0, 0};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetXattr, 5).Args(in).Name("user.a").Data("xyz")),
           EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetXattr, 5).Args(in).Name("user.a").Data("vwxyz")),
           EINVAL);
}

TEST(GetXattrGivesTheValue) {
  FakeKernel kernel;
  const Reply reply =
      kernel.Ask(Message(Opcode::kGetXattr, 5).Args(abi::GetXattrIn{100, 0}).Name("user.a"));
  CHECK_EQ(reply.bytes, "0123456789");
  CHECK_EQ(kernel.fs.TakeLog(), "GetXattr 5 'user.a' room=100\n");
}

TEST(GetXattrOfSizeZeroGivesOnlyTheSize) {
  FakeKernel kernel;
  const Reply reply =
      kernel.Ask(Message(Opcode::kGetXattr, 5).Args(abi::GetXattrIn{0, 0}).Name("user.a"));
  CHECK_EQ(reply.As<abi::GetXattrOut>().size, 10u);
}

TEST(GetXattrThatDoesNotFitIsARangeError) {
  FakeKernel kernel;
  const abi::GetXattrIn in{9, 0};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kGetXattr, 5).Args(in).Name("user.a")), ERANGE);
}

TEST(GetXattrIsBoundedByTheReply) {
  FakeKernel kernel;
  const abi::GetXattrIn in{0xffff'ffff, 0};
  kernel.Ask(Message(Opcode::kGetXattr, 5).Args(in).Name("user.a"));
  CHECK_EQ(kernel.fs.TakeLog(), "GetXattr 5 'user.a' room=65536\n");
}

TEST(ListXattrGivesNamesOrTheirSize) {
  FakeKernel kernel;
  CHECK_EQ(kernel.Ask(Message(Opcode::kListXattr, 5).Args(abi::GetXattrIn{100, 0})).bytes,
           "0123456789");
  CHECK_EQ(kernel.Ask(Message(Opcode::kListXattr, 5).Args(abi::GetXattrIn{0, 0}))
               .As<abi::GetXattrOut>()
               .size,
           10u);
}

TEST(RemoveXattrIsServed) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRemoveXattr, 5).Name("user.a")), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "RemoveXattr 5 'user.a'\n");
}

TEST(XattrNameMayHaveASlashButNotBeTooLong) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRemoveXattr, 5).Name("user.a/b")), 0);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRemoveXattr, 5).Name(std::string(256, 'x'))), ERANGE);
}

}  // namespace
}  // namespace fusebay::fuse::test
