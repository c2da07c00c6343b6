// What a loopback client puts on the wire.
#include "fuse/loopback_client.h"

#include <string>

#include "raw_fixture.h"

namespace fusebay::fuse::test {
namespace {

// Has `client` ask and returns what came to the device; answers with `reply`.
template <class Ask>
RawRequest Wire(RawFixture& f, LoopbackClient& client, Ask ask, ByteSpan reply = {},
                std::int32_t error = 0) {
  f.loop->Post([&f, &client, ask] { f.scope.Spawn(ask(client)); });
  f.Turn();
  const RawRequest request = f.Read();
  f.Reply(request, error, reply);
  return request;
}

TEST(LookupCarriesTheNameAndItsEnd) {
  RawFixture f;
  f.MountAndInit();
  LoopbackClient client(f.kernel);
  const RawRequest request = Wire(
      f, client,
      [](LoopbackClient& c) -> Task<Unit> {
        CHECK_ERRNO(co_await c.Lookup(7, "abc"), ENOENT);
        co_return Unit{};
      },
      {}, -ENOENT);
  CHECK_EQ(request.opcode(), abi::Opcode::kLookup);
  CHECK_EQ(request.header().nodeid, 7u);
  CHECK_EQ(request.result, 40 + 4);
  CHECK(request.bytes.back() == std::byte{0});
}

TEST(CallerIsNamed) {
  RawFixture f;
  f.MountAndInit();
  LoopbackClient client(f.kernel);
  client.SetCaller(11, 22, 33);
  const RawRequest request = Wire(f, client, [](LoopbackClient& c) -> Task<Unit> {
    CHECK_OK(co_await c.Fsync(1, 5, true));
    co_return Unit{};
  });
  CHECK_EQ(request.header().uid, 11u);
  CHECK_EQ(request.header().gid, 22u);
  CHECK_EQ(request.header().pid, 33u);
  CHECK_EQ(request.Args<abi::FsyncIn>().fsync_flags, abi::kFsyncDataOnly);
}

TEST(ShortReadIsShort) {
  RawFixture f;
  f.MountAndInit();
  LoopbackClient client(f.kernel);
  const std::vector<std::byte> three(3, std::byte{9});
  const RawRequest request = Wire(
      f, client,
      [](LoopbackClient& c) -> Task<Unit> {
        std::byte data[100];
        const auto read = co_await c.Read(1, 2, 300, data);
        CHECK_OK(read);
        CHECK_EQ(*read, 3u);
        CHECK(data[2] == std::byte{9});
        co_return Unit{};
      },
      three);
  CHECK_EQ(request.Args<abi::ReadIn>().size, 100u);
  CHECK_EQ(request.Args<abi::ReadIn>().offset, 300u);
}

// One entry as it is on the wire.
std::vector<std::byte> DirentNamed(std::string_view name, std::uint32_t namelen) {
  const abi::Dirent head{.ino = 7, .next_offset = 8, .namelen = namelen, .type = 4};
  std::vector<std::byte> bytes(abi::AlignRecord(sizeof head + name.size()));
  std::memcpy(bytes.data(), &head, sizeof head);
  std::memcpy(bytes.data() + sizeof head, name.data(), name.size());
  return bytes;
}

TEST(DirectoryEntriesAreTakenApart) {
  RawFixture f;
  f.MountAndInit();
  LoopbackClient client(f.kernel);
  std::vector<std::byte> two = DirentNamed("one", 3);
  const std::vector<std::byte> cut = DirentNamed("a longer name", 13);
  two.insert(two.end(), cut.begin(), cut.end() - 8);
  const RawRequest request = Wire(
      f, client,
      [](LoopbackClient& c) -> Task<Unit> {
        const auto entries = co_await c.ReadDir(1, 2, 300, 512);
        CHECK_OK(entries);
        CHECK_EQ(entries->size(), 1u);
        CHECK_EQ(entries->front().name, "one");
        CHECK_EQ(entries->front().next_offset, 8u);
        co_return Unit{};
      },
      two);
  CHECK_EQ(request.Args<abi::ReadIn>().size, 512u);
  CHECK_EQ(request.Args<abi::ReadIn>().offset, 300u);
}

TEST(BadNamesInADirectoryAreAnError) {
  RawFixture f;
  f.MountAndInit();
  LoopbackClient client(f.kernel);
  for (const auto& bad : {DirentNamed("", 0), DirentNamed("a/b", 3), DirentNamed("x", 256)}) {
    Wire(
        f, client,
        [](LoopbackClient& c) -> Task<Unit> {
          CHECK_ERRNO(co_await c.ReadDir(1, 2, 0), EIO);
          co_return Unit{};
        },
        bad);
  }
}

TEST(WriteCarriesItsData) {
  RawFixture f;
  f.MountAndInit();
  LoopbackClient client(f.kernel);
  const abi::WriteOut written{5, 0};
  const RawRequest request = Wire(
      f, client,
      [](LoopbackClient& c) -> Task<Unit> {
        const std::vector<std::byte> data(5);
        const auto count = co_await c.Write(1, 2, 300, data);
        CHECK_OK(count);
        CHECK_EQ(*count, 5u);
        co_return Unit{};
      },
      BytesOf(written));
  CHECK_EQ(request.result, 40 + 40 + 5);
  CHECK_EQ(request.Args<abi::WriteIn>().size, 5u);
}

TEST(OldKernelsSendShortArguments) {
  LoopbackOptions old;
  old.minor = 8;
  RawFixture f(old);
  f.MountAndInit();
  LoopbackClient client(f.kernel);
  const auto size_of = [&](Task<Unit> (*ask)(LoopbackClient&)) {
    return Wire(f, client, ask, {}, -EIO).result;
  };
  CHECK_EQ(size_of([](LoopbackClient& c) -> Task<Unit> {
             std::byte data[8];
             CHECK_ERRNO(co_await c.Read(1, 0, 0, data), EIO);
             co_return Unit{};
           }),
           40 + 24);
  CHECK_EQ(size_of([](LoopbackClient& c) -> Task<Unit> {
             CHECK_ERRNO(co_await c.GetAttr(1), EIO);
             co_return Unit{};
           }),
           40);
}

TEST(InitOffersWhatTheKernelHas) {
  LoopbackOptions options;
  options.minor = 36;
  options.flags = abi::kInitExt | abi::kInitPassthrough | abi::kInitMaxPages;
  RawFixture f(options);
  f.Mount();
  LoopbackClient client(f.kernel);
  const abi::InitOut good = RawFixture::GoodInit();
  const RawRequest request = Wire(
      f, client,
      [](LoopbackClient& c) -> Task<Unit> {
        CHECK_OK(co_await c.Init());
        co_return Unit{};
      },
      BytesOf(good));
  const auto args = request.Args<abi::InitIn>();
  CHECK_EQ(args.minor, 36u);
  CHECK_EQ(args.flags, static_cast<std::uint32_t>(abi::kInitExt | abi::kInitMaxPages));
  CHECK_EQ(args.flags2, static_cast<std::uint32_t>(abi::kInitPassthrough >> 32));
}

TEST(InitOfAnAncientKernelIsShort) {
  LoopbackOptions options;
  options.minor = 4;
  RawFixture f(options);
  f.Mount();
  LoopbackClient client(f.kernel);
  const RawRequest request = Wire(
      f, client,
      [](LoopbackClient& c) -> Task<Unit> {
        CHECK_ERRNO(co_await c.Init(), EPROTO);
        co_return Unit{};
      },
      {}, -EPROTO);
  CHECK_EQ(request.result, 40 + 8);
}

}  // namespace
}  // namespace fusebay::fuse::test
