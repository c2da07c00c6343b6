// The requests that map files into a DAX window.
#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

std::string Ranges(std::initializer_list<abi::RemoveMappingOne> list) {
  return {reinterpret_cast<const char*>(list.begin()), list.size() * sizeof(abi::RemoveMappingOne)};
}

TEST(SetupMappingIsServed) {
  FakeKernel kernel;
  const abi::SetupMappingIn in{7, 100, 200, abi::kSetupMappingRead, 300};
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetupMapping, 5).Args(in)), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "SetupMapping 5 7 100+200 flags=2 at 300\n");
}

TEST(RemoveMappingRemovesEach) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRemoveMapping, 5)
                              .Args(abi::RemoveMappingIn{2})
                              .Raw(Ranges({{1, 2}, {3, 4}}))),
           0);
  CHECK_EQ(kernel.fs.TakeLog(), "RemoveMapping 5 1+2\nRemoveMapping 5 3+4\n");
}

TEST(RemoveMappingStopsAtTheFirstError) {
  FakeKernel kernel;
  kernel.fs.error = EIO;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRemoveMapping, 5)
                              .Args(abi::RemoveMappingIn{2})
                              .Raw(Ranges({{1, 2}, {3, 4}}))),
           EIO);
  CHECK_EQ(kernel.fs.TakeLog(), "RemoveMapping 5 1+2\n");
}

TEST(RemoveMappingWhoseCountIsWrongIsRefused) {
  FakeKernel kernel;
  for (const std::uint32_t count : {0u, 2u, 257u, 0xffff'ffffu, 0x1000'0001u}) {
    CHECK_EQ(kernel.ErrorOf(Message(Opcode::kRemoveMapping, 5)
                                .Args(abi::RemoveMappingIn{count})
                                .Raw(Ranges({{1, 2}}))),
             EINVAL);
  }
  CHECK_EQ(kernel.fs.TakeLog(), "");
}

}  // namespace
}  // namespace fusebay::fuse::test
