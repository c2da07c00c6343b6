// Tests of the wait after an unmount.
#include "unmount_wait.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tools_fixture.h"

using namespace fusebay;
using fusebay::test::Entry;
using std::chrono::milliseconds;

namespace {

// A process that stands for a server. It lives until told to end.
class Server {
 public:
  explicit Server(std::vector<ExportRecord::Mount> mounts) {
    record.pid = ::fork();
    if (record.pid == 0) {
      ::pause();
      ::_exit(0);
    }
    CHECK(record.pid > 0);
    record.start_time = *ProcessStartTime(record.pid);
    record.mounts = std::move(mounts);
  }
  ~Server() { End(); }
  void End() {
    if (!ended_) {
      ended_ = true;
      ::kill(record.pid, SIGKILL);
      ::waitpid(record.pid, nullptr, 0);
    }
  }
  ExportRecord record;

 private:
  bool ended_ = false;
};

const fuse::MountEntry kEntry = Entry(7, "/srv/m", 40);

}  // namespace

TEST(EndedProcessIsNotWaitedFor) {
  Server server({{"/srv/m", 0, 40}});
  server.End();
  CHECK_OK(WaitForExportEnd(server.record, kEntry, milliseconds(5000),
                            [] { return std::vector<ExportRecord>{}; }));
}

TEST(ProcessThatStaysIsReported) {
  const Server server({{"/srv/m", 0, 40}});
  CHECK_MESSAGE(WaitForExportEnd(server.record, kEntry, milliseconds(50),
                                 [] { return std::vector<ExportRecord>{}; }),
                "has not finished");
}

TEST(ProcessThatEndsMeanwhileIsSeen) {
  Server server({{"/srv/m", 0, 40}});
  const pid_t killer = ::fork();
  if (killer == 0) {
    ::usleep(50'000);
    ::kill(server.record.pid, SIGKILL);
    ::_exit(0);
  }
  CHECK_OK(WaitForExportEnd(server.record, kEntry, milliseconds(5000),
                            [] { return std::vector<ExportRecord>{}; }));
  ::waitpid(killer, nullptr, 0);
}

TEST(ProcessWithOtherMountsIsAskedForByTheRegistry) {
  const Server server({{"/srv/m", 0, 40}, {"/srv/n", 0, 41}});
  ExportRecord later = server.record;
  int reads = 0;
  CHECK_OK(WaitForExportEnd(server.record, kEntry, milliseconds(5000), [&later, &reads] {
    if (++reads == 3) {
      later.mounts.erase(later.mounts.begin());
    }
    return std::vector<ExportRecord>{later};
  }));
  CHECK_EQ(reads, 3);
}

TEST(ExportOfADaemonMayEndBeforeItsProcess) {
  Server server({{"/srv/m", 0, 40}});
  server.record.export_id = "e";
  ExportRecord other = server.record;
  other.export_id = "other";
  CHECK_OK(WaitForExportEnd(server.record, kEntry, milliseconds(5000),
                            [&other] { return std::vector<ExportRecord>{other}; }));
}
