// An exported file end to end, through server and loopback kernel: INIT, attributes, coherence of
// several exports, parallel requests, drains.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>

#include "loopback_fixture.h"

namespace fusebay::test {

namespace {

namespace abi = fuse::abi;
using std::chrono::milliseconds;

const LoopbackExportOptions kReadOnly{.file = {}};
const LoopbackExportOptions kShared{.file = {.writable = true, .allow_other = true}};

std::uint64_t FlagsOf(ExportCache cache) {
  Stage stage;
  LoopbackExport file(stage, stage.Memory(4096), {.file = {.writable = true, .cache = cache}});
  return file.kernel.settled().flags;
}

// The invalidations of cached data that the client has been told.
std::vector<abi::NotifyInvalInodeOut> Invalidated(const LoopbackExport& file) {
  std::vector<abi::NotifyInvalInodeOut> found;
  for (const fuse::LoopbackNotification& notification : file.kernel.notifications()) {
    if (notification.code == abi::NotifyCode::kInvalInode) {
      abi::NotifyInvalInodeOut args{};
      CHECK_EQ(notification.args.size(), sizeof args);
      std::memcpy(&args, notification.args.data(), sizeof args);
      found.push_back(args);
    }
  }
  return found;
}

abi::NotifyInvalInodeOut NthInvalidation(const LoopbackExport& file, std::size_t n) {
  return Invalidated(file).at(n);
}

// Waits until `file` has been told of `count` invalidations; returns how long that took.
Nanoseconds WaitForInvalidations(Stage& stage, const LoopbackExport& file, std::size_t count) {
  const Clock::time_point begin = Clock::now();
  while (Invalidated(file).size() < count) {
    CHECK(Clock::now() - begin < std::chrono::seconds(20));
    stage.Run(stage.control->SleepFor(milliseconds(1)));
  }
  return Clock::now() - begin;
}

struct Readers {
  LoopbackExport& file;
  std::atomic<bool> stop{false};
  int done = 0;
  int failed = 0;
};

Task<Unit> ReadOnce(Readers& readers, std::uint64_t offset) {
  std::array<std::byte, 64> bytes{};
  const Result<std::size_t> n =
      co_await readers.file.client.Read(LoopbackExport::kRoot, 0, offset, bytes);
  ++readers.done;
  readers.failed += n.ok() && *n == bytes.size() ? 0 : 1;
  co_return Unit{};
}

Task<Unit> ReadAtOnce(Readers& readers, int count) {
  TaskScope scope;
  for (int i = 0; i < count; ++i) {
    scope.Spawn(ReadOnce(readers, static_cast<std::uint64_t>(i) * 4096));
  }
  co_await scope.Join();
  co_return Unit{};
}

Task<Unit> ReadUntilStopped(Readers& readers) {
  while (!readers.stop) {
    co_await ReadOnce(readers, 0);
  }
  co_return Unit{};
}

// Drains often, and returns how many reads ended while nobody should be inside.
Task<int> DrainUnderReaders(Stage& stage, Readers& readers) {
  TaskScope scope;
  for (int i = 0; i < 8; ++i) {
    scope.Spawn(ReadUntilStopped(readers));
  }
  int seen = 0;
  for (int i = 0; i < 10; ++i) {
    const int target = readers.done + 8;
    while (readers.done < target) {
      co_await stage.control->SleepFor(milliseconds(1));
    }
    const BlockGraph::Drained drained = co_await stage.graph.Drain();
    // What has left the gate may still be on its way to the client.
    co_await stage.control->SleepFor(milliseconds(10));
    const int before = readers.done;
    co_await stage.control->SleepFor(milliseconds(10));
    seen += readers.done - before;
  }
  readers.stop = true;
  co_await scope.Join();
  co_return seen;
}

// A disk in memory that takes its time to change its size, now more, now less: what does not wait
// for others overtakes them.
class SlowlySizedNode final : public BlockNode {
 public:
  explicit SlowlySizedNode(std::size_t most) : BlockNode("slow", "test", false), bytes_(most) {}

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    dst.CopyFrom(bytes_.data() + offset);
    return Ok();
  }
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags) override {
    src.CopyTo(bytes_.data() + offset);
    return Ok();
  }
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc) override {
    co_await AioContext::Current().SleepFor(std::chrono::microseconds(size / 4096 % 3 * 150));
    set_size(size);
    co_return Ok();
  }
  std::vector<std::byte> bytes_;
};

