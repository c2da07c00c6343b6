// Reopening: what may change while it is open, what may not, and that it is all or nothing.
#include "block/live_reopen.h"

#include "live_fixture.h"

namespace fusebay::test {

namespace {

BlockdevOptions RawOver(const std::string& name, const std::string& file) {
  BlockdevOptions raw = Raw(file);
  raw.node_name = name;
  return raw;
}

// "top" over "r" over "f1", which "f2" could replace.
struct RawScene : LiveScene {
  RawScene() {
    bench.Open(FileOptionsOf("f1", folder.Sparse("one", 4096)));
    bench.Open(FileOptionsOf("f2", folder.Sparse("two", 8192)));
    bench.Open(RawOver("r", "f1"));
    bench.Open(RawOver("top", "r"));
    AddImage("used");
    writer_ = Export("used");
  }
  // A change that comes last, and fails.
  BlockdevOptions Failing() {
    BlockdevOptions options = ImageOptionsOf("used", "f-used");
    options.read_only = true;
    return options;
  }

 private:
  BlockRef writer_;
};

}  // namespace

TEST(AnImageBecomesReadOnlyAndWritableAgain) {
  LiveScene s;
  s.AddImage("a");
  s.Write(s.bench.Use(s.Node("a")), 0, "one");
  Options ro(s);
  ro.image.read_only = true;
  CHECK_OK(s.Reopen(std::move(ro.image)));
  CHECK(s.Node("a").read_only());
  CHECK_EQ(s.Read(s.bench.Use(s.Node("a"), kReader), 0, 3), "one");
  CHECK_OK(s.Reopen(std::move(Options(s).image)));
  s.Write(s.bench.Use(s.Node("a")), 0, "two");
  CHECK_EQ(s.Read(s.bench.Use(s.Node("a")), 0, 3), "two");
}

TEST(AReadOnlyFileCannotHaveWriters) {
  LiveScene s;
  s.AddImage("a");
  Options ro(s);
  ro.file.read_only = true;
  CHECK_MESSAGE(s.Reopen(std::move(ro.file)),
                "Read-only block node 'f-a' cannot support read-write users");
}

TEST(AnImageOverAReadOnlyFileStaysReadOnly) {
  LiveScene s;
  s.AddImage("a");
  Options ro(s);
  ro.image.read_only = true;
  ro.file.read_only = true;
  CHECK_OK(s.Reopen(std::move(ro.file), std::move(ro.image)));
  CHECK_MESSAGE(s.Reopen(std::move(Options(s).image)), "Block node is read-only");
  CHECK(s.Node("a").read_only());
}

TEST(AllOrNothing) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("b");
  const BlockRef writer = s.Export("b");
  Options a(s);
  a.image.read_only = true;
  a.file.read_only = true;
  BlockdevOptions b = s.ImageOptionsOf("b", "f-b");
  b.read_only = true;
  CHECK_MESSAGE(s.Reopen(std::move(a.image), std::move(a.file), std::move(b)),
                "Read-only block node 'b' cannot support read-write users");
  CHECK(!s.Node("a").read_only());
  CHECK(!s.Node("f-a").read_only());
  s.Write(s.bench.Use(s.Node("a")), 0, "still");
}

TEST(WhatCannotChangeIsNamed) {
  LiveScene s;
  s.AddImage("a");
  Options o(s);
  std::get<FileOptions>(o.file.driver_options).filename = "other";
  CHECK_MESSAGE(s.Reopen(std::move(o.file)), "Cannot change the option 'filename'");
  Options locking(s);
  std::get<FileOptions>(locking.file.driver_options).locking = OnOffAuto::kOff;
  CHECK_MESSAGE(s.Reopen(std::move(locking.file)), "Cannot change the option 'locking'");
  BlockdevOptions raw = Raw("f-a");
  raw.node_name = "a";
  CHECK_MESSAGE(s.Reopen(std::move(raw)), "Cannot change the option 'driver'");
  Options inlined(s);
  inlined.own().file.definition = std::make_unique<BlockdevOptions>(std::move(Options(s).file));
  CHECK_MESSAGE(s.Reopen(std::move(inlined.image)), "Cannot change the option 'file.driver'");
  Options data(s);
  data.own().data_file.node_name = "f-a";
  CHECK_MESSAGE(s.Reopen(std::move(data.image)), "Cannot change the option 'data-file'");
}

