// Sessions with the real kernel, end to end.
#include "fuse/dev_transport.h"

#include <sys/mman.h>

#include <thread>

#include "core/loop_thread.h"
#include "echo_fixture.h"
#include "mount_fixture.h"

namespace fusebay::fuse::test {
namespace {

DevTransportOptions OptionsFor(const std::string& mountpoint, std::uint32_t max_payload) {
  DevTransportOptions options;
  options.mount.mountpoint = mountpoint;
  options.mount.fsname = "test";
  options.max_payload = max_payload;
  options.slots_per_channel = 8;
  return options;
}

// A control loop on this thread, data loops on their own; this thread is the client, too.
class Export {
 public:
  explicit Export(const std::string& mountpoint, std::size_t loop_count = 1,
                  std::uint32_t max_payload = 1u << 20)
      : transport(OptionsFor(mountpoint, max_payload)) {
    auto made = AioContext::Create(AioContextOptions{}, workers);
    FB_ASSERT(made.ok());
    control = std::move(*made);
    for (std::size_t i = 0; i < loop_count; ++i) {
      auto thread = LoopThread::Start(AioContextOptions{}, workers);
      FB_ASSERT(thread.ok());
      threads.push_back(std::move(*thread));
      loops.push_back(&threads.back()->loop());
    }
    server.note = false;
    server.hold_flush = false;
  }
  ~Export() { Stop(); }

  Result<Unit, Error> Start() {
    return control->RunUntilDone([](Export& self) -> Task<Result<Unit, Error>> {
      const Result<Unit, Error> started = co_await self.transport.Start(self.loops);
      if (started.ok()) {
        for (const std::unique_ptr<FuseChannel>& channel : self.transport.channels()) {
          self.serving.Spawn(ServeOn(self, *channel));
        }
      }
      co_return started;
    }(*this));
  }
  void Stop() {
    control->RunUntilDone([](Export& self) -> Task<Unit> {
      co_await self.transport.Stop();
      co_await self.serving.Join();
      co_return Unit{};
    }(*this));
  }
  // Until every channel's session has ended by itself.
  void Join() { control->RunUntilDone(serving.Join()); }

  WorkerPool workers;
  std::unique_ptr<AioContext> control;
  std::vector<std::unique_ptr<LoopThread>> threads;
  std::vector<AioContext*> loops;
  DevTransport transport;
  EchoServer server{transport};
  TaskScope serving;

 private:
  static Task<Unit> ServeOn(Export& self, FuseChannel& channel) {
    co_await RunOn(channel.loop(), self.server.Serve(channel));
    co_return Unit{};
  }
};

UniqueFd Open(const std::string& path, int flags = O_RDONLY) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  CHECK(fd.valid());
  return fd;
}

bool ReadsPattern(int fd, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> data(size);
  if (::pread(fd, data.data(), size, static_cast<off_t>(offset)) != static_cast<ssize_t>(size)) {
    return false;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] != EchoServer::Pattern(offset + i)) {
      return false;
    }
  }
  return true;
}

TEST(FileIsServed) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file);
  CHECK_OK(e.Start());
  const UniqueFd fd = Open(place.file, O_RDWR);
  struct stat st{};
  CHECK_EQ(::fstat(fd.get(), &st), 0);
  CHECK_EQ(st.st_size, static_cast<off_t>(EchoServer::kFileSize));
  CHECK(ReadsPattern(fd.get(), 12345, 3u << 20));
  const std::string data(2u << 20, 'x');
  CHECK_EQ(::pwrite(fd.get(), data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
}

TEST(DirectReadsOfAMebibyteAreOneRequest) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file);
  e.server.note = true;
  CHECK_OK(e.Start());
  const UniqueFd fd = Open(place.file, O_RDONLY | O_DIRECT);
  void* const buffer = ::mmap(nullptr, 1u << 20, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  CHECK_EQ(::pread(fd.get(), buffer, 1u << 20, 0), 1 << 20);
  CHECK(static_cast<std::byte*>(buffer)[300] == EchoServer::Pattern(300));
  ::munmap(buffer, 1u << 20);
  e.Stop();
  int reads = 0;
  for (const Seen& seen : e.server.seen) {
    reads += seen.opcode == abi::Opcode::kRead ? 1 : 0;
  }
  CHECK_EQ(reads, 1);
}

