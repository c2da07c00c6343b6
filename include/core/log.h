// Messages for people: to stderr while there is a terminal or a parent that reads it, to syslog
// once in the background. Any thread. The one piece of process-wide state that is allowed.
#pragma once
#include <atomic>
#include <cstdint>
#include <string_view>

#include "core/clock.h"

namespace fusebay {

enum class LogLevel : std::uint8_t { kError, kWarning, kInfo, kDebug };
enum class LogTarget : std::uint8_t { kStderr, kSyslog };

void SetLogLevel(LogLevel most_verbose);
void SetLogTarget(LogTarget target);
// One line, without its end. Callers format with fmt.
void Log(LogLevel level, std::string_view message);
inline void LogError(std::string_view message) { Log(LogLevel::kError, message); }
inline void LogWarning(std::string_view message) { Log(LogLevel::kWarning, message); }
inline void LogInfo(std::string_view message) { Log(LogLevel::kInfo, message); }
inline void LogDebug(std::string_view message) { Log(LogLevel::kDebug, message); }

// At most one message of a kind per interval, so that no fault can flood the log.
//   static-free use: a member `RateLimit limit_;` and `if (limit_.Allow()) LogWarning(...)`.
class RateLimit {
 public:
  explicit RateLimit(Nanoseconds interval = std::chrono::seconds(10)) : interval_(interval) {}
  bool Allow();

 private:
  const Nanoseconds interval_;
  std::atomic<std::int64_t> next_ns_{0};
};

}  // namespace fusebay
