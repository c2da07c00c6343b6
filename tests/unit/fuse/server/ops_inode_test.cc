// The requests about nodes.
#include <sys/stat.h>

#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

std::string Forgets(std::initializer_list<abi::ForgetOne> list) {
  return {reinterpret_cast<const char*>(list.begin()), list.size() * sizeof(abi::ForgetOne)};
}

TEST(LookupReachesTheFilesystemWithItsCaller) {
  FakeKernel kernel;
  kernel.fs.entry = {.node = NodeId{7}, .generation = 3, .attr = {.ino = 77}};
  const Reply reply = kernel.Ask(Message(Opcode::kLookup, 5).Name("disk.img"));
  CHECK_EQ(kernel.fs.TakeLog(), "Lookup 5 'disk.img' by 10/20/30\n");
  const auto entry = reply.As<abi::EntryOut>();
  CHECK_EQ(entry.nodeid, 7u);
  CHECK_EQ(entry.generation, 3u);
  CHECK_EQ(entry.attr.ino, 77u);
}

TEST(NegativeEntryCarriesOnlyItsValidity) {
  FakeKernel kernel;
  kernel.fs.entry = {.attr = {.ino = 9}, .valid = std::chrono::milliseconds(1500)};
  const auto entry = kernel.Ask(Message(Opcode::kLookup).Name("none")).As<abi::EntryOut>();
  CHECK_EQ(entry.nodeid, 0u);
  CHECK_EQ(entry.attr.ino, 0u);
  CHECK_EQ(entry.entry_valid, 1u);
  CHECK_EQ(entry.entry_valid_ns, 500'000'000u);
}

TEST(NegativeEntryIsAnErrorBeforeMinor4) {
  FakeKernel kernel({.minor = 3});
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kLookup).Name("none")), ENOENT);
}

TEST(LookupPassesDotAndDotDot) {
  FakeKernel kernel;
  kernel.Ask(Message(Opcode::kLookup, 5).Name(".."));
  kernel.Ask(Message(Opcode::kLookup, 5).Name("."));
  CHECK_EQ(kernel.fs.TakeLog(), "Lookup 5 '..' by 10/20/30\nLookup 5 '.' by 10/20/30\n");
}

TEST(ForgetIsNeverAnswered) {
  FakeKernel kernel;
  CHECK(!kernel.Ask(Message(Opcode::kForget, 9).Args(abi::ForgetIn{4})).came);
  CHECK_EQ(kernel.fs.TakeLog(), "Forget 9 4\n");
  CHECK(!kernel.Ask(Message(Opcode::kForget, 9)).came);  // too short
  CHECK_EQ(kernel.fs.TakeLog(), "");
  CHECK_EQ(kernel.channel().free_slots(), 4u);
}

TEST(BatchForgetForgetsEach) {
  FakeKernel kernel;
  const Reply reply = kernel.Ask(Message(Opcode::kBatchForget, 0)
                                     .Args(abi::BatchForgetIn{2, 0})
                                     .Data(Forgets({{5, 1}, {6, 2}})));
  CHECK(!reply.came);
  CHECK_EQ(kernel.fs.TakeLog(), "Forget 5 1\nForget 6 2\n");
}

TEST(BatchForgetTakesItsNodesFromTheHeadToo) {
  FakeKernel kernel;
  kernel.Ask(Message(Opcode::kBatchForget, 0)
                 .Args(abi::BatchForgetIn{2, 0})
                 .Raw(Forgets({{5, 1}, {6, 2}})));
  CHECK_EQ(kernel.fs.TakeLog(), "Forget 5 1\nForget 6 2\n");
}

