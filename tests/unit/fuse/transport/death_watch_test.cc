// DeathWatch: how long the descriptor is held.
#include "fuse/transport/death_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>

#include "check.h"

using namespace fusebay;
using namespace fusebay::fuse;

namespace {

// One end of a pipe is held by the watch; the other sees whether it still is.
struct Held {
  Held() {
    std::array<int, 2> ends{-1, -1};
    CHECK_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    seen = UniqueFd(ends[0]);
    auto started = DeathWatch::Start(UniqueFd(ends[1]), "/");
    CHECK_OK(started);
    watch = std::move(*started);
  }
  bool IsClosedWithin(int time_ms) const {
    pollfd end{.fd = seen.get(), .events = 0, .revents = 0};
    return ::poll(&end, 1, time_ms) == 1 && (end.revents & POLLHUP) != 0;
  }
  UniqueFd seen;
  DeathWatch watch;
};

}  // namespace

TEST(DescriptorIsHeldWhileWeLive) {
  const Held held;
  CHECK(!held.IsClosedWithin(100));
}

TEST(ReleaseLetsItGoAtOnce) {
  Held held;
  held.watch.Release();
  CHECK(held.IsClosedWithin(4000));
}
