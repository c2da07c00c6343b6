// Tests of the chardevs that are no sockets, with a monitor on them.
#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

namespace {

std::string Contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Has other descriptors for stdin and stdout while it lives.
class Standard {
 public:
  Standard(int input, int output) : input_(::dup(0)), output_(::dup(1)) {
    CHECK(::dup2(input, 0) == 0 && ::dup2(output, 1) == 1);
  }
  ~Standard() {
    ::dup2(input_.get(), 0);
    ::dup2(output_.get(), 1);
  }

 private:
  UniqueFd input_;
  UniqueFd output_;
};

}  // namespace

TEST(AFilesMonitorAnswersWhatItReads) {
  const TempFolder folder;
  std::ofstream(folder / "in") << "{'execute':'qmp_capabilities'}{'execute':'hello'}";
  TestDaemon daemon;
  daemon.Serve("file,id=f,path=" + (folder / "out") + ",input-path=" + (folder / "in"), "f");
  CHECK(daemon.Until([&] { return daemon.monitors.connections() == 0; }));
  CHECK_EQ(daemon.hellos, 1);
  CHECK(Contents(folder / "out").ends_with("{\"return\": {}}\r\n{\"return\": {}}\r\n"));
}

// A test that waits for good fails by its time limit.
TEST(AFifoThatNobodyReadsIsRefused) {
  const TempFolder folder;
  const std::string path = folder / "fifo";
  CHECK_EQ(::mkfifo(path.c_str(), 0600), 0);
  TestDaemon daemon;
  Result<ChardevConfig, Error> config = ParseChardevOption("file,id=f,path=" + path);
  CHECK_OK(config);
  CHECK_MESSAGE(daemon.Run(daemon.chardevs.Add(std::move(*config))),
                "Failed to open '" + path + "': No such device or address");
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Result<ChardevConfig, Error> again = ParseChardevOption("file,id=f,path=" + path);
  CHECK_OK(daemon.Run(daemon.chardevs.Add(std::move(*again))));
}

TEST(StdioIsAMonitor) {
  const TempFolder folder;
  int requests[2];
  int replies[2];
  CHECK(::pipe2(requests, O_CLOEXEC) == 0 && ::pipe2(replies, O_CLOEXEC) == 0);
  TestDaemon daemon;
  {
    const Standard standard(requests[0], replies[1]);
    daemon.Serve("stdio,id=s", "s");
  }
  const std::string text = "{'execute':'qmp_capabilities'}";
  CHECK_EQ(::write(requests[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  std::string output;
  CHECK(daemon.Until([&] {
    pollfd ready{.fd = replies[0], .events = POLLIN, .revents = 0};
    char buffer[1024];
    if (::poll(&ready, 1, 0) == 1) {
      output.append(buffer, static_cast<std::size_t>(::read(replies[0], buffer, sizeof buffer)));
    }
    return output.ends_with("{\"return\": {}}\r\n");
  }));
  // What others share with us is as it was.
  CHECK_EQ(::fcntl(requests[0], F_GETFL) & O_NONBLOCK, 0);
  daemon.Stop();
  for (const int fd : {requests[0], requests[1], replies[0], replies[1]}) {
    ::close(fd);
  }
}

TEST(NullHasNoClient) {
  TestDaemon daemon;
  daemon.Serve("null,id=n", "n");
  daemon.Turns(3);
  CHECK_EQ(daemon.monitors.connections(), std::size_t{0});
}