constexpr std::uint64_t kGrowths = 400;
constexpr std::uint64_t kGrowers = 8;  // half of them on each export

// Writes every eighth page, so that all growers together write every page once. Nobody may take a
// page away that has been written.
Task<Unit> WriteOwnPages(LoopbackExport& file, std::uint64_t first) {
  const std::string page(4096, static_cast<char>('a' + first));
  for (std::uint64_t i = first; i < kGrowths; i += kGrowers) {
    const Result<std::uint32_t> n = co_await file.client.Write(
        LoopbackExport::kRoot, 0, i * page.size(), std::as_bytes(std::span(page)));
    CHECK_OK(n);
    CHECK_EQ(*n, page.size());
    CHECK(file.ref().size() >= (i + 1) * page.size());
  }
  co_return Unit{};
}

Task<Unit> GrowTogether(LoopbackExport& one, LoopbackExport& two) {
  TaskScope scope;
  for (std::uint64_t i = 0; i < kGrowers; ++i) {
    scope.Spawn(WriteOwnPages(i % 2 == 0 ? one : two, i));
  }
  co_await scope.Join();
  co_return Unit{};
}

// Which threads have served requests.
class ThreadHook final : public fuse::ServerHook {
 public:
  void OnRequest(std::uint32_t, std::uint64_t) override {
    loops.at(AioContext::Current().index()) = true;
  }
  void OnReply(std::uint32_t, std::uint64_t, std::int32_t) override {}
  std::array<std::atomic<bool>, AioContext::kMaxContexts> loops{};
};

}  // namespace

TEST(InitAsksForWhatTheFileWants) {
  const std::uint64_t flags = FlagsOf(ExportCache::kAuto);
  CHECK((flags & abi::kInitAsyncDio) != 0);
  CHECK((flags & abi::kInitAsyncRead) != 0);
  CHECK((flags & abi::kInitMaxPages) != 0);
  CHECK((flags & abi::kInitExplicitInvalData) != 0);
  CHECK((flags & abi::kInitHandleKillPrivV2) != 0);
  CHECK((flags & abi::kInitDirectIoAllowMmap) != 0);
}

TEST(InitNeverAsksForWhatWouldSpoilTheCacheOrTheDisk) {
  for (const ExportCache cache :
       {ExportCache::kAuto, ExportCache::kNone, ExportCache::kWriteback}) {
    const std::uint64_t flags = FlagsOf(cache);
    CHECK((flags & abi::kInitAutoInvalData) == 0);
    CHECK((flags & abi::kInitAtomicOTrunc) == 0);
  }
}

TEST(OnlyTheWritebackCacheIsAWritebackCache) {
  CHECK((FlagsOf(ExportCache::kAuto) & abi::kInitWritebackCache) == 0);
  CHECK((FlagsOf(ExportCache::kNone) & abi::kInitWritebackCache) == 0);
  CHECK((FlagsOf(ExportCache::kWriteback) & abi::kInitWritebackCache) != 0);
}

TEST(AWriteAndAReadAreUpToOneMebibyte) {
  Stage stage;
  LoopbackExport file(stage, stage.Memory(2 << 20));
  CHECK_EQ(file.kernel.settled().max_write, 1u << 20);
  const std::string data(1 << 20, 'x');
  CHECK_EQ(file.Written(4096, data), data.size());
  CHECK(file.Read(4096, 1 << 20) == data);
}

TEST(TheRootIsARegularFile) {
  Stage stage;
  LoopbackExport file(stage, stage.Memory(12345));
  const abi::Attr attr = file.Attr();
  CHECK_EQ(attr.ino, 1u);
  CHECK_EQ(attr.nlink, 1u);
  CHECK_EQ(attr.mode, S_IFREG | 0600u);
  CHECK_EQ(attr.size, 12345u);
  CHECK(attr.blksize >= 4096);
}

