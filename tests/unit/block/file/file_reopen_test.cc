// An open file with other options: locks, direct I/O, and a name that leads elsewhere.
#include "live_fixture.h"

namespace fusebay::test {

namespace {

bool IsLocked(const std::string& path) {
  Bench other;
  BlockdevOptions options = File(path);
  options.node_name = "other";
  if (!other.TryOpen(options).ok()) {
    return true;
  }
  return !other.graph.Use("other", kWriter, "another").ok();
}

}  // namespace

TEST(LocksFollow) {
  LiveScene s;
  s.AddImage("a");
  const std::string path = s.bench.Run(s.Node("f-a").Info())->filename;
  CHECK(IsLocked(path));
  Options ro(s);
  ro.image.read_only = true;
  ro.file.read_only = true;
  CHECK_OK(s.Reopen(std::move(ro.file), std::move(ro.image)));
  CHECK(s.Node("f-a").read_only());
  {
    Bench other;
    BlockdevOptions reader = File(path, true);
    reader.node_name = "r";
    other.Open(reader);
    CHECK_OK(other.graph.Use("r", {kPermConsistentRead, kPermConsistentRead}, "reader"));
  }
  Options rw(s);
  CHECK_OK(s.Reopen(std::move(rw.image), std::move(rw.file)));
  CHECK(IsLocked(path));
}

TEST(DirectIoIsTurnedOnAndOff) {
  LiveScene s;
  s.AddImage("a");
  const BlockRef e = s.Export("a");
  Options on(s);
  on.file.cache.direct = true;
  const Result<Unit, Error> done = s.Reopen(std::move(on.file));
  if (!done.ok()) {
    Skip("no O_DIRECT here: " + done.error().message);
  }
  s.Write(e, 100, "direct");
  CHECK(s.Node("f-a").limits().request_alignment > 1);
  CHECK_OK(s.Reopen(std::move(Options(s).file)));
  CHECK_EQ(s.Node("f-a").limits().request_alignment, 1u);
  CHECK_EQ(s.Read(e, 100, 6), "direct");
}

TEST(NativeAioNeedsDirectIo) {
  LiveScene s;
  s.AddImage("a");
  Options o(s);
  std::get<FileOptions>(o.file.driver_options).aio = EngineKind::kNative;
  CHECK_MESSAGE(s.Reopen(std::move(o.file)), "requires cache.direct=on");
}

TEST(AFileIsReopenedWhereverItsNameLeads) {
  LiveScene s;
  s.AddImage("a");
  s.Write(s.bench.Use(s.Node("a")), 0, "data");
  Options ro(s);
  ro.image.read_only = true;
  ro.file.read_only = true;
  const std::string path = s.bench.Run(s.Node("f-a").Info())->filename;
  CHECK_EQ(rename(path.c_str(), s.folder.Name("elsewhere").c_str()), 0);
  CHECK_OK(s.Reopen(std::move(ro.file), std::move(ro.image)));
  CHECK_EQ(s.Read(s.bench.Use(s.Node("a"), kReader), 0, 4), "data");
}

}  // namespace fusebay::test
