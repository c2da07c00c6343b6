// Tests of the table of chardevs.
#include "core/scope.h"
#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

namespace {

class Table : public TestLoop {
 public:
  Result<Unit, Error> Add(const std::string& text) {
    Result<ChardevConfig, Error> config = ParseChardevOption(text);
    CHECK_OK(config);
    return Run(chardevs.Add(std::move(*config)));
  }

  Chardevs chardevs;
};

Task<Unit> ConnectAsSoonAsPossible(std::string path, UniqueFd& client) {
  while (!client) {
    co_await AioContext::Current().SleepFor(std::chrono::milliseconds(1));
    client = ConnectUnix(path);
  }
  co_return Unit{};
}

}  // namespace

TEST(AnIdIsUnique) {
  Table table;
  CHECK_OK(table.Add("null,id=a"));
  CHECK_MESSAGE(table.Add("null,id=a"), "Chardev with id 'a' already exists");
}

TEST(WhatFailsToOpenIsNotThere) {
  Table table;
  CHECK_MESSAGE(table.Add("file,id=a,path=/nonexistent/x"), "Failed to open '/nonexistent/x'");
  CHECK(!table.chardevs.Has("a"));
  CHECK_OK(table.Add("null,id=a"));
}

TEST(StdioIsForOne) {
  Table table;
  CHECK_OK(table.Add("stdio,id=a"));
  CHECK_MESSAGE(table.Add("stdio,id=b"), "cannot use stdio by multiple character devices");
  CHECK_OK(table.chardevs.Remove("a"));
  CHECK_OK(table.Add("stdio,id=b"));
}

TEST(AnInheritedDescriptorIsForOne) {
  Table table;
  auto [ours, theirs] = SocketPair();
  const std::string fd = std::to_string(theirs.Release());
  CHECK_OK(table.Add("socket,id=a,fd=" + fd));
  CHECK_MESSAGE(table.Add("socket,id=b,fd=" + fd),
                "File descriptor '" + fd + "' is in use by chardev 'a'");
  CHECK(!table.chardevs.Has("b"));
  CHECK_EQ(::write(ours.get(), "x", 1), 1);  // the first one still has it
}

TEST(AUserHasItAlone) {
  Table table;
  CHECK_OK(table.Add("null,id=a"));
  const auto taken = table.chardevs.Take("a");
  CHECK_OK(taken);
  CHECK_MESSAGE(table.chardevs.Take("a"), "Device 'a' is in use");
  CHECK_MESSAGE(table.chardevs.Remove("a"), "Chardev 'a' is busy");
  CHECK_MESSAGE(table.chardevs.Take("b"), "chardev \"b\" not found");
  CHECK_MESSAGE(table.chardevs.Remove("b"), "Chardev 'b' not found");
  table.chardevs.Release(**taken);
  CHECK_OK(table.chardevs.Remove("a"));
}

TEST(TheListSaysWhatTheyAre) {
  const TempFolder folder;
  Table table;
  CHECK_OK(table.Add("socket,id=a,server=on,wait=off,path=" + (folder / "s")));
  CHECK_OK(table.Add("null,id=b"));
  const auto taken = table.chardevs.Take("b");
  CHECK_OK(taken);
  const auto list = table.chardevs.List();
  CHECK_EQ(list.size(), std::size_t{2});
  CHECK_EQ(list[0].filename, "disconnected:unix:" + (folder / "s") + ",server=on");
  CHECK(!list[0].frontend_open);
  CHECK(list[1].frontend_open);
  table.chardevs.Release(**taken);
}

TEST(AWaitThatIsStoppedEnds) {
  const TempFolder folder;
  Table table;
  table.loop->Post([&table] { AioContext::Current().Post([&table] { table.chardevs.Stop(); }); });
  CHECK_MESSAGE(table.Add("socket,id=a,server=on,path=" + (folder / "s")), "nobody connected");
}

TEST(AWaitingServerHasItsFirstClient) {
  const TempFolder folder;
  Table table;
  UniqueFd client;
  TaskScope scope;
  table.loop->Post([&] { scope.Spawn(ConnectAsSoonAsPossible(folder / "s", client)); });
  CHECK_OK(table.Add("socket,id=a,server=on,path=" + (folder / "s")));
  table.Run(scope.Join());
  CHECK(client.valid());
}