TEST(NothingIsFoundInAFile) {
  Stage stage;
  LoopbackExport file(stage, stage.Memory(4096));
  CHECK_ERRNO(file.Run(file.client.Lookup(1, "x")), ENOENT);
}

TEST(WhatIsNotThereIsNotSupported) {
  Stage stage;
  LoopbackExport file(stage, stage.Memory(4096));
  const abi::OpenIn open{};
  const abi::GetXattrIn xattr{.size = 100, .padding = 0};
  CHECK_EQ(file.Call(abi::Opcode::kOpenDir, BytesOf(open)), ENOSYS);
  CHECK_EQ(file.Call(abi::Opcode::kListXattr, BytesOf(xattr)), ENOSYS);
  CHECK_EQ(file.Call(abi::Opcode::kGetXattr, BytesOf(xattr), std::string_view("a\0", 2)), ENOSYS);
  CHECK_EQ(file.Call(abi::Opcode::kReadLink), ENOSYS);
  CHECK_EQ(file.Call(static_cast<abi::Opcode>(1000)), ENOSYS);
}

// Mode, owner and size, on exports of every kind: what is refused says why.
TEST(SetAttrIsRefusedAsItShould) {
  struct Row {
    LoopbackExportOptions options;
    abi::SetAttrIn args;
    int error;
  };
  const LoopbackExportOptions writable{};
  const std::array rows{
      Row{writable, {.valid = abi::kSetMode, .mode = 0700}, 0},
      Row{writable, {.valid = abi::kSetMode, .mode = 0640}, EPERM},
      Row{writable, {.valid = abi::kSetMode, .mode = 0602}, EPERM},
      Row{kShared, {.valid = abi::kSetMode, .mode = 0666}, 0},
      Row{kReadOnly, {.valid = abi::kSetMode, .mode = 0600}, EROFS},
      Row{kReadOnly, {.valid = abi::kSetMode, .mode = 0500}, 0},
      Row{writable, {.valid = abi::kSetUid, .uid = 1}, EOPNOTSUPP},
      Row{writable, {.valid = abi::kSetGid, .gid = 1}, EOPNOTSUPP},
      Row{kShared, {.valid = abi::kSetUid | abi::kSetGid, .uid = 1, .gid = 2}, 0},
      Row{kReadOnly, {.valid = abi::kSetSize | abi::kSetHandle, .size = 1}, EACCES},
      Row{writable, {.valid = abi::kSetSize | abi::kSetHandle, .size = 1}, 0},
      Row{writable, {.valid = abi::kSetSize, .size = 1ull << 63}, EFBIG},
      Row{writable, {.valid = abi::kSetMtime, .mtime = 5}, 0},
      Row{kReadOnly, {.valid = abi::kSetAtimeNow | abi::kSetAtime}, 0},
  };
  Stage stage;
  const std::string node = stage.Memory(4096);
  for (const Row& row : rows) {
    LoopbackExport file(stage, node, row.options);
    const Result<abi::AttrOut> set = file.Set(row.args);
    CHECK_EQ(set.ok() ? 0 : set.error().value(), row.error);
  }
}

TEST(ARefusedSetAttrChangesNoPart) {
  Stage stage;
  LoopbackExport file(stage, stage.Memory(4096));
  CHECK_ERRNO(file.Set({.valid = abi::kSetMode | abi::kSetUid | abi::kSetSize | abi::kSetHandle,
                        .size = 1,
                        .mode = 0700,
                        .uid = 1}),
              EOPNOTSUPP);
  CHECK_EQ(file.Attr().mode, S_IFREG | 0600u);
  CHECK_EQ(file.Attr().size, 4096u);
}

TEST(OpenTruncateLeavesTheDiskAlone) {
  Stage stage;
  LoopbackExport file(stage, stage.Memory(4096));
  CHECK_OK(file.Set({.valid = abi::kSetSize, .size = 0}));
  CHECK_EQ(file.Attr().size, 4096u);
  CHECK_OK(file.Truncate(0));
  CHECK_EQ(file.Attr().size, 0u);
}

