// The daemon's exports, with real mounts: what is cut off when the process ends at once.
#include "daemon_exports.h"

#include <unistd.h>

#include <atomic>

#include "../fuse/transport/mount_fixture.h"
#include "core/scope.h"
#include "tools_fixture.h"

using namespace fusebay;
using fuse::test::TemporaryMountpoints;
using fuse::test::TopMount;

namespace {

constexpr std::uint64_t kSize = 1 << 20;
constexpr unsigned kTimeoutSeconds = 60;

// Holds up whoever asks for its size on the disk, as a first look at the mounted file does.
class SlowNode final : public BlockNode {
 public:
  SlowNode() : BlockNode("disk", "slow", /*read_only=*/true) { set_size(kSize); }

  std::atomic<bool> held = true;

 private:
  Task<Result<>> DoRead(std::uint64_t, IoVec dst) override {
    dst.Fill(std::byte{});
    return Ok();
  }
  Task<Result<ImageInfo, Error>> DoInfo() override {
    return Task<Result<ImageInfo, Error>>(ImageInfo{.filename = "slow.img"});
  }
  Task<Result<std::uint64_t>> DoAllocatedSize() override {
    while (held) {
      co_await AioContext::Current().SleepFor(std::chrono::milliseconds(1));
    }
    co_return kSize;
  }
};

struct NoEvents : qapi::QmpEventSink {
  void Emit(const qapi::JsonValue&) override {}
};

struct Scene {
  Scene() {
    fuse::test::RequireMounts();
    ::alarm(kTimeoutSeconds);
    auto made = std::make_unique<SlowNode>();
    node = made.get();
    CHECK_OK(graph.Add(std::move(made)));
  }
  ~Scene() {
    static_cast<void>(control->RunUntilDone(exports.exports().StopAll()).ok());
    FB_ASSERT(control->RunUntilDone(graph.CloseAll()).ok());
    ::alarm(0);
  }
  void BeginToAdd() {
    control->Post([this] { adding.Spawn(Add()); });
  }
  void RunUntilMounted() const {
    while (TopMount(where.file).type != fuse::kMountType) {
      if (!control->RunOnce(false)) {
        ::usleep(1000);
      }
    }
  }
  Task<Unit> Add() {
    const Result<Unit, Error> added =
        co_await exports.Add({.id = "e", .node_name = "disk", .mountpoint = where.file}, {});
    was_added = added.ok();
    co_return Unit{};
  }

  WorkerPool workers;
  std::unique_ptr<AioContext> control =
      std::move(*AioContext::Create({.name = "control", .warn_of_stalls = false}, workers));
  TemporaryMountpoints where;
  BlockGraph graph;
  DaemonObjects objects{workers};
  DataLoops loops{workers, 1};
  NoEvents events;
  DaemonExports exports{graph, objects, loops, events};
  SlowNode* node = nullptr;
  TaskScope adding;
  bool was_added = false;
};

}  // namespace

TEST(CutOffTakesMountsAway) {
  Scene s;
  s.node->held = false;
  s.BeginToAdd();
  s.RunUntilMounted();
  s.control->RunUntilDone(s.adding.Join());
  CHECK(s.was_added);
  s.exports.CutOff();
  CHECK_EQ(TopMount(s.where.file).type, "");
}

TEST(CutOffTakesAMountAwayThatIsBeingMade) {
  Scene s;
  s.BeginToAdd();
  s.RunUntilMounted();
  CHECK_EQ(s.adding.running(), 1u);
  s.exports.CutOff();
  CHECK_EQ(TopMount(s.where.file).type, "");
  s.node->held = false;
  s.control->RunUntilDone(s.adding.Join());
}
