// Requests in, replies and events out (docs/protocols/qmp.md).
#include "qmp_connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <utility>

#include "core/log.h"
#include "qapi/monitor.h"

namespace fusebay::qapi {

namespace {

// As much as a few requests need: the stream is fed up to the end of what may be one, so that the
// queue's bound holds whatever comes in one packet.
std::string_view FirstSlice(std::string_view bytes) {
  const std::size_t end = bytes.find_first_of("}]\n");
  return bytes.substr(0, end == std::string_view::npos ? bytes.size() : end + 1);
}

}  // namespace

std::string WireText(const JsonValue& value, bool pretty) {
  std::string text = pretty ? FormatJsonPretty(value, "\r\n") : FormatJson(value);
  text += "\r\n";
  return text;
}

QmpConnection::QmpConnection(QmpService& service, ByteLink link, std::string name, bool pretty)
    : service_(service),
      link_(std::move(link)),
      input_end_(link_.input.get()),
      output_end_(link_.output()),
      name_(std::move(name)),
      pretty_(pretty),
      output_(Monitors::kMaxEventBytes) {}

Task<Unit> QmpConnection::Serve() {
  Send(Greeting(service_.version, session_));
  tasks_.Spawn(Write());
  tasks_.Spawn(Work());
  tasks_.Spawn(Read());
  co_await tasks_.Join();
  co_return Unit{};
}

void QmpConnection::SendEvent(std::string text) {
  if (muted_) {
    return;
  }
  if (!output_.PutEvent(std::move(text))) {
    LogWarning(fmt::format("monitor {}: a client that does not read its events is cut off", name_));
    Break();
  }
  Changed();
}

void QmpConnection::Hold() {
  FB_ASSERT(service_.held);
  requests_.clear();
  request_bytes_ = 0;
  Changed();
}

void QmpConnection::Finish() {
  input_ended_ = true;
  input_wait_.Cancel();
  Hold();
}

void QmpConnection::Break() {
  input_ended_ = true;
  input_wait_.Cancel();
  Mute();
}

void QmpConnection::Mute() {
  muted_ = true;
  output_.Clear();
  output_wait_.Cancel();
  Changed();
}

void QmpConnection::Send(const JsonValue& reply) {
  if (!muted_) {
    output_.PutReply(WireText(reply, pretty_));
    Changed();
  }
}

// A reply out of band does not wait for room, so what asks for it is not read before there is some.
bool QmpConnection::may_read() const {
  const bool has_room = requests_.empty() || (requests_.size() < Monitors::kMaxRequests &&
                                              request_bytes_ < Monitors::kMaxRequestBytes);
  return !service_.held && has_room && (muted_ || output_.bytes() < Monitors::kMaxOutput);
}

Task<Unit> QmpConnection::Read() {
  while (!input_ended_) {
    if (!may_read()) {
      changed_.Reset();
      co_await changed_.Wait();
    } else if (!unread_.empty()) {
      co_await TakeSlice();
    } else {
      input_ended_ = !co_await Fill();
    }
  }
  if (!service_.held) {
    std::vector<Item> rest = stream_.Finish();
    for (Item& item : rest) {
      co_await Accept(std::move(item), 0);
    }
  }
  reading_ = false;
  Changed();
  co_return Unit{};
}

// Returns false at the end of the input.
Task<bool> QmpConnection::Fill() {
  const bool ready = co_await input_wait_.For(input_end_.fd(), POLLIN);
  if (!ready) {
    co_return false;
  }
  const std::int64_t n = input_end_.Read(buffer_);
  if (n > 0) {
    unread_ = std::string_view(buffer_.data(), static_cast<std::size_t>(n));
    co_return true;
  }
  co_return n == -EAGAIN || n == -EINTR;
}

Task<Unit> QmpConnection::TakeSlice() {
  const std::string_view slice = FirstSlice(unread_);
  unread_.remove_prefix(slice.size());
  taken_bytes_ += slice.size();
  std::vector<Item> items = stream_.Feed(slice);
  for (Item& item : items) {
    co_await Accept(std::move(item), std::exchange(taken_bytes_, 0));
  }
  co_return Unit{};
}

// What is out of band runs before everything that waits.
Task<Unit> QmpConnection::Accept(Item item, std::size_t bytes) {
  if (service_.held) {
    co_return Unit{};
  }
  if (!item.ok() || !IsOutOfBand(*item, session_)) {
    requests_.push_back({std::move(item), bytes});
    request_bytes_ += bytes;
    Changed();
    co_return Unit{};
  }
  const JsonValue reply = co_await Dispatch(service_.commands, session_, std::move(*item));
  Send(reply);
  co_return Unit{};
}

Task<Unit> QmpConnection::Work() {
  while (reading_ || !requests_.empty()) {
    if (requests_.empty() || (output_.bytes() >= Monitors::kMaxOutput && !muted_)) {
      changed_.Reset();
      co_await changed_.Wait();
    } else {
      co_await RunFirst();
    }
  }
  working_ = false;
  Changed();
  co_return Unit{};
}

Task<Unit> QmpConnection::RunFirst() {
  const CoMutex::Guard guard = co_await service_.turn.Lock();
  if (requests_.empty()) {
    co_return Unit{};  // held meanwhile
  }
  Item request = std::move(requests_.front().item);
  request_bytes_ -= requests_.front().bytes;
  requests_.pop_front();
  Changed();
  if (!request.ok()) {
    Send(ParseErrorReply(request.error()));
    co_return Unit{};
  }
  const JsonValue reply = co_await Dispatch(service_.commands, session_, std::move(*request));
  Send(reply);
  co_return Unit{};
}

Task<Unit> QmpConnection::Write() {
  bool polled = false;
  while (!muted_ && (working_ || !output_.empty())) {
    if (output_.empty()) {
      changed_.Reset();
      co_await changed_.Wait();
      continue;
    }
    if (output_end_.must_poll() && !polled) {
      polled = co_await output_wait_.For(output_end_.fd(), POLLOUT);
      continue;
    }
    polled = false;
    const std::int64_t n = output_end_.Write(output_.front());
    if (n >= 0) {
      output_.Advance(static_cast<std::size_t>(n));
      Changed();
    } else if (n == -EAGAIN) {
      co_await output_wait_.For(output_end_.fd(), POLLOUT);
    } else if (n != -EINTR) {
      Mute();  // what the client sent before it left is still to be run
    }
  }
  co_return Unit{};
}

}  // namespace fusebay::qapi