TEST(NodesAreNamedAsByQemu) {
  LiveScene s;
  s.AddImage("a");
  Options nameless(s);
  nameless.image.node_name = "";
  CHECK_MESSAGE(s.Reopen(std::move(nameless.image)), "node-name not specified");
  Options unknown(s);
  unknown.image.node_name = "x";
  CHECK_MESSAGE(s.Reopen(std::move(unknown.image)), "Failed to find node with node-name='x'");
  Options child(s);
  child.own().file.node_name = "x";
  CHECK_MESSAGE(s.Reopen(std::move(child.image)), "Cannot find device='' nor node-name='x'");
}

TEST(CachesAndFlagsChangeUnderAWriter) {
  LiveScene s;
  s.AddImage("a");
  const BlockRef e = s.Export("a");
  s.Write(e, 0, "before");
  Options o(s);
  o.own().caches.l2_cache_size = 64 << 10;
  o.own().caches.refcount_cache_size = 256 << 10;
  o.file.cache.no_flush = true;
  o.file.discard_unmap = true;
  std::get<FileOptions>(o.file.driver_options).aio = EngineKind::kThreads;
  CHECK_OK(s.Reopen(std::move(o.image), std::move(o.file)));
  CHECK_EQ(s.Read(e, 0, 6), "before");
  s.Write(e, 512 << 10, "after");
  CHECK_EQ(s.Read(e, 512 << 10, 5), "after");
}

TEST(ABackingImageIsExchanged) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("b");
  s.Write(s.bench.Use(s.Node("b")), 0, "from b");
  const BlockRef e = s.Export("a");
  Options with(s);
  with.own().backing.node_name = "b";
  {
    const BlockRef writer = s.Export("b");
    CHECK_MESSAGE(s.Reopen(std::move(with.image)), "Permission conflict on node 'b'");
  }
  BlockdevOptions b = s.ImageOptionsOf("b", "f-b");
  b.read_only = true;
  Options again(s);
  again.own().backing.node_name = "b";
  CHECK_OK(s.Reopen(std::move(b)));
  CHECK_OK(s.Reopen(std::move(again.image)));
  CHECK_EQ(s.Read(e, 0, 6), "from b");
  CHECK_MESSAGE(s.Reopen(std::move(Options(s).image)), "backing is missing for 'a'");
  Options none(s);
  none.own().no_backing = true;
  CHECK_OK(s.Reopen(std::move(none.image)));
  CHECK_EQ(s.Read(e, 0, 1), std::string(1, '\0'));
}

TEST(ACycleIsRefused) {
  LiveScene s;
  s.AddImage("a");
  Options o(s);
  o.own().backing.node_name = "a";
  CHECK_MESSAGE(s.Reopen(std::move(o.image)),
                "Making 'a' a backing child of 'a' would create a cycle");
}

TEST(ADefinedChildIsReopenedWithItsParent) {
  LiveScene s;
  const std::string path = s.folder.Sparse("raw", 4096);
  const auto definition = [&path](bool no_flush) {
    BlockdevOptions raw = Raw("");
    raw.node_name = "r";
    BlockdevOptions file = File(path);
    file.cache.no_flush = no_flush;
    std::get<RawOptions>(raw.driver_options).file.definition =
        std::make_unique<BlockdevOptions>(std::move(file));
    return raw;
  };
  s.bench.Open(definition(false));
  CHECK_OK(s.Reopen(definition(true)));
  BlockdevOptions other = definition(true);
  auto& file = *std::get<RawOptions>(other.driver_options).file.definition;
  std::get<FileOptions>(file.driver_options).filename = "other";
  CHECK_MESSAGE(s.Reopen(std::move(other)), "Cannot change the option 'file.filename'");
}

TEST(AFileIsReplacedByOneThatIsNoSmaller) {
  LiveScene s;
  s.bench.Open(s.FileOptionsOf("f1", s.folder.Sparse("one", 4096)));
  s.bench.Open(s.FileOptionsOf("f2", s.folder.Sparse("two", 8192)));
  BlockdevOptions raw = Raw("f1");
  raw.node_name = "r";
  s.bench.Open(raw);
  Listener listener;
  BlockRef e = s.Export("r");
  e.SetObserver(&listener);
  BlockdevOptions other = Raw("f2");
  other.node_name = "r";
  CHECK_OK(s.Reopen(std::move(other)));
  CHECK_EQ(listener.size, 8192u);
  s.Write(e, 8000, "end");
  BlockdevOptions back = Raw("f1");
  back.node_name = "r";
  CHECK_MESSAGE(s.Reopen(std::move(back)), "Node 'f1' is smaller than 'f2'");
}

