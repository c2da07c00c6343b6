// SingleFileFs: attributes, what SETATTR refuses, open and statfs.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuse/abi.h"
#include "single_file_fixture.h"
#include "temporary.h"

namespace fusebay::test {

namespace {

bool Same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

const SingleFileOptions kReadOnly{};
const SingleFileOptions kWritable{.writable = true};
const SingleFileOptions kShared{.writable = true, .allow_other = true};

// The permission bits that are left of `mode` when `change` has been done to a file of two pages.
template <class Change>
std::uint32_t ModeAfter(std::uint32_t mode, Change change) {
  FileUnderTest file(8192, kShared);
  CHECK_OK(file.Set({.mode = mode}));
  change(file);
  return file.Attr().mode & 07777u;
}

void WriteAs(FileUnderTest& file, bool kill) {
  char letter = 'x';
  const iovec piece{&letter, 1};
  CHECK_OK(file.Run(file.fs().Write(file.caller(), FileUnderTest::kRoot, {}, {.kill_suidgid = kill},
                                    IoVec::Of(piece))));
}

}  // namespace

TEST(AttributesAreThoseOfOneRegularFile) {
  FileUnderTest file(1000);
  const fuse::Attr attr = file.Attr();
  CHECK_EQ(attr.ino, 1u);
  CHECK_EQ(attr.nlink, 1u);
  CHECK_EQ(attr.size, 1000u);
  CHECK_EQ(attr.mode, S_IFREG | 0600u);
  CHECK_EQ(attr.uid, ::getuid());
  CHECK(attr.blksize >= 4096);
}

TEST(ReadOnlyExportHasNoWriteBit) {
  FileUnderTest file(1000, kReadOnly);
  CHECK_EQ(file.Attr().mode, S_IFREG | 0400u);
}

TEST(LookupFindsNothing) {
  FileUnderTest file(10);
  CHECK_ERRNO(file.Run(file.fs().Lookup(file.caller(), FileUnderTest::kRoot, "x")), ENOENT);
}

TEST(StatAndReadMoveNoTimes) {
  FileUnderTest file(100);
  const fuse::Attr before = file.Attr();
  file.Read(0, 100);
  ::usleep(20'000);
  const fuse::Attr after = file.Attr();
  CHECK(Same(before.atime, after.atime));
  CHECK(Same(before.mtime, after.mtime));
  CHECK(Same(before.ctime, after.ctime));
}

TEST(WriteMovesModificationTime) {
  FileUnderTest file(100);
  const fuse::Attr before = file.Attr();
  ::usleep(20'000);
  CHECK_OK(file.Write(0, "x"));
  const fuse::Attr after = file.Attr();
  CHECK(!Same(before.mtime, after.mtime));
  CHECK(!Same(before.ctime, after.ctime));
  CHECK(Same(before.atime, after.atime));
}

TEST(TimesAreKeptAsSet) {
  FileUnderTest file(100);
  timespec when{};
  when.tv_sec = 1'000'000;
  when.tv_nsec = 42;
  CHECK_OK(file.Set({.atime = when, .mtime = when}));
  CHECK(Same(file.Attr().atime, when));
  CHECK(Same(file.Attr().mtime, when));
  CHECK(!Same(file.Attr().ctime, when));
}

TEST(NowMeansTheCurrentTime) {
  FileUnderTest file(100);
  timespec now{};
  now.tv_nsec = UTIME_NOW;
  CHECK_OK(file.Set({.mtime = now}));
  CHECK(file.Attr().mtime.tv_nsec < 1'000'000'000);
  CHECK(file.Attr().mtime.tv_sec > 1'000'000);
}

TEST(GroupAndOtherBitsNeedAllowOther) {
  FileUnderTest alone(10, kWritable);
  CHECK_ERRNO(alone.Set({.mode = 0640}), EPERM);
  CHECK_ERRNO(alone.Set({.mode = 0604}), EPERM);
  CHECK_OK(alone.Set({.mode = 0700}));
  FileUnderTest shared(10, kShared);
  CHECK_OK(shared.Set({.mode = 0644}));
  CHECK_EQ(shared.Attr().mode, S_IFREG | 0644u);
}

TEST(ReadOnlyExportRefusesWriteBits) {
  FileUnderTest file(10, kReadOnly);
  CHECK_ERRNO(file.Set({.mode = 0600}), EROFS);
  CHECK_OK(file.Set({.mode = 0500}));
}

TEST(OwnerNeedsAllowOther) {
  FileUnderTest alone(10, kWritable);
  CHECK_ERRNO(alone.Set({.uid = 1}), EOPNOTSUPP);
  CHECK_ERRNO(alone.Set({.gid = 1}), EOPNOTSUPP);
  FileUnderTest shared(10, kShared);
  CHECK_OK(shared.Set({.uid = 7, .gid = 8}));
  CHECK_EQ(shared.Attr().uid, 7u);
  CHECK_EQ(shared.Attr().gid, 8u);
}

TEST(AWriteDropsPrivilegesWhenTheKernelSaysSo) {
  CHECK_EQ(ModeAfter(06775, [](FileUnderTest& file) { WriteAs(file, true); }), 0775u);
  CHECK_EQ(ModeAfter(06775, [](FileUnderTest& file) { WriteAs(file, false); }), 06775u);
}

TEST(SetGroupIdStaysWhereTheGroupCannotExecute) {
  CHECK_EQ(ModeAfter(06765, [](FileUnderTest& file) { WriteAs(file, true); }), 02765u);
}

TEST(ATruncateDropsPrivilegesWhenTheKernelSaysSo) {
  CHECK_EQ(ModeAfter(06775,
                     [](FileUnderTest& file) {
                       CHECK_OK(file.Set({.size = 4096, .kill_suidgid = true}));
                     }),
           0775u);
  CHECK_EQ(ModeAfter(06775, [](FileUnderTest& file) { CHECK_OK(file.Truncate(4096)); }), 06775u);
}

TEST(AnotherOwnerDropsPrivileges) {
  CHECK_EQ(ModeAfter(06775, [](FileUnderTest& file) { CHECK_OK(file.Set({.uid = 7})); }), 0775u);
  CHECK_EQ(ModeAfter(06775, [](FileUnderTest& file) { CHECK_OK(file.Set({.gid = 7})); }), 0775u);
}

TEST(FallocateAndCopyDropPrivileges) {
  CHECK_EQ(ModeAfter(06775, [](FileUnderTest& file) { CHECK_OK(file.Fallocate(0, 0, 4096)); }),
           0775u);
  CHECK_EQ(ModeAfter(06775, [](FileUnderTest& file) { CHECK_OK(file.Copy(0, 4096, 10)); }), 0775u);
}

TEST(AnOpenThatTruncatesDropsPrivileges) {
  CHECK_EQ(ModeAfter(06775,
                     [](FileUnderTest& file) {
                       CHECK_OK(file.Run(
                           file.fs().Open(file.caller(), FileUnderTest::kRoot,
                                          {.flags = O_WRONLY | O_TRUNC, .kill_suidgid = true})));
                     }),
           0775u);
}

TEST(ARefusedSetAttrChangesNothing) {
  FileUnderTest file(10, kWritable);
  CHECK_ERRNO(file.Set({.mode = 0700, .uid = 1, .size = 5}), EOPNOTSUPP);
  CHECK_EQ(file.Attr().mode, S_IFREG | 0600u);
  CHECK_EQ(file.size(), 10u);
}

TEST(SizeOfAReadOnlyExportIsFixed) {
  FileUnderTest file(10, kReadOnly);
  CHECK_ERRNO(file.Truncate(5), EACCES);
}

TEST(OpenForWritingNeedsAWritableExport) {
  FileUnderTest file(10, kReadOnly);
  CHECK_ERRNO(file.Open(O_RDWR), EROFS);
  CHECK_ERRNO(file.Open(O_WRONLY), EROFS);
  CHECK_OK(file.Open(O_RDONLY));
}

TEST(OpenFilesAreCounted) {
  FileUnderTest file(10);
  const Result<fuse::Opened> first = file.Open(O_RDONLY);
  const Result<fuse::Opened> second = file.Open(O_RDWR);
  CHECK_OK(first);
  CHECK_OK(second);
  CHECK_EQ(file.fs().open_files(), 2u);
  CHECK_OK(file.Close(*first));
  CHECK_OK(file.Close(*second));
  CHECK_EQ(file.fs().open_files(), 0u);
}

TEST(CachedPagesAreKeptOverOpen) {
  FileUnderTest file(10, {.writable = true, .exclusive = true});
  CHECK_EQ(file.Open(O_RDONLY)->open_flags, fuse::abi::kFopenKeepCache);
}

TEST(DirectOpenGoesAroundTheCache) {
  FileUnderTest file(10);
  const std::uint32_t flags = file.Open(O_RDWR | O_DIRECT)->open_flags;
  CHECK_EQ(flags, fuse::abi::kFopenDirectIo | fuse::abi::kFopenParallelDirectWrites);
}

TEST(CacheNoneIsAlwaysDirect) {
  FileUnderTest file(10, {.writable = true, .cache = ExportCache::kNone});
  CHECK((file.Open(O_RDWR)->open_flags & fuse::abi::kFopenDirectIo) != 0);
}

TEST(AForeignWriteDropsTheCacheOnce) {
  std::string path = fusebay::test::TemporaryPattern("foreign");
  const UniqueFd image(::mkstemp(path.data()));
  FileUnderTest file(10, {.host_fd = image.get()});
  CHECK((file.Open(O_RDONLY)->open_flags & fuse::abi::kFopenKeepCache) != 0);
  timespec times[2]{};
  times[1].tv_sec = 12345;
  CHECK_EQ(::futimens(image.get(), times), 0);
  CHECK((file.Open(O_RDONLY)->open_flags & fuse::abi::kFopenKeepCache) == 0);
  CHECK((file.Open(O_RDONLY)->open_flags & fuse::abi::kFopenKeepCache) != 0);
  ::unlink(path.c_str());
}

TEST(TimesBeginAsTheImages) {
  std::string path = fusebay::test::TemporaryPattern("times");
  const UniqueFd image(::mkstemp(path.data()));
  timespec times[2]{};
  times[0].tv_sec = 111;
  times[1].tv_sec = 222;
  CHECK_EQ(::futimens(image.get(), times), 0);
  FileUnderTest file(10, {.writable = true, .host_fd = image.get()});
  CHECK_EQ(file.Attr().atime.tv_sec, 111);
  CHECK_EQ(file.Attr().mtime.tv_sec, 222);
  ::unlink(path.c_str());
}

TEST(StatFsShowsTheVirtualSize) {
  FileUnderTest file(40960);
  const Result<fuse::FsStat> stat = file.Run(file.fs().StatFs(file.caller(), FileUnderTest::kRoot));
  CHECK_OK(stat);
  CHECK_EQ(stat->blocks * stat->frsize, 40960u);
  CHECK_EQ(stat->bfree, 0u);
}

TEST(StatFsOfAGrowableExportShowsTheHostsFreeSpace) {
  const UniqueFd host(::open("/tmp", O_PATH | O_CLOEXEC));
  FileUnderTest file(40960, {.writable = true, .growable = true, .host_fd = host.get()});
  const Result<fuse::FsStat> stat = file.Run(file.fs().StatFs(file.caller(), FileUnderTest::kRoot));
  CHECK_OK(stat);
  CHECK(stat->bavail > 0);
  CHECK_EQ((stat->blocks - stat->bfree) * stat->frsize, 40960u);
}

}  // namespace fusebay::test
