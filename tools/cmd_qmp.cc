// `fusebay qmp`: sends commands to a daemon's monitor and shows what comes back.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "qmp_client.h"
#include "qmp_session.h"
#include "subcommand.h"

namespace fusebay {

namespace {

constexpr std::array kSpecs = {
    OptionSpec{"events", 'e', "", "also print the events that arrive", OptionValue::kNone},
    OptionSpec{"keep-going", 'k', "", "go on after a command from the standard input that failed",
               OptionValue::kNone},
    OptionSpec{"pretty", 'p', "", "print over several lines", OptionValue::kNone},
    OptionSpec{"timeout", 't', "SECONDS", "give up after this time", OptionValue::kRequired},
    OptionSpec{"wait-event", 'w', "NAME", "then wait for this event and print it",
               OptionValue::kRequired},
};

Result<std::optional<Clock::time_point>, Error> ParseDeadline(const std::string* text) {
  if (text == nullptr) {
    return std::optional<Clock::time_point>();
  }
  constexpr std::int64_t kLongest = 10 * 365 * 86400LL;
  double seconds = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (code != std::errc() || end != text->data() + text->size() || !(seconds >= 0) ||
      seconds > static_cast<double>(kLongest)) {
    return Error{Errno(EINVAL), "'" + *text + "' is no time in seconds"};
  }
  return std::optional<Clock::time_point>(
      Clock::now() +
      std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(seconds)));
}

// The lines of the standard input, and meanwhile what the server says.
class InputLines {
 public:
  explicit InputLines(QmpClient& client) : client_(client) {}

  // Nothing at the end.
  Result<std::optional<std::string>, Error> Next() {
    for (;;) {
      const std::size_t end = text_.find('\n');
      if (end != std::string::npos || (ended_ && !text_.empty())) {
        std::string line = text_.substr(0, end);
        text_.erase(0, end == std::string::npos ? end : end + 1);
        return std::optional(std::move(line));
      }
      if (ended_) {
        return std::optional<std::string>();
      }
      FB_ASSIGN(const bool ready, client_.WaitFor(STDIN_FILENO));
      if (ready) {
        FB_TRY(Read());
      }
    }
  }

 private:
  Result<Unit, Error> Read() {
    std::array<char, 4096> buffer;
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
      const int code = errno;
      return Error{Errno(code), std::string("standard input: ") + std::strerror(code)};
    }
    text_.append(buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    ended_ = n == 0;
    return Unit{};
  }

  QmpClient& client_;
  std::string text_;
  bool ended_ = false;
};

Result<Unit, Error> RunInput(QmpClient& client, QmpSession& session, bool keep_going) {
  InputLines lines(client);
  for (;;) {
    const Result<std::optional<std::string>, Error> line = lines.Next();
    if (!line.ok() && session.has_quit() && line.error().code == Errno(ECONNRESET)) {
      return Unit{};
    }
    if (!line.ok()) {
      return line.error();
    }
    if (!line->has_value()) {
      return Unit{};
    }
    FB_TRY(session.RunLine(**line));
    if (session.failed() && !keep_going) {
      return Unit{};
    }
  }
}

Result<Unit, Error> RunAll(const ParsedArguments& arguments, QmpClient& client,
                           QmpSession& session) {
  FB_TRY(client.Negotiate());
  const std::span<const std::string> words(std::span(arguments.operands).subspan(1));
  const bool waits = arguments.Has("wait-event");
  if (!words.empty()) {
    FB_TRY(session.RunWords(words));
  } else if (!waits) {
    FB_TRY(RunInput(client, session, arguments.Has("keep-going") || ::isatty(STDIN_FILENO) == 1));
  }
  if (session.failed() && (!words.empty() || !arguments.Has("keep-going"))) {
    return Unit{};
  }
  while (waits && !session.saw_event()) {
    FB_TRY(client.WaitForEvent());
  }
  while (words.empty() && !waits && arguments.Has("events")) {
    const Result<Unit, Error> event = client.WaitForEvent();
    if (!event.ok()) {
      // The server's end is the end of its events.
      return event.error().code == Errno(ECONNRESET) ? Result<Unit, Error>(Unit{}) : event;
    }
  }
  return Unit{};
}

int Run(const ParsedArguments& arguments) {
  if (arguments.operands.empty()) {
    return PrintUsageError("qmp", "which socket?");
  }
  const auto deadline = ParseDeadline(arguments.Value("timeout"));
  if (!deadline.ok()) {
    return PrintUsageError("qmp", deadline.error().message);
  }
  const std::string& name = arguments.operands.front();
  const auto place = ParseSocketPlace(name);
  if (!place.ok()) {
    return PrintUsageError("qmp", place.error().message);
  }
  Result<UniqueFd, Error> socket = qapi::ConnectSocket(*place, *deadline);
  if (!socket.ok()) {
    PrintError("qmp", socket.error().message);
    return kExitFailure;
  }
  QmpClient client(std::move(*socket), name, *deadline);
  const std::string* const event = arguments.Value("wait-event");
  QmpSession session(client, {.pretty = arguments.Has("pretty"),
                              .events = arguments.Has("events"),
                              .awaited = event != nullptr ? *event : std::string()});
  const Result<Unit, Error> done = RunAll(arguments, client, session);
  if (!done.ok()) {
    PrintError("qmp", done.error().message);
    return kExitFailure;
  }
  return session.failed() ? kExitFailure : kExitOk;
}

}  // namespace

const Subcommand kQmpCommand = {
    "qmp",
    "send commands to a daemon",
    "[OPTION]... SOCKET [COMMAND [KEY=VALUE]...]",
    "Connects to the monitor at SOCKET (a path, HOST:PORT or fd:NUMBER), runs COMMAND with its\n"
    "arguments and prints what it returns as JSON. KEY=VALUE has the type that the command wants,\n"
    "KEY:=JSON any; dots in KEY descend. COMMAND may be a whole request in JSON. Without COMMAND\n"
    "the standard input has one on every line.",
    [] { return std::span<const OptionSpec>(kSpecs); },
    Run,
};

}  // namespace fusebay
