// Reads and writes QMP from the client's side.
#include "qmp_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace fusebay {

using qapi::JsonDict;
using qapi::JsonValue;

namespace {

bool IsNumber(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool HasMember(const JsonValue& value, std::string_view key) {
  const JsonDict* const dict = value.AsDict();
  return dict != nullptr && dict->Find(key) != nullptr;
}

}  // namespace

Result<qapi::SocketPlace, Error> ParseSocketPlace(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const bool has_number = colon != std::string::npos && text.find('/') == std::string::npos &&
                          IsNumber(std::string_view(text).substr(colon + 1));
  if (!has_number) {
    return qapi::SocketPlace(qapi::UnixPlace{.path = text});
  }
  std::string host = text.substr(0, colon);
  const std::string number = text.substr(colon + 1);
  if (host == "fd") {
    int fd = -1;
    const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), fd);
    if (code != std::errc()) {
      return Error{Errno(EINVAL), fmt::format("{}: no number of a descriptor", text)};
    }
    return qapi::SocketPlace(qapi::FdPlace{.fd = fd});
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  return qapi::SocketPlace(qapi::InetPlace{host, number, std::nullopt, std::nullopt});
}

Result<Unit, Error> QmpClient::Negotiate() {
  FB_ASSIGN(const JsonValue greeting, Next());
  if (!HasMember(greeting, "QMP")) {
    return Error{Errno(EPROTO), fmt::format("{}: no QMP server is there", name_)};
  }
  FB_ASSIGN(const JsonValue reply, Ask(JsonDict{{"execute", "qmp_capabilities"}}));
  if (!HasMember(reply, "return")) {
    return Error{Errno(EPROTO), fmt::format("{}: the server refuses to negotiate", name_)};
  }
  return Unit{};
}

Result<JsonValue, Error> QmpClient::Ask(const JsonValue& request) {
  FB_TRY(Send(qapi::FormatJson(request) + "\n"));
  for (;;) {
    FB_ASSIGN(JsonValue message, Next());
    if (!HandleEvent(message)) {
      return message;
    }
  }
}

Result<Unit, Error> QmpClient::WaitForEvent() {
  for (;;) {
    FB_ASSIGN(const JsonValue message, Next());
    if (HandleEvent(message)) {
      return Unit{};
    }
  }
}

Result<bool, Error> QmpClient::WaitFor(int other) {
  other_ready_ = false;
  if (messages_.empty()) {
    FB_TRY(ReadMore(other));
  }
  while (!messages_.empty()) {
    HandleEvent(messages_.front());
    messages_.pop_front();
  }
  return other_ready_;
}

Result<JsonValue, Error> QmpClient::Next() {
  while (messages_.empty()) {
    FB_TRY(ReadMore(-1));
  }
  JsonValue message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

// Returns without having read when `other` is ready and the server is not.
Result<Unit, Error> QmpClient::ReadMore(int other) {
  FB_TRY(Poll(POLLIN, other));
  std::array<char, 65536> buffer;
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    return Unit{};
  }
  if (n <= 0) {
    return Error{Errno(ECONNRESET), fmt::format("{}: the server closed the connection", name_)};
  }
  for (Result<JsonValue, Error>& item :
       stream_.Feed(std::string_view(buffer.data(), static_cast<std::size_t>(n)))) {
    if (!item.ok()) {
      return Error{Errno(EPROTO),
                   fmt::format("{}: the server sent no JSON: {}", name_, item.error().message)};
    }
    messages_.push_back(std::move(*item));
  }
  return Unit{};
}

Result<Unit, Error> QmpClient::Send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      FB_TRY(Poll(POLLOUT, -1));
    } else if (errno != EINTR) {
      return Error{Errno(ECONNRESET), fmt::format("{}: the server closed the connection", name_)};
    }
  }
  return Unit{};
}

Result<Unit, Error> QmpClient::Poll(short events, int other) {
  std::array<pollfd, 2> fds{{{socket_.get(), events, 0}, {other, POLLIN, 0}}};
  int timeout = -1;
  if (deadline_.has_value()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
    timeout = static_cast<int>(
        std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
  }
  const int n = ::poll(fds.data(), fds.size(), timeout);
  if (n == 0) {
    return Error{Errno(ETIMEDOUT), fmt::format("{}: the time is over", name_)};
  }
  if (n < 0 && errno != EINTR) {
    const int code = errno;
    return Error{Errno(code), fmt::format("{}: {}", name_, std::strerror(code))};
  }
  other_ready_ = other_ready_ || (n > 0 && fds[1].revents != 0);
  return Unit{};
}

bool QmpClient::HandleEvent(const JsonValue& message) {
  const bool is_event = HasMember(message, "event");
  if (is_event) {
    on_event_(message);
  }
  return is_event;
}

}  // namespace fusebay