TEST(BatchForgetDoesNotBelieveItsCount) {
  FakeKernel kernel;
  kernel.Ask(Message(Opcode::kBatchForget, 0)
                 .Args(abi::BatchForgetIn{0xffff'ffff, 0})
                 .Data(Forgets({{5, 1}}) + "half"));
  CHECK_EQ(kernel.fs.TakeLog(), "Forget 5 1\n");
}

TEST(BatchForgetOfManyForgetsAll) {
  FakeKernel kernel;
  std::string nodes;
  for (std::uint64_t i = 0; i < 200; ++i) {
    nodes += Forgets({{i, 1}});
  }
  kernel.Ask(Message(Opcode::kBatchForget, 0).Args(abi::BatchForgetIn{200, 0}).Data(nodes));
  const std::string log = kernel.fs.TakeLog();
  CHECK_EQ(std::count(log.begin(), log.end(), '\n'), 200);
  CHECK(log.ends_with("Forget 199 1\n"));
}

TEST(GetAttrEncodesEverything) {
  FakeKernel kernel;
  kernel.fs.attr = {.ino = 5,
                    .size = 1000,
                    .blocks = 2,
                    .atime = {1, 2},
                    .mtime = {3, 4},
                    .ctime = {5, 6},
                    .mode = S_IFREG | 0644,
                    .nlink = 1,
                    .uid = 8,
                    .gid = 9,
                    .rdev_major = 1,
                    .rdev_minor = 3,
                    .blksize = 512,
                    .flags = abi::kAttrDax,
                    .valid = std::chrono::seconds(2)};
  const auto out =
      kernel.Ask(Message(Opcode::kGetAttr, 5).Args(abi::GetAttrIn{})).As<abi::AttrOut>();
  CHECK_EQ(kernel.fs.TakeLog(), "GetAttr 5 -\n");
  CHECK_EQ(out.attr_valid, 2u);
  CHECK_EQ(out.attr.size, 1000u);
  CHECK_EQ(out.attr.mtime, 3u);
  CHECK_EQ(out.attr.ctime_ns, 6u);
  CHECK_EQ(out.attr.mode, S_IFREG | 0644u);
  CHECK_EQ(out.attr.rdev, 0x103u);
  CHECK_EQ(out.attr.flags, abi::kAttrDax);
}

TEST(GetAttrPassesTheHandleWhenItIsValid) {
  FakeKernel kernel;
  kernel.Ask(Message(Opcode::kGetAttr, 5).Args(abi::GetAttrIn{abi::kGetAttrHandle, 0, 42}));
  CHECK_EQ(kernel.fs.TakeLog(), "GetAttr 5 42\n");
}

TEST(GetAttrOfAnOldClientHasNoArgumentsAndAShortReply) {
  FakeKernel kernel({.minor = 8});
  const Reply reply = kernel.Ask(Message(Opcode::kGetAttr, 5));
  CHECK_EQ(reply.bytes.size(), 96u);
  CHECK_EQ(kernel.fs.TakeLog(), "GetAttr 5 -\n");
}

TEST(LookupOfAnOldClientHasAShortReply) {
  FakeKernel kernel({.minor = 8});
  kernel.fs.entry.node = NodeId{2};
  CHECK_EQ(kernel.Ask(Message(Opcode::kLookup).Name("a")).bytes.size(), 120u);
}

TEST(StatxSaysWhatTheAttributesHave) {
  FakeKernel kernel;
  kernel.fs.attr = {.ino = 5,
                    .size = 1000,
                    .btime = {7, 8},
                    .mode = S_IFREG | 0600,
                    .attributes = STATX_ATTR_IMMUTABLE,
                    .attributes_mask = 0xff};
  const auto out = kernel
                       .Ask(Message(Opcode::kStatx, 5)
                                .Args(abi::StatxIn{.getattr_flags = abi::kGetAttrHandle,
                                                   .reserved = 0,
                                                   .handle = 3,
                                                   .statx_flags = 0,
                                                   .statx_mask = STATX_ALL}))
                       .As<abi::StatxOut>();
  CHECK_EQ(kernel.fs.TakeLog(), "GetAttr 5 3\n");
  CHECK_EQ(out.stat.mask, STATX_BASIC_STATS | STATX_BTIME);
  CHECK_EQ(out.stat.size, 1000u);
  CHECK_EQ(out.stat.mode, S_IFREG | 0600);
  CHECK_EQ(out.stat.btime.seconds, 7);
  CHECK_EQ(out.stat.attributes, std::uint64_t{STATX_ATTR_IMMUTABLE});
}

TEST(StatxHasNoBirthTimeWhereTheFilesystemHasNone) {
  FakeKernel kernel;
  const auto out = kernel.Ask(Message(Opcode::kStatx, 5).Args(abi::StatxIn{})).As<abi::StatxOut>();
  CHECK_EQ(out.stat.mask, std::uint32_t{STATX_BASIC_STATS});
}

TEST(SetAttrPassesWhatIsSet) {
  FakeKernel kernel;
  abi::SetAttrIn in{};
  in.valid = abi::kSetMode | abi::kSetUid | abi::kSetSize | abi::kSetHandle | abi::kSetAtime |
             abi::kSetMtime | abi::kSetMtimeNow | abi::kSetLockOwner | abi::kSetKillSuidGid;
  in.mode = 6;
  in.uid = 7;
  in.gid = 8;
  in.handle = 9;
  in.atime = 10;
  in.atime_ns = 11;
  in.lock_owner = 12;
  CHECK_EQ(kernel.Ask(Message(Opcode::kSetAttr, 5).Args(in)).bytes.size(), sizeof(abi::AttrOut));
  CHECK_EQ(kernel.fs.TakeLog(),
           "SetAttr 5 9 mode=6 uid=7 gid=- size=0 atime=10.11 mtime=now ctime=- owner=12 kill\n");
}

TEST(SetAttrOfSizeZeroWithoutHandleMayBeAnOpen) {
  FakeKernel kernel;
  abi::SetAttrIn in{};
  in.valid = abi::kSetSize;
  kernel.Ask(Message(Opcode::kSetAttr, 5).Args(in));
  CHECK(kernel.fs.TakeLog().ends_with("owner=- open\n"));
  in.size = 1;
  kernel.Ask(Message(Opcode::kSetAttr, 5).Args(in));
  CHECK(kernel.fs.TakeLog().ends_with("owner=-\n"));
}

TEST(SetAttrRefusesAnImpossibleTime) {
  FakeKernel kernel;
  abi::SetAttrIn in{};
  in.valid = abi::kSetCtime;
  in.ctime_ns = 1'000'000'000;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSetAttr, 5).Args(in)), EINVAL);
  CHECK_EQ(kernel.fs.TakeLog(), "");
}

TEST(AccessPassesTheMask) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kAccess, 5).Args(abi::AccessIn{6, 0})), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "Access 5 6\n");
}