TEST(AWriteIsSeenThroughTheOtherExport) {
  Stage stage;
  const std::string node = stage.Memory(1 << 20);
  LoopbackExport one(stage, node);
  LoopbackExport two(stage, node);
  CHECK_EQ(one.Written(8000, "hello"), 5u);
  CHECK_EQ(two.Read(8000, 5), "hello");
}

TEST(AWriteDropsTheOthersCacheAndNeverItsOwn) {
  Stage stage;
  const std::string node = stage.Memory(1 << 20);
  LoopbackExport one(stage, node);
  LoopbackExport two(stage, node);
  Nanoseconds quickest = Nanoseconds::max();
  for (std::size_t i = 0; i < 5; ++i) {  // the machine may be busy once
    CHECK_OK(one.Write(8192 * i, "hello"));
    quickest = std::min(quickest, WaitForInvalidations(stage, two, i + 1));
  }
  CHECK(quickest < milliseconds(100));
  CHECK_EQ(NthInvalidation(two, 1).nodeid, 1u);
  CHECK_EQ(NthInvalidation(two, 1).offset, 8192);
  CHECK_EQ(NthInvalidation(two, 1).length, 5);
  CHECK_EQ(Invalidated(one).size(), 0u);
}

TEST(HolesAndCopiesDropTheOthersCacheToo) {
  Stage stage;
  const std::string node = stage.Memory(1 << 20);
  LoopbackExport one(stage, node);
  LoopbackExport two(stage, node, kReadOnly);
  CHECK_OK(one.Run(one.client.Fallocate(1, 0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 512)));
  WaitForInvalidations(stage, two, 1);
  const abi::CopyFileRangeIn copy{.nodeid_out = 1, .offset_out = 65536, .length = 100};
  CHECK_EQ(one.Call(abi::Opcode::kCopyFileRange, BytesOf(copy)), 0);
  WaitForInvalidations(stage, two, 2);
  CHECK_EQ(NthInvalidation(two, 1).offset, 65536);
  CHECK_EQ(NthInvalidation(two, 1).length, 100);
}

TEST(AResizeIsToldToTheOtherExport) {
  Stage stage;
  const std::string node = stage.Memory(1 << 20);
  LoopbackExport one(stage, node);
  LoopbackExport two(stage, node);
  CHECK_OK(one.Truncate(777));
  WaitForInvalidations(stage, two, 1);
  CHECK_EQ(NthInvalidation(two, 0).length, 0);
  CHECK_EQ(two.Attr().size, 777u);
  CHECK_EQ(Invalidated(one).size(), 0u);
}

TEST(AReadOnlyExportOfAWrittenNodeFollowsIt) {
  Stage stage;
  const std::string node = stage.Memory(4096);
  LoopbackExport writer(stage, node, {.file = {.writable = true, .growable = true}});
  LoopbackExport reader(stage, node, kReadOnly);
  CHECK_ERRNO(reader.Write(0, "x"), EACCES);
  CHECK_EQ(writer.Written(6000, "tail"), 4u);
  CHECK_EQ(reader.Attr().size, 6004u);
  CHECK_EQ(reader.Read(6000, 100), "tail");
}

TEST(ExportsOfANodeGrowItTogether) {
  Stage stage(2);
  CHECK_OK(stage.graph.Add(std::make_unique<SlowlySizedNode>(kGrowths * 4096)));
  const LoopbackExportOptions growable{.file = {.writable = true, .growable = true}};
  LoopbackExport one(stage, "slow", growable);
  LoopbackExport two(stage, "slow", growable);
  stage.Run(GrowTogether(one, two));
  CHECK_EQ(one.Attr().size, kGrowths * 4096);
  for (std::uint64_t i = 0; i < kGrowths; ++i) {
    CHECK(two.Read(i * 4096, 4096) == std::string(4096, static_cast<char>('a' + i % kGrowers)));
  }
}

