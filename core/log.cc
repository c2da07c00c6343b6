// Messages to stderr or syslog.
#include "core/log.h"

#include <syslog.h>

#include <array>
#include <cstdio>

namespace fusebay {

namespace {

struct LevelInfo {
  const char* name;
  int priority;
};

constexpr std::array<LevelInfo, 4> kLevels{{
    {"error", LOG_ERR},
    {"warning", LOG_WARNING},
    {"info", LOG_INFO},
    {"debug", LOG_DEBUG},
}};

struct LogState {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::atomic<LogTarget> target{LogTarget::kStderr};
};

constinit LogState log_state;

}  // namespace

void SetLogLevel(LogLevel most_verbose) { log_state.level = most_verbose; }

void SetLogTarget(LogTarget target) {
  if (target == LogTarget::kSyslog) {
    openlog("fusebay", LOG_PID | LOG_CONS, LOG_DAEMON);
  }
  log_state.target = target;
}

void Log(LogLevel level, std::string_view message) {
  if (level > log_state.level.load()) {
    return;
  }
  const LevelInfo& info = kLevels[static_cast<std::size_t>(level)];
  const int size = static_cast<int>(message.size());
  if (log_state.target.load() == LogTarget::kSyslog) {
    syslog(info.priority, "%s: %.*s", info.name, size, message.data());
    return;
  }
  std::fprintf(stderr, "fusebay: %s: %.*s\n", info.name, size, message.data());
}

bool RateLimit::Allow() {
  const std::int64_t now = Clock::now().time_since_epoch().count();
  std::int64_t next = next_ns_.load();
  return now >= next && next_ns_.compare_exchange_strong(next, now + interval_.count());
}

}  // namespace fusebay
