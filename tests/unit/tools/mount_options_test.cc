// Tests of the command line of `fusebay mount`.
#include "mount_options.h"

#include "check.h"

using namespace fusebay;

namespace {

Result<MountRequest, Error> Parse(std::vector<std::string> words) {
  const auto arguments = ParseArguments(MountOptionSpecs(), words);
  CHECK_OK(arguments);
  return ParseMountArguments(*arguments);
}

// With an image and a mountpoint.
Result<MountRequest, Error> ParseWith(std::vector<std::string> words) {
  words.insert(words.end(), {"disk.img", "m"});
  return Parse(std::move(words));
}

MountRequest Request(std::vector<std::string> words) {
  auto request = ParseWith(std::move(words));
  CHECK_OK(request);
  return std::move(*request);
}

}  // namespace

TEST(DefaultsAreReadOnlyAndSafe) {
  const MountRequest r = Request({});
  CHECK_EQ(r.image.filename, "disk.img");
  CHECK(r.mountpoints == std::vector<std::string>{"m"});
  CHECK(!r.image.writable && !r.fuse.writable && !r.fuse.growable && !r.foreground && !r.create);
  CHECK(r.image.discard_unmap);
  CHECK(r.image.format.empty() && !r.image.aio.has_value());
  CHECK_EQ(r.fuse.cache, ExportCache::kAuto);
  CHECK_EQ(r.loops, 0u);
  CHECK_EQ(r.poll_max_ns, -1);
}

TEST(WritableAndGrowableReachImageAndExport) {
  const MountRequest r = Request({"-w", "--growable"});
  CHECK(r.image.writable && r.image.resizable && r.fuse.writable && r.fuse.growable);
}

TEST(ImageOptionsReachTheImage) {
  const MountRequest r = Request({"-f", "raw", "--offset=1M", "--size=2G", "--direct",
                                  "--aio=native", "--no-flush", "--discard=off", "--locking=on"});
  CHECK_EQ(r.image.format, "raw");
  CHECK_EQ(r.image.offset, std::uint64_t{1} << 20);
  CHECK(r.image.size == std::uint64_t{2} << 30);
  CHECK(r.image.cache.direct && r.image.cache.no_flush && !r.image.discard_unmap);
  CHECK(r.image.aio == EngineKind::kNative);
  CHECK_EQ(r.image.locking, OnOffAuto::kOn);
}

TEST(ExportOptionsReachTheExport) {
  const MountRequest r =
      Request({"--cache=none", "--writethrough", "--auto-unmount", "--mount-namespace=42",
               "--fusermount=/bin/fm", "--allow-other", "--loops=3", "--poll-max-ns=0",
               "--foreground", "--create", "--verbose"});
  CHECK_EQ(r.fuse.cache, ExportCache::kNone);
  CHECK(r.fuse.writethrough && r.fuse.auto_unmount && r.foreground && r.create && r.verbose);
  CHECK_EQ(r.fuse.mount_namespace_pid, 42);
  CHECK_EQ(r.fuse.fusermount, "/bin/fm");
  CHECK_EQ(r.fuse.allow_other, OnOffAuto::kOn);
  CHECK_EQ(r.loops, 3u);
  CHECK_EQ(r.poll_max_ns, 0);
}

TEST(SnapshotIsTaken) { CHECK_EQ(Request({"--snapshot", "s 1"}).image.snapshot, "s 1"); }

TEST(ListsAndLongOptionsMix) {
  const MountRequest r = Request({"-o", "rw,writable", "-o", "cache=none", "--growable"});
  CHECK(r.image.writable && r.fuse.growable);
  CHECK_EQ(r.fuse.cache, ExportCache::kNone);
}

TEST(SeveralMountpointsAreKeptInOrder) {
  const auto r = Parse({"disk.img", "a", "b", "a"});
  CHECK_OK(r);
  CHECK(r->mountpoints == (std::vector<std::string>{"a", "b", "a"}));
}

TEST(ImageAndMountpointAreNeeded) {
  CHECK_MESSAGE(Parse({}), "which image?");
  CHECK_MESSAGE(Parse({"disk.img"}), "A mountpoint is missing");
  CHECK_MESSAGE(Parse({"disk.img", ""}), "an empty name");
}

TEST(WrongValuesAreNamed) {
  for (const std::string name :
       {"cache", "allow-other", "aio", "format", "size", "offset", "loops", "discard",
        "detect-zeroes", "locking", "cache-size", "l2-cache-entry-size", "cache-clean-interval",
        "mount-namespace", "poll-max-ns"}) {
    CHECK_MESSAGE(ParseWith({"--" + name + "=nonsense"}), "nonsense");
    CHECK_MESSAGE(ParseWith({"--" + name + "=nonsense"}), name + ": ");
  }
  CHECK_MESSAGE(ParseWith({"--size=0"}), "size of 0");
  CHECK_MESSAGE(ParseWith({"--loops=65"}), "0 to 64");
  CHECK_MESSAGE(ParseWith({"--snapshot="}), "needs a name");
}

