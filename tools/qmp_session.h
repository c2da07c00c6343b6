// QmpSession: runs the commands of `fusebay qmp` and prints what they return, and events.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "qmp_client.h"
#include "qmp_types.h"

namespace fusebay {

struct QmpOutput {
  bool pretty = false;
  bool events = false;  // all of them
  std::string awaited;  // this one is printed in any case; empty: none
};

class QmpSession {
 public:
  // Handles the client's events. The client outlives it.
  QmpSession(QmpClient& client, QmpOutput output);
  QmpSession(const QmpSession&) = delete;
  QmpSession& operator=(const QmpSession&) = delete;

  // COMMAND KEY=VALUE..., or one word that is a request in JSON. An error reply is printed to
  // stderr, and so is what is wrong with the words; errors are those of the connection.
  Result<Unit, Error> RunWords(std::span<const std::string> words);
  // The same for a line: words, JSON, a comment (#) or nothing.
  Result<Unit, Error> RunLine(std::string_view line);
  // Whether anything has failed: an error reply, a bad line, an output that cannot be written.
  bool failed() const { return failed_; }
  bool saw_event() const { return saw_event_; }
  // Whether the server was told to end, and agreed.
  bool has_quit() const { return has_quit_; }

 private:
  Result<Unit, Error> RunRequest(const qapi::JsonValue& request);
  Result<Unit, Error> LearnTypes();
  void HandleEvent(const qapi::JsonValue& event);
  void Print(const qapi::JsonValue& value);
  Result<Unit, Error> Fail(std::string_view message);

  QmpClient& client_;
  const QmpOutput output_;
  std::optional<QmpTypes> types_;  // asked for when they are needed
  bool failed_ = false;
  bool saw_event_ = false;
  bool has_quit_ = false;
};

}  // namespace fusebay
