// An exported node served to a LoopbackKernel: data loops, graph, file system, server and client,
// joined as FuseExport joins them, without root and without a mount.
//
// The client runs on the control loop, which is the test's own thread; the server runs on the data
// loops, which are threads of their own.
#pragma once
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "check.h"
#include "core/loop_thread.h"
#include "core/run_on.h"
#include "core/scope.h"
#include "export/single_file_fs.h"
#include "fuse/loopback_client.h"
#include "fuse/loopback_transport.h"

namespace fusebay::test {

// The loops and the graph that all exports of a test share.
class Stage {
 public:
  // With no loops of their own the data loop is the control loop: one thread does everything.
  explicit Stage(int loop_count = 1)
      : control(std::move(*AioContext::Create(
            {.name = "control", .poll_max = Nanoseconds{0}, .warn_of_stalls = false}, workers))) {
    for (int i = 0; i < loop_count; ++i) {
      auto started = LoopThread::Start({.name = "data", .warn_of_stalls = false}, workers);
      CHECK_OK(started);
      threads.push_back(std::move(*started));
      loops.push_back(&threads.back()->loop());
    }
    if (loops.empty()) {
      loops.push_back(control.get());
    }
  }
  ~Stage() { FB_ASSERT(Run(graph.CloseAll()).ok()); }

  template <class T>
  T Run(Task<T> task) {
    return control->RunUntilDone(std::move(task));
  }
  std::string Memory(std::uint64_t size) {
    BlockdevOptions options{.driver = "memory"};
    options.driver_options = MemoryOptions{.size = size};
    return Open(options);
  }
  std::string Null(std::uint64_t size, Nanoseconds latency) {
    BlockdevOptions options{.driver = "null-co"};
    options.driver_options =
        NullOptions{.size = size, .latency_ns = static_cast<std::uint64_t>(latency.count())};
    return Open(options);
  }
  std::string Open(const BlockdevOptions& options) {
    const Result<BlockNode*, Error> node = Run(graph.Open(options));
    CHECK_OK(node);
    return (*node)->node_name();
  }

  WorkerPool workers;
  std::unique_ptr<AioContext> control;
  std::vector<std::unique_ptr<LoopThread>> threads;
  std::vector<AioContext*> loops;
  BlockGraph graph;
};

struct LoopbackExportOptions {
  SingleFileOptions file{.writable = true};
  fuse::LoopbackOptions kernel{};
  fuse::LoopbackFaults faults{};
  std::uint32_t slots = 32;
  fuse::ServerHook* hook = nullptr;
  bool init_may_fail = false;  // with faults: then `initialized` tells
};

// Serves from its making until Stop, which the destructor calls.
class LoopbackExport {
 public:
  LoopbackExport(Stage& stage, const std::string& node_name,
                 const LoopbackExportOptions& options = {})
      : kernel(options.kernel, options.faults),
        client(kernel),
        stage_(stage),
        options_(options),
        transport_(kernel, options.slots) {
    CHECK_OK(stage_.Run(Start(node_name)));
    initialized = stage_.Run(client.Init()).ok();
    CHECK(initialized || options_.init_may_fail);
  }
  ~LoopbackExport() { Stop(); }

  // Ends the session as an unmount does. Whatever the server did wrong with the protocol is found
  // here.
  void Stop() {
    if (!ref_) {
      return;
    }
    FB_ASSERT(kernel.counts().refused_replies == 0);
    stage_.Run(End());
  }

  SingleFileFs& fs() { return *fs_; }
  const BlockRef& ref() const { return ref_; }

  // What a program would do with the file. Errors are errno values.
  template <class T>
  T Run(Task<T> task) {
    return stage_.Run(std::move(task));
  }
  Result<std::uint32_t> Write(std::uint64_t offset, std::string_view text) {
    return Run(client.Write(kRoot, 0, offset, std::as_bytes(std::span(text))));
  }
  // How many bytes were written, where none may be refused.
  std::uint32_t Written(std::uint64_t offset, std::string_view text) {
    const Result<std::uint32_t> n = Write(offset, text);
    CHECK_OK(n);
    return *n;
  }
  std::string Read(std::uint64_t offset, std::size_t length) {
    std::string text(length, '?');
    const Result<std::size_t> n =
        Run(client.Read(kRoot, 0, offset, std::as_writable_bytes(std::span(text))));
    CHECK_OK(n);
    text.resize(*n);
    return text;
  }
  fuse::abi::Attr Attr() {
    const Result<fuse::abi::AttrOut> attr = Run(client.GetAttr(kRoot));
    CHECK_OK(attr);
    return attr->attr;
  }
  Result<fuse::abi::AttrOut> Set(fuse::abi::SetAttrIn args) {
    return Run(client.SetAttr(kRoot, args));
  }
  Result<fuse::abi::AttrOut> Truncate(std::uint64_t size) {
    return Set({.valid = fuse::abi::kSetSize | fuse::abi::kSetHandle, .size = size});
  }
  // 0 or a positive errno of any request.
  int Call(fuse::abi::Opcode opcode, ByteSpan args = {}, std::string_view names = {}) {
    return -Run(client.Call(opcode, kRoot, args, names)).error;
  }

  static constexpr std::uint64_t kRoot = 1;
  fuse::LoopbackKernel kernel;
  fuse::LoopbackClient client;
  bool initialized = false;

 private:
  Task<Result<Unit, Error>> Start(std::string node_name) {
    {
      const BlockGraph::Drained drained = co_await stage_.graph.Drain();
      PermissionSet permissions{.used = kPermConsistentRead};
      if (options_.file.writable) {
        permissions.used |= kPermWrite | kPermResize;
      }
      CO_ASSIGN(ref_, stage_.graph.Use(node_name, permissions, "export 'test'"));
      ref_.UseOn(stage_.loops);
      fs_.emplace(stage_.graph, ref_, options_.file);
      ref_.SetObserver(&*fs_);
    }
    const Result<Unit, Error> started = co_await transport_.Start(stage_.loops);
    CO_TRY(started);
    server_.emplace(*fs_, transport_, fs_->server_options(), options_.hook);
    fs_->SetNotifier(&transport_.notifier());
    for (const std::unique_ptr<fuse::FuseChannel>& channel : transport_.channels()) {
      serving_.Spawn(Serve(*channel));
    }
    co_return Unit{};
  }
  Task<Unit> Serve(fuse::FuseChannel& channel) {
    co_await RunOn(channel.loop(), server_->ServeChannel(channel));
    co_return Unit{};
  }
  Task<Unit> End() {
    fs_->SetNotifier(nullptr);
    co_await transport_.Stop();
    co_await serving_.Join();
    const BlockGraph::Drained drained = co_await stage_.graph.Drain();
    ref_ = BlockRef();
    co_return Unit{};
  }

  Stage& stage_;
  const LoopbackExportOptions options_;
  BlockRef ref_;
  std::optional<SingleFileFs> fs_;
  fuse::LoopbackTransport transport_;
  std::optional<fuse::FuseServer> server_;
  TaskScope serving_;  // a task per channel, on the control loop
};

}  // namespace fusebay::test
