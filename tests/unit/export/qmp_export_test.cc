// Tests of the commands of exports: how options are understood, and what is answered without a
// mount.
#include "export/qmp_export.h"

#include "../block/qmp/qmp_fixture.h"

namespace fusebay::test {
namespace {

// Checks as the daemon does, and mounts nothing.
class FakeAdder final : public ExportAdder {
 public:
  explicit FakeAdder(Exports& exports) : exports_(exports) {}
  Task<Result<Unit, Error>> Add(FuseExportOptions options,
                                std::vector<std::string> iothreads) override {
    CO_TRY(exports_.Check(options));
    last = std::move(options);
    threads = std::move(iothreads);
    co_return Unit{};
  }
  FuseExportOptions last;
  std::vector<std::string> threads;

 private:
  Exports& exports_;
};

struct Scene {
  Bench bench;
  Exports exports{bench.graph};
  FakeAdder adder{exports};
  ExportCommands commands{exports, adder};
  QmpClient client{*bench.loop};

  Scene() {
    commands.AddTo(client.commands);
    bench.AddFake("n", 4096);
    bench.AddFake("ro", 4096, 1, /*read_only=*/true);
  }
  std::string Add(const std::string& more) {
    return client.Do("block-export-add", "{'type': 'fuse', 'mountpoint': 'm'" + more + "}");
  }
};

const std::string kDone = "{}";

TEST(AnExportHasWhatItsOptionsSay) {
  Scene scene;
  CHECK_EQ(scene.Add(", 'id': 'e', 'node-name': 'n', 'writable': true, 'growable': true,"
                     " 'writethrough': true, 'allow-other': 'off', 'cache': 'none'"),
           kDone);
  const FuseExportOptions& options = scene.adder.last;
  CHECK_EQ(options.id + options.node_name + options.mountpoint, std::string("enm"));
  CHECK(options.writable && options.growable && options.writethrough);
  CHECK(options.allow_other == OnOffAuto::kOff);
  CHECK(options.cache == ExportCache::kNone);
  CHECK(scene.adder.threads.empty());
}

TEST(WhatIsNotSaidOfAnExportHasItsDefault) {
  Scene scene;
  CHECK_EQ(scene.Add(", 'id': 'e', 'node-name': 'n'"), kDone);
  const FuseExportOptions& options = scene.adder.last;
  CHECK(!options.writable && !options.growable && !options.writethrough);
  CHECK(options.allow_other == OnOffAuto::kAuto);
  CHECK(options.cache == ExportCache::kAuto);
}

TEST(AReadOnlyExportDoesNotGrow) {
  Scene scene;
  CHECK_EQ(scene.Add(", 'id': 'e', 'node-name': 'n', 'growable': true"), kDone);
  CHECK(!scene.adder.last.growable);
}

TEST(IothreadsAreOneOrSeveral) {
  Scene scene;
  CHECK_EQ(scene.Add(", 'id': 'e', 'node-name': 'n', 'iothread': 'a', 'fixed-iothread': true"),
           kDone);
  CHECK_EQ(scene.adder.threads.size(), 1u);
  CHECK_EQ(scene.Add(", 'id': 'e', 'node-name': 'n', 'iothread': ['a', 'b']"), kDone);
  CHECK_EQ(scene.adder.threads.size(), 2u);
  CHECK_EQ(scene.Add(", 'id': 'e', 'node-name': 'n', 'iothread': []"),
           std::string("The set of iothreads must not be empty"));
}

TEST(BadExportsAreRefused) {
  Scene scene;
  CHECK_EQ(scene.Add(", 'id': '9', 'node-name': 'n'"), std::string("Invalid block export id"));
  CHECK_EQ(scene.Add(", 'id': 'e', 'node-name': 'x'"),
           std::string("Cannot find device='' nor node-name='x'"));
  CHECK_EQ(scene.Add(", 'id': 'e', 'node-name': 'ro', 'writable': true"),
           std::string("Cannot export read-only node as writable"));
}

TEST(ThereIsNothingToListOrDelete) {
  Scene scene;
  CHECK_EQ(scene.client.Do("query-block-exports"), std::string("[]"));
  CHECK_EQ(scene.client.Do("block-export-del", "{'id': 'e'}"),
           std::string("Export 'e' is not found"));
}

}  // namespace
}  // namespace fusebay::test