TEST(ParallelReadsOverlap) {
  constexpr Nanoseconds kLatency = milliseconds(50);
  Stage stage;
  LoopbackExport file(stage, stage.Null(1 << 20, kLatency));
  Nanoseconds quickest = Nanoseconds::max();
  for (int i = 0; i < 5 && quickest >= 8 * kLatency; ++i) {  // the machine may be busy once
    Readers readers{.file = file};
    const Clock::time_point begin = Clock::now();
    stage.Run(ReadAtOnce(readers, 32));
    CHECK_EQ(readers.done, 32);
    CHECK_EQ(readers.failed, 0);
    CHECK(Clock::now() - begin >= kLatency);
    quickest = std::min<Nanoseconds>(quickest, Clock::now() - begin);
  }
  CHECK(quickest < 8 * kLatency);
}

TEST(TwoLoopsServeOneFile) {
  Stage stage(2);
  ThreadHook hook;
  LoopbackExport file(stage, stage.Null(1 << 20, milliseconds(100)), {.slots = 8, .hook = &hook});
  for (int i = 0; i < 5; ++i) {  // one loop may take all of a round, if the other is held up
    Readers readers{.file = file};
    stage.Run(ReadAtOnce(readers, 16));
    CHECK_EQ(readers.failed, 0);
  }
  CHECK_EQ(std::count(hook.loops.begin(), hook.loops.end(), true), 2);
}

TEST(MoreReadersThanSlotsAreAllServed) {
  Stage stage(2);
  LoopbackExport file(stage, stage.Null(4 << 20, milliseconds(1)), {.slots = 2});
  Readers readers{.file = file};
  stage.Run(ReadAtOnce(readers, 300));
  CHECK_EQ(readers.done, 300);
  CHECK_EQ(readers.failed, 0);
}

TEST(ADrainIsAPauseAndNeverAnError) {
  Stage stage(2);
  LoopbackExport file(stage, stage.Null(1 << 20, milliseconds(2)));
  Readers readers{.file = file};
  CHECK_EQ(stage.Run(DrainUnderReaders(stage, readers)), 0);
  CHECK(readers.done > 80);
  CHECK_EQ(readers.failed, 0);
}

TEST(ForgetsAndStrangeInterruptsDoNoHarm) {
  Stage stage(2);
  LoopbackExport file(stage, stage.Memory(4096));
  for (std::uint64_t i = 0; i < 100; ++i) {
    file.client.Forget(i, i);
    file.client.Interrupt(i * 2);
  }
  CHECK_EQ(file.Written(0, "still here"), 10u);
  CHECK_EQ(file.Read(0, 10), "still here");
  CHECK_EQ(file.Attr().size, 4096u);
}

TEST(TheClientMayComeBackAfterDestroy) {
  Stage stage;
  LoopbackExport file(stage, stage.Memory(4096));
  CHECK_OK(file.Write(0, "kept"));
  CHECK_OK(file.Run(file.client.Destroy()));
  CHECK_ERRNO(file.Run(file.client.GetAttr(1)), EIO);
  CHECK_OK(file.Run(file.client.Init()));
  CHECK_EQ(file.Read(0, 4), "kept");
}

TEST(AnAbortEndsTheSessionAndStopIsQuick) {
  Stage stage(2);
  LoopbackExport file(stage, stage.Memory(4096));
  file.kernel.Abort();
  CHECK_ERRNO(file.Run(file.client.GetAttr(1)), ENOTCONN);
  file.Stop();
}

TEST(OpenFilesAreCountedUntilReleased) {
  Stage stage;
  LoopbackExport file(stage, stage.Memory(4096));
  const Result<abi::OpenOut> opened = file.Run(file.client.Open(1, O_RDWR));
  CHECK_OK(opened);
  CHECK_EQ(file.fs().open_files(), 1u);
  CHECK_OK(file.Run(file.client.Flush(1, opened->handle)));
  CHECK_OK(file.Run(file.client.Release(1, opened->handle)));
  CHECK_EQ(file.fs().open_files(), 0u);
}

}  // namespace fusebay::test