TEST(SmallPayloadsServeLargeReads) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file, 1, 4096);
  CHECK_OK(e.Start());
  const UniqueFd fd = Open(place.file, O_RDWR);
  CHECK(ReadsPattern(fd.get(), 1000, 100'000));
  const std::string data(100'000, 'x');
  CHECK_EQ(::pwrite(fd.get(), data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
}

TEST(SeveralLoopsServeSeveralClients) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file, 3);
  CHECK_OK(e.Start());
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (std::uint64_t client = 0; client < 4; ++client) {
    clients.emplace_back([&, client] {
      const UniqueFd fd = Open(place.file);
      bool all = true;
      for (std::uint64_t i = 0; i < 100; ++i) {
        all = ReadsPattern(fd.get(), client * 100'000'000 + i * 1'000'003, 20'000) && all;
      }
      good += all ? 1 : 0;
    });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  CHECK_EQ(good.load(), 4);
}

TEST(UnmountByTheUserEndsTheSession) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file, 2);
  CHECK_OK(e.Start());
  CHECK_EQ(::umount2(place.file.c_str(), 0), 0);
  e.Join();
  CHECK_EQ(e.server.ended.load(), 16);
  e.Stop();
}

TEST(SessionCanBeStartedAgain) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file);
  for (int i = 0; i < 3; ++i) {
    CHECK_OK(e.Start());
    CHECK(ReadsPattern(Open(place.file).get(), 5, 5000));
    e.Stop();
    CHECK_EQ(TopMount(place.file).type, "");
  }
}

TEST(StopCutsOpenFilesOff) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file);
  CHECK_OK(e.Start());
  const UniqueFd fd = Open(place.file);
  e.Stop();
  char byte = 0;
  CHECK_EQ(::pread(fd.get(), &byte, 1, 0), -1);
  CHECK_EQ(errno, ENOTCONN);
}

TEST(MountOnTopStaysWhenTheSessionStops) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file);
  CHECK_OK(e.Start());
  CHECK_EQ(::mount("/proc/self/status", place.file.c_str(), nullptr, MS_BIND, nullptr), 0);
  e.Stop();
  CHECK_EQ(TopMount(place.file).type, "proc");
}

TEST(FailedMountIsTold) {
  Export e("/nowhere/image");
  CHECK_MESSAGE(e.Start(), "Failed to mount FUSE session to export");
  CHECK(e.transport.channels().empty());
}

TEST(UnservedSessionCanBeStopped) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file);
  CHECK_OK(e.control->RunUntilDone(e.transport.Start(e.loops)));
  CHECK_EQ(TopMount(place.file).type, std::string(kMountType));
  e.Stop();
  CHECK_EQ(TopMount(place.file).type, "");
}

TEST(InvalidatedDataIsReadAgain) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file);
  CHECK_OK(e.Start());
  const UniqueFd fd = Open(place.file);
  CHECK(ReadsPattern(fd.get(), 0, 4096));
  e.server.salt = 1;
  CHECK(ReadsPattern(fd.get(), 0, 4096));  // from the page cache
  e.transport.notifier().InvalidateInode(NodeId::kRoot, 0, 4096);
  bool fresh = false;
  for (int i = 0; i < 10'000 && !fresh; ++i) {
    fresh = !ReadsPattern(fd.get(), 0, 4096);
    ::usleep(2000);
  }
  CHECK(fresh);
}

TEST(MountEntryIsKnown) {
  RequireMounts();
  const TemporaryMountpoints place;
  Export e(place.file);
  CHECK_OK(e.Start());
  CHECK(e.transport.mount_entry().has_value());
  CHECK_EQ(e.transport.mount_entry()->mountpoint, place.file);
  CHECK(e.transport.allow_other());
}

}  // namespace
}  // namespace fusebay::fuse::test
