// QmpConnection: one client of a monitor, from its greeting to its end.
//
// Three tasks: Read takes requests from the input into a queue, Work runs them in order, Write
// sends what they and events put into the output. The end comes from the input to the output: no
// more input, then no more requests, then no more output.
#pragma once
#include <array>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "byte_io.h"
#include "core/scope.h"
#include "core/sync.h"
#include "fd_wait.h"
#include "output_queue.h"
#include "qapi/chardev.h"
#include "qapi/json_stream.h"
#include "qapi/qmp.h"

namespace fusebay::qapi {

// What all connections share. Outlives them.
struct QmpService {
  const QmpCommands& commands;
  QmpVersion version;
  CoMutex turn{};     // whose request runs
  bool held = false;  // no more requests are begun
};

class QmpConnection {
 public:
  // `name` is for messages.
  QmpConnection(QmpService& service, ByteLink link, std::string name, bool pretty);

  // Until the connection has ended.
  Task<Unit> Serve();
  bool negotiated() const { return session_.negotiated; }
  bool pretty() const { return pretty_; }
  // `text` is the whole event with its line ends. A client that does not read them is cut off.
  void SendEvent(std::string text);
  // Drops what waits; to be called when service.held became true.
  void Hold();
  // After Hold: ends when the output has left.
  void Finish();
  // Ends without waiting for the client.
  void Break();

 private:
  using Item = Result<JsonValue, Error>;
  struct Request {
    Item item;
    std::size_t bytes;  // as they came
  };

  Task<Unit> Read();
  Task<bool> Fill();
  Task<Unit> TakeSlice();
  Task<Unit> Accept(Item item, std::size_t bytes);
  Task<Unit> Work();
  Task<Unit> RunFirst();
  Task<Unit> Write();
  void Send(const JsonValue& reply);
  void Mute();
  bool may_read() const;
  // Wakes whichever task waits for something of the others.
  void Changed() { changed_.Set(); }

  QmpService& service_;
  const ByteLink link_;
  const ByteEnd input_end_;
  const ByteEnd output_end_;
  const std::string name_;
  const bool pretty_;

  QmpSession session_;
  JsonStream stream_;
  std::deque<Request> requests_;
  std::size_t request_bytes_ = 0;  // of requests_
  std::size_t taken_bytes_ = 0;    // of the request that the stream is in
  OutputQueue output_;
  std::array<char, 4096> buffer_;
  std::string_view unread_;   // of buffer_: what the stream has not seen
  bool input_ended_ = false;  // the client sends no more, or we do not listen
  bool reading_ = true;       // Read has not ended
  bool working_ = true;       // Work has not ended
  bool muted_ = false;        // nothing reaches the client any more
  FdWait input_wait_;
  FdWait output_wait_;
  CoEvent changed_;
  TaskScope tasks_;
};

// A value as clients see it, with its line ends.
std::string WireText(const JsonValue& value, bool pretty);

}  // namespace fusebay::qapi
