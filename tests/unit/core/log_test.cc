// Messages: level, form, and rate limit.
#include "core/log.h"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "core_fixture.h"

namespace fusebay::test {

namespace {

// What fn writes to stderr.
template <class F>
std::string StderrOf(F fn) {
  const Pipe pipe;
  std::fflush(stderr);
  const UniqueFd saved(::dup(STDERR_FILENO));
  ::dup2(pipe.writer.get(), STDERR_FILENO);
  fn();
  std::fflush(stderr);
  ::dup2(saved.get(), STDERR_FILENO);
  std::string text(4096, '\0');
  const ssize_t n = ::read(pipe.reader.get(), text.data(), text.size());
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text;
}

}  // namespace

TEST(MessageHasProgramLevelAndText) {
  CHECK_EQ(StderrOf([] { LogWarning("disk is slow"); }), "fusebay: warning: disk is slow\n");
}

TEST(MessagesBelowTheLevelAreDropped) {
  CHECK_EQ(StderrOf([] { LogDebug("x"); }), "");
  SetLogLevel(LogLevel::kDebug);
  CHECK_EQ(StderrOf([] { LogDebug("x"); }), "fusebay: debug: x\n");
  SetLogLevel(LogLevel::kInfo);
}

TEST(RateLimitAllowsOnePerInterval) {
  RateLimit slow(std::chrono::hours(1));
  CHECK(slow.Allow());
  CHECK(!slow.Allow());
  RateLimit unlimited(Nanoseconds(0));
  CHECK(unlimited.Allow());
  CHECK(unlimited.Allow());
}

}  // namespace fusebay::test
