// A monitor and clients that mean harm: mutated streams, in pieces of any size.
#include <random>

#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

namespace {

constexpr int kStreams = 10'000;

using Random = std::mt19937_64;

std::size_t Below(Random& random, std::size_t limit) { return random() % limit; }

std::string Sample(Random& random) {
  static constexpr std::string_view kParts[] = {
      "{'execute':'qmp_capabilities'}",
      "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}",
      "{\"execute\": \"hello\", \"arguments\": {\"a\": [1, -2.5e3, null, true], \"b\": {}}}",
      "{'exec-oob':'hello','id':{'x':[18446744073709551615]}}",
      "{'execute':'query-commands','id':'\\u00e4\\ud83d\\ude00'}",
      "{'execute':'query-version','arguments':{'x':1}}",
      "[[[[[[[[[[]]]]]]]]]]",
      "\"text\" 12 true null ",
      "\xff",
      "\n"};
  std::string text;
  for (std::size_t count = 1 + Below(random, 8); count > 0; --count) {
    text += kParts[Below(random, std::size(kParts))];
  }
  return text;
}

std::string Mutated(Random& random, std::string text) {
  static constexpr std::string_view kBytes = "{}[]:,'\"\\ \n\x00\x1b\xff\xfe\xc3%e-.0u";
  for (std::size_t count = Below(random, 10); count > 0 && !text.empty(); --count) {
    const std::size_t at = Below(random, text.size());
    switch (Below(random, 5)) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, 1 + Below(random, 16));
        break;
      case 2:
        text.insert(at, 1 + Below(random, 40), kBytes[Below(random, kBytes.size())]);
        break;
      case 3:
        text.insert(at, text.substr(Below(random, text.size()), Below(random, 64)));
        break;
      default:
        text[at] = static_cast<char>(text[at] ^ (1 << Below(random, 8)));
    }
  }
  return text;
}

// Sends the text, whole, in pieces or byte by byte, and leaves, politely or not.
void Attack(TestDaemon& daemon, Random& random, const std::string& path) {
  const std::string text = Mutated(random, Sample(random));
  const std::size_t piece = Below(random, 3) == 0 ? 1 : 1 + Below(random, 64);
  UniqueFd fd = ConnectUnix(path);
  CHECK(fd.valid());
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const std::string_view part = std::string_view(text).substr(at, piece);
    if (::send(fd.get(), part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      break;
    }
    daemon.Turns(Below(random, 2) == 0 ? 1 : 0);
  }
  if (Below(random, 2) == 0) {
    ::shutdown(fd.get(), SHUT_WR);
    Client client(daemon, std::move(fd));
    while (!client.Line().empty()) {
    }
  }
}

std::size_t OpenDescriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

}  // namespace

TEST(MutatedStreamsHarmNobody) {
  const TempFolder folder;
  Random random(Seed());
  TestDaemon daemon;
  daemon.Serve("socket,id=q,server=on,wait=off,path=" + (folder / "s"), "q");
  const std::size_t descriptors = OpenDescriptors();
  Client good(daemon, ConnectUnix(folder / "s"));
  good.Negotiate();
  for (int i = 0; i < kStreams; ++i) {
    Attack(daemon, random, folder / "s");
    if (i % 100 == 0) {
      CHECK_EQ(good.Ask("{'execute':'hello','id':" + std::to_string(i) + "}"),
               "{\"return\": {}, \"id\": " + std::to_string(i) + "}");
    }
  }
  CHECK(daemon.Until([&] { return daemon.monitors.connections() == 1; }));
  CHECK_EQ(OpenDescriptors(), descriptors + 2);
}