TEST(StatFsEncodesEverything) {
  FakeKernel kernel;
  kernel.fs.stat = {1, 2, 3, 4, 5, 6, 7, 8};
  const auto out = kernel.Ask(Message(Opcode::kStatFs, 1)).As<abi::StatFsOut>();
  CHECK_EQ(out.blocks, 1u);
  CHECK_EQ(out.ffree, 5u);
  CHECK_EQ(out.frsize, 8u);
}

TEST(StatFsIsShortBeforeMinor4) {
  FakeKernel kernel({.minor = 3});
  CHECK_EQ(kernel.Ask(Message(Opcode::kStatFs, 1)).bytes.size(), 48u);
}

TEST(ReadLinkGivesTheTargetWithoutNul) {
  FakeKernel kernel;
  kernel.fs.data = "../target";
  CHECK_EQ(kernel.Ask(Message(Opcode::kReadLink, 5)).bytes, "../target");
  CHECK_EQ(kernel.fs.TakeLog(), "ReadLink 5 room=4095\n");
}

TEST(SyncFsIsServed) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kSyncFs, 5).Args(abi::SyncFsIn{})), 0);
  CHECK_EQ(kernel.fs.TakeLog(), "SyncFs 5\n");
}

TEST(BmapIsServed) {
  FakeKernel kernel;
  kernel.fs.number = 99;
  const Reply reply = kernel.Ask(Message(Opcode::kBmap, 5).Args(abi::BmapIn{3, 512, 0}));
  CHECK_EQ(reply.As<abi::BmapOut>().block, 99u);
  CHECK_EQ(kernel.fs.TakeLog(), "Bmap 5 3 512\n");
}

}  // namespace
}  // namespace fusebay::fuse::test
