// QmpClient: the client's end of a QMP connection; blocks, until a deadline.
#pragma once
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "core/clock.h"
#include "qapi/chardev.h"
#include "qapi/json_stream.h"

namespace fusebay {

// "fd:N", "HOST:PORT" (no slash in it), or a path.
Result<qapi::SocketPlace, Error> ParseSocketPlace(const std::string& text);

class QmpClient {
 public:
  using EventHandler = std::function<void(const qapi::JsonValue& event)>;

  // `name` is for messages. Nothing takes longer than until `deadline`, if there is one.
  QmpClient(UniqueFd socket, std::string name, std::optional<Clock::time_point> deadline)
      : socket_(std::move(socket)), name_(std::move(name)), deadline_(deadline) {}

  void OnEvent(EventHandler handler) { on_event_ = std::move(handler); }
  // Reads the greeting and ends the negotiation.
  Result<Unit, Error> Negotiate();
  // Sends a request and returns its reply: an object with "return" or "error".
  Result<qapi::JsonValue, Error> Ask(const qapi::JsonValue& request);
  // Waits for one event. The error's code is ECONNRESET when the server has ended the connection,
  // ETIMEDOUT after the deadline.
  Result<Unit, Error> WaitForEvent();
  // Waits until the server, or `other`, has something to say; events are handled. Returns whether
  // `other` has.
  Result<bool, Error> WaitFor(int other);

 private:
  Result<qapi::JsonValue, Error> Next();
  Result<Unit, Error> ReadMore(int other);
  Result<Unit, Error> Send(std::string_view text);
  Result<Unit, Error> Poll(short events, int other);
  bool HandleEvent(const qapi::JsonValue& message);

  UniqueFd socket_;
  std::string name_;
  std::optional<Clock::time_point> deadline_;
  EventHandler on_event_ = [](const qapi::JsonValue&) {};
  qapi::JsonStream stream_;
  std::deque<qapi::JsonValue> messages_;  // read, but not looked at
  bool other_ready_ = false;
};

}  // namespace fusebay
