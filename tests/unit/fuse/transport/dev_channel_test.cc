// The channel between a FuseDevice and its slots.
#include "fuse/transport/dev_channel.h"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include "count_allocations.h"
#include "loopback_session.h"

namespace fusebay::fuse::test {
namespace {

using Session = LoopbackSession;

TEST(ReadReturnsWhatTheServerPutThere) {
  Session s;
  s.Run([](Session& t) -> Task<Unit> {
    std::vector<std::byte> data(100'000);
    const auto read = co_await t.client.Read(1, 0, 7, data);
    CHECK_OK(read);
    CHECK_EQ(*read, data.size());
    for (std::size_t i = 0; i < data.size(); ++i) {
      CHECK(data[i] == EchoServer::Pattern(7 + i));
    }
    co_return Unit{};
  });
}

TEST(WriteDataIsPageAligned) {
  Session s;
  s.Run([](Session& t) -> Task<Unit> {
    const std::vector<std::byte> data(1u << 20, std::byte{0x5a});
    const auto written = co_await t.client.Write(1, 0, 0, data);
    CHECK_OK(written);
    CHECK_EQ(*written, 1u << 20);
    const Seen& seen = t.server.seen.at(0);
    CHECK_EQ(seen.head, 80u);
    CHECK_EQ(seen.payload, 1u << 20);
    CHECK(seen.aligned);
    co_return Unit{};
  });
}

TEST(OldClientsWriteDataIsPageAlignedToo) {
  LoopbackOptions old;
  old.minor = 8;
  Session s(4, 1u << 20, old);
  s.Run([](Session& t) -> Task<Unit> {
    std::vector<std::byte> data(1u << 20);
    data[0] = std::byte{0x77};
    const auto written = co_await t.client.Write(1, 0, 0, data);
    CHECK_OK(written);
    const Seen& seen = t.server.seen.at(0);
    CHECK_EQ(seen.head, 64u);
    CHECK_EQ(seen.payload, 1u << 20);
    CHECK(seen.aligned);
    CHECK(seen.first == std::byte{0x77});
    co_return Unit{};
  });
}

TEST(SlotsFillUpAndTheRestWaits) {
  Session s(2);
  s.Run([](Session& t) -> Task<Unit> {
    for (int i = 0; i < 5; ++i) {
      t.scope.Spawn(Session::Flush(t));
    }
    co_await t.Settle();
    CHECK_EQ(t.server.holding, 2u);
    CHECK_EQ(t.kernel.counts().requests_read, 3u);  // with INIT
    t.server.let_go.Set();
    while (t.flush_errors.size() < 5) {
      co_await t.loop->Yield();
    }
    co_return Unit{};
  });
  CHECK_EQ(s.server.cancelled, 0);
}

TEST(EndOfTheSessionEndsEveryExchange) {
  Session s(3);
  s.Run([](Session& t) -> Task<Unit> {
    t.kernel.Abort();
    while (t.server.ended < 3) {
      co_await t.loop->Yield();
    }
    co_return Unit{};
  });
}

TEST(ShutdownCancelsRequestsInProgress) {
  Session s(3);
  s.Run([](Session& t) -> Task<Unit> {
    t.scope.Spawn(Session::Flush(t));
    co_await t.Settle();
    CHECK_EQ(t.server.holding, 1u);
    t.channel().Shutdown();
    co_await t.Settle();
    CHECK_EQ(t.server.ended, 3);
    CHECK_EQ(t.server.cancelled, 1);
    CHECK_EQ(t.flush_errors.at(0), EINTR);  // the reply still left
    co_return Unit{};
  });
}

TEST(StopWaitsForRequestsInProgress) {
  Session s(2);
  s.Run([](Session& t) -> Task<Unit> {
    t.scope.Spawn(Session::Flush(t));
    co_await t.Settle();
    CHECK_EQ(t.server.holding, 1u);
    co_return Unit{};
  });
  CHECK_EQ(s.server.holding, 0u);
  CHECK_EQ(s.flush_errors.at(0), ECONNABORTED);
}

TEST(ReplyToAnAbortedRequestIsNoError) {
  Session s;
  s.Run([](Session& t) -> Task<Unit> {
    t.scope.Spawn(Session::Flush(t));
    co_await t.Settle();
    CHECK_OK(t.channel().Reply(t.kernel.last_unique() + 100, 0, {}));
    co_return Unit{};
  });
}

TEST(ParkedRequestIsAnsweredWithoutASlot) {
  Session s(1);
  s.Run([](Session& t) -> Task<Unit> {
    t.scope.Spawn([](Session& u) -> Task<Unit> {
      const LoopbackReply reply = co_await u.client.Call(abi::Opcode::kSetLkw, 1);
      u.flush_errors.push_back(reply.error);
      co_return Unit{};
    }(t));
    co_await t.Settle();
    CHECK(t.server.parked != 0);
    std::byte one[1];
    CHECK_OK(co_await t.client.Read(1, 0, 0, one));  // the only slot is free
    CHECK(t.flush_errors.empty());
    CHECK_OK(t.channel().Reply(t.server.parked, -EDEADLK, {}));
    co_await t.Settle();
    CHECK_EQ(t.flush_errors.at(0), -EDEADLK);
    co_return Unit{};
  });
}

TEST(RefusedReplyBecomesEio) {
  Session s;
  s.Run([](Session& t) -> Task<Unit> {
    t.server.bad_reply = 300;
    const LoopbackReply reply = co_await t.client.Call(abi::Opcode::kGetAttr, 1, {}, {}, {}, 104);
    CHECK_EQ(reply.error, -EIO);
    co_return Unit{};
  });
}

TEST(InjectedScrapsAreSurvived) {
  Session s;
  s.Run([](Session& t) -> Task<Unit> {
    const std::vector<std::byte> scrap(39);
    for (std::size_t size = 0; size < scrap.size(); ++size) {
      t.kernel.Inject(std::span(scrap).first(size));
    }
    std::byte one[1];
    CHECK_OK(co_await t.client.Read(1, 0, 0, one));
    co_return Unit{};
  });
}

TEST(FaultyReadsAreTriedAgain) {
  LoopbackFaults faults;
  faults.seed = ::fusebay::test::Seed();
  faults.read_eintr = 400;
  faults.read_enoent = 400;
  faults.interrupts = 300;
  Session s(2, 1u << 20, {}, faults);
  s.Run([](Session& t) -> Task<Unit> {
    std::byte data[512];
    for (int i = 0; i < 500; ++i) {
      CHECK_OK(co_await t.client.Read(1, 0, 0, data));
    }
    co_return Unit{};
  });
}

TEST(ReadAllocatesNothing) {
  Session s;
  s.server.note = false;
  s.Run([](Session& t) -> Task<Unit> {
    std::byte data[4096];
    for (int i = 0; i < 100; ++i) {
      CHECK_OK(co_await t.client.Read(1, 0, 0, data));
    }
    const std::uint64_t before = fusebay::test::AllocationsOfThisThread();
    for (int i = 0; i < 100; ++i) {
      CHECK_OK(co_await t.client.Read(1, 0, 0, data));
    }
    CHECK_EQ(fusebay::test::AllocationsOfThisThread() - before, 0u);
    co_return Unit{};
  });
}

std::size_t ResidentPages(const FuseSlot& slot) {
  std::size_t pages = 0;
  std::vector<unsigned char> map(256);
  slot.payload_out.ForEach([&](std::byte* p, std::size_t n) {
    CHECK_EQ(::mincore(p, n, map.data()), 0);
    for (const unsigned char page : map) {
      pages += page & 1;
    }
  });
  return pages;
}

TEST(IdleChannelGivesItsMemoryBack) {
  Session s(1);
  s.Run([](Session& t) -> Task<Unit> {
    std::vector<std::byte> data(1u << 20);
    CHECK_OK(co_await t.client.Read(1, 0, 0, data));
    const FuseSlot& slot = *t.channel().slots()[0];
    CHECK_EQ(ResidentPages(slot), 256u);
    for (int i = 0; i < 200 && ResidentPages(slot) != 0; ++i) {
      co_await t.loop->SleepFor(DevChannel::kIdleTime / 10);
    }
    CHECK_EQ(ResidentPages(slot), 0u);
    CHECK_OK(co_await t.client.Read(1, 0, 0, data));
    CHECK(data[9] == EchoServer::Pattern(9));
    co_return Unit{};
  });
}

// A device that gives a scripted answer to every read.
class ScriptedDevice final : public FuseDevice {
 public:
  ScriptedDevice(int fd, ssize_t read_result) : fd_(fd), read_result_(read_result) {}
  int poll_fd() const override { return fd_; }
  ssize_t Read(std::byte*, std::size_t) override { return read_result_; }
  ssize_t Write(std::span<const iovec>) override { return -ENODEV; }

 private:
  const int fd_;
  const ssize_t read_result_;
};

// How an Exchange on such a device ends; it must.
int EndOf(int fd, ssize_t read_result) {
  WorkerPool workers;
  auto loop = AioContext::Create(AioContextOptions{}, workers);
  CHECK_OK(loop);
  DevSession session;
  auto channel = DevChannel::Create(**loop, session,
                                    std::make_unique<ScriptedDevice>(fd, read_result), 1, 4096);
  CHECK_OK(channel);
  return (*loop)->RunUntilDone([](DevChannel& c) -> Task<int> {
    co_await c.Open();
    const Result<> got = co_await c.Exchange(*c.slots()[0]);
    co_await c.Close();
    co_return got.ok() ? 0 : got.error().value();
  }(**channel));
}

TEST(PollErrorAloneIsTheEnd) {
  int ends[2];
  CHECK_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  CHECK_EQ(EndOf(ends[1], -EAGAIN), ENODEV);
  ::close(ends[1]);
}

TEST(EnodevIsTheEnd) {
  const UniqueFd fd(::eventfd(0, 0));
  CHECK_EQ(EndOf(fd.get(), -ENODEV), ENODEV);
  CHECK_EQ(EndOf(fd.get(), -ECONNABORTED), ENODEV);
}

TEST(StrangeReadErrorIsTheEnd) {
  const UniqueFd fd(::eventfd(0, 0));
  CHECK_EQ(EndOf(fd.get(), -EPERM), ENODEV);
}

TEST(DescriptorThatCannotBePolledIsTheEnd) { CHECK_EQ(EndOf(-1, -EAGAIN), ENODEV); }

}  // namespace
}  // namespace fusebay::fuse::test