TEST(ZeroesAreDetectedOnceThatIsOn) {
  LiveScene s;
  FakeNode& fake = s.bench.AddFake("n", 4096);
  fake.can_zero = true;
  BlockdevOptions raw = Raw("n");
  raw.node_name = "r";
  s.bench.Open(raw);
  const BlockRef e = s.Export("r");
  CHECK_OK(s.bench.Write(e, 0, Data(512)));
  raw.detect_zeroes = DetectZeroes::kOn;
  CHECK_OK(s.Reopen(CopyOf(raw)));
  CHECK_OK(s.bench.Write(e, 0, Data(512)));
  CHECK_OK(s.bench.Write(e, 0, Data(512, std::byte{1})));
  CHECK_EQ(fake.log, "w512 f f z512 w512 ");
  raw.detect_zeroes = DetectZeroes::kUnmap;
  CHECK_MESSAGE(s.Reopen(CopyOf(raw)), "detect-zeroes to unmap is not allowed");
}

TEST(AFailureGivesTheSmallerFileBack) {
  RawScene s;
  CHECK_MESSAGE(s.Reopen(RawOver("r", "f2"), RawOver("top", "r"), s.Failing()),
                "cannot support read-write users");
  CHECK(s.ChildOf("r", ChildRole::kFile) == "f1");
  CHECK_EQ(s.Node("r").size(), 4096u);
  CHECK_EQ(s.Node("top").size(), 4096u);
}

TEST(ACycleOfTwoChangesIsRefused) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("b");
  BlockdevOptions a = s.ImageOptionsOf("a", "f-a");
  std::get<Qcow2Options>(a.driver_options).backing.node_name = "b";
  a.read_only = true;
  BlockdevOptions b = s.ImageOptionsOf("b", "f-b");
  std::get<Qcow2Options>(b.driver_options).backing.node_name = "a";
  b.read_only = true;
  CHECK_MESSAGE(s.Reopen(std::move(a), std::move(b)),
                "Making 'a' a backing child of 'b' would create a cycle");
  CHECK(s.ChildOf("a", ChildRole::kBacking) == "");
  CHECK(s.ChildOf("b", ChildRole::kBacking) == "");
}

TEST(WhatAutoReadOnlyMadeReadOnlyStaysSo) {
  RawScene s;
  s.AddImage("a");
  const auto file = [&s](bool read_only) {
    BlockdevOptions options = s.FileOptionsOf("f3", s.folder.Sparse("three", 512));
    options.read_only = read_only;
    return options;
  };
  s.bench.Open(file(true));
  BlockdevOptions raw = RawOver("auto", "f3");
  raw.auto_read_only = true;
  s.bench.Open(raw);
  Options ro(s);
  ro.file.read_only = true;
  ro.image.read_only = true;
  CHECK_OK(s.Reopen(std::move(ro.file), std::move(ro.image)));
  Options automatic(s);
  automatic.image.auto_read_only = true;
  CHECK_OK(s.Reopen(CopyOf(raw), CopyOf(automatic.image)));
  CHECK(s.Node("auto").read_only() && s.Node("a").read_only());
  CHECK_MESSAGE(s.Reopen(file(false), CopyOf(raw), std::move(automatic.file),
                         std::move(automatic.image), s.Failing()),
                "cannot support read-write users");
  for (const char* const name : {"f3", "auto", "f-a", "a"}) {
    CHECK(s.Node(name).read_only());
  }
}

TEST(AFilterThatCannotBeReopenedSaysSo) {
  LiveScene s;
  s.AddImage("a");
  CHECK_OK(s.bench.TryOpen(CompressOver("c", "a")));
  CHECK_MESSAGE(s.Reopen(CompressOver("c", "a")),
                "Block format 'compress' used by node 'c' does not support reopening files");
}

TEST(WhoLooksThroughAFilterIsToldOfAnotherBackingImage) {
  LiveScene s;
  s.AddImage("a");
  s.AddImage("b");
  s.bench.Open(CompressOver("c", "a"));
  Listener listener;
  BlockRef e = s.Export("c", kReader);
  e.SetObserver(&listener);
  Options o(s);
  o.own().backing.node_name = "b";
  CHECK_OK(s.Reopen(std::move(o.image)));
  CHECK_EQ(listener.written, 1);
}

TEST(AReopenFlushesMostWhileOthersGoOn) {
  LiveScene s;
  FlushedNode& node = s.AddFlushed("f");
  const auto raw = [] {
    BlockdevOptions options = Raw("f");
    options.node_name = "r";
    return options;
  };
  s.bench.Open(raw());
  const BlockRef e = s.Export("r");
  node.exported = &e;
  CHECK_OK(s.Reopen(raw()));
  CHECK(node.waits == (std::vector<bool>{false, true}));
  node.exported = nullptr;
}

}  // namespace fusebay::test