TEST(ZeroesAreDetectedWhenAskedFor) {
  CHECK(Request({}).image.detect_zeroes == DetectZeroes::kOff);
  CHECK(Request({"--detect-zeroes=on"}).image.detect_zeroes == DetectZeroes::kOn);
  CHECK(Request({"-o", "detect_zeroes=unmap"}).image.detect_zeroes == DetectZeroes::kUnmap);
  CHECK_MESSAGE(ParseWith({"--detect-zeroes=unmap", "--discard=off"}),
                "detect-zeroes=unmap needs discard=on");
}

TEST(CachesHaveSizes) {
  CHECK(Request({}).image.caches == Qcow2CacheOptions());
  const MountRequest request =
      Request({"--cache-size=4M", "-o", "l2_cache_size=1k,l2_cache_entry_size=512",
               "--refcount-cache-size=7", "--cache-clean-interval=0"});
  CHECK(request.image.caches == (Qcow2CacheOptions{.cache_size = 4 << 20,
                                                   .l2_cache_size = 1024,
                                                   .l2_cache_entry_size = 512,
                                                   .refcount_cache_size = 7,
                                                   .cache_clean_interval = 0}));
}

TEST(CachesAreForQcow2Only) {
  CHECK_MESSAGE(ParseWith({"-f", "raw", "--l2-cache-size=1M"}), "for qcow2 images only");
  CHECK_OK(ParseWith({"-f", "raw", "--overlay", "--l2-cache-size=1M"}));
}

TEST(WritabilityConflictsAreRefused) {
  CHECK_MESSAGE(ParseWith({"--growable"}), "growable needs writable");
  CHECK_MESSAGE(ParseWith({"-w", "-o", "ro"}), "'ro' and 'writable' exclude each other");
  CHECK_MESSAGE(ParseWith({"-o", "ro,writable"}), "'ro' and 'writable'");
  CHECK_MESSAGE(ParseWith({"-w", "--snapshot=s"}), "snapshot and writable exclude each other");
  CHECK_MESSAGE(ParseWith({"-w", "--growable", "--size=1M"}), "growable and size");
}

TEST(CompressNeedsAnImageThatCan) {
  CHECK(Request({"-w", "--compress"}).compress);
  CHECK(Request({"-o", "rw,writable,compress"}).compress);
  CHECK(Request({"--overlay", "--compress", "-f", "raw"}).compress);
  CHECK(!Request({"-w"}).compress);
  CHECK_MESSAGE(ParseWith({"--compress"}), "compress needs writable");
  CHECK_MESSAGE(ParseWith({"-w", "--compress", "-f", "raw"}), "for qcow2 images only");
}

TEST(AnOverlayTakesWrites) {
  const MountRequest temporary = Request({"--overlay", "--growable"});
  CHECK(temporary.overlay == "" && temporary.fuse.writable && temporary.image.writable);
  CHECK(Request({"-o", "overlay=o.qcow2"}).overlay == "o.qcow2");
  CHECK(!Request({"-w"}).overlay.has_value());
  CHECK_OK(ParseWith({"--overlay", "--offset=512"}));
  CHECK_OK(ParseWith({"--overlay", "--snapshot=s"}));
}

TEST(WhatAnOverlayCannotDoIsRefused) {
  CHECK_MESSAGE(ParseWith({"--overlay", "-o", "ro"}), "'ro' and 'overlay' exclude each other");
  CHECK_MESSAGE(ParseWith({"--overlay=o", "--offset=512"}), "only be a temporary one");
  CHECK_MESSAGE(ParseWith({"--overlay=o", "--snapshot=s"}), "only be a temporary one");
}

TEST(FormatConflictsAreRefused) {
  CHECK_MESSAGE(ParseWith({"-f", "qcow2", "--offset=512"}), "for raw images only");
  CHECK_MESSAGE(ParseWith({"-f", "qcow2", "--size=512"}), "for raw images only");
  CHECK_MESSAGE(ParseWith({"-f", "raw", "--snapshot=s"}), "raw image has no snapshots");
  CHECK_MESSAGE(ParseWith({"--offset=1", "--snapshot=s"}), "offset and size are for raw");
}

TEST(NativeAioNeedsDirect) {
  CHECK_MESSAGE(ParseWith({"--aio=native"}), "aio=native needs direct");
  CHECK_OK(ParseWith({"--aio=native", "--direct"}));
}

TEST(WritebackIsForOneMountpoint) {
  CHECK_OK(ParseWith({"-w", "--cache=writeback"}));
  CHECK_MESSAGE(Parse({"-w", "--cache=writeback", "d", "a", "b"}), "one mountpoint only");
}
