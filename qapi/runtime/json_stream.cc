// Reads a stream of JSON values.
#include "qapi/json_stream.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/json_builder.h"
#include "runtime/json_lexer.h"
#include "runtime/json_scalar.h"

namespace fusebay::qapi {

using Items = std::vector<Result<JsonValue, Error>>;

class JsonStream::Impl {
 public:
  explicit Impl(JsonLimits limits) : limits_(limits), lexer_(limits.bytes) {}

  void Feed(std::string_view bytes, Items& items) {
    std::size_t at = 0;
    while (at < bytes.size()) {
      at += lexer_.TakePlain(bytes.substr(at));
      bool again = at < bytes.size();
      while (again) {
        Handle(lexer_.Feed(bytes[at], again), items);
      }
      ++at;
    }
  }

  void Finish(Items& items) {
    Handle(lexer_.Finish(), items);
    if (!builder_.empty()) {
      items.push_back(builder_.Take());
      Reset();
    }
  }

 private:
  void Handle(JsonToken token, Items& items) {
    if (token == JsonToken::kNone) {
      return;
    }
    if (token == JsonToken::kError) {
      Fail(JsonParseError(fmt::format("stray '{}'", Clip(lexer_.text()))).message, items);
      return;
    }
    bytes_ += lexer_.text().size();
    ++tokens_;
    if (token == JsonToken::kTooLong || bytes_ > limits_.bytes) {
      Fail("JSON token size limit exceeded", items);
      return;
    }
    if (tokens_ > limits_.tokens) {
      Fail("JSON token count limit exceeded", items);
      return;
    }
    const bool opens = token == JsonToken::kOpenDict || token == JsonToken::kOpenList;
    if (opens && builder_.depth() >= limits_.depth) {
      Fail("JSON nesting depth limit exceeded", items);
      return;
    }
    builder_.Add(token, lexer_.text());
    if (builder_.done()) {
      items.push_back(builder_.Take());
      Reset();
    }
  }

  void Fail(std::string message, Items& items) {
    items.push_back(Error{Errno{EINVAL}, std::move(message)});
    Reset();
  }

  void Reset() {
    builder_ = JsonBuilder();
    bytes_ = 0;
    tokens_ = 0;
  }

  const JsonLimits limits_;
  JsonLexer lexer_;
  JsonBuilder builder_;
  // Of the value that is being read.
  std::size_t bytes_ = 0;
  std::size_t tokens_ = 0;
};

JsonStream::JsonStream(JsonLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
JsonStream::~JsonStream() = default;

Items JsonStream::Feed(std::string_view bytes) {
  Items items;
  impl_->Feed(bytes, items);
  return items;
}

Items JsonStream::Finish() {
  Items items;
  impl_->Finish(items);
  return items;
}

Result<JsonValue, Error> ParseJson(std::string_view text) {
  JsonStream stream;
  Items items = stream.Feed(text);
  Items rest = stream.Finish();
  items.insert(items.end(), std::make_move_iterator(rest.begin()),
               std::make_move_iterator(rest.end()));
  if (items.empty()) {
    return Error{Errno{EINVAL}, "Expecting a JSON value"};
  }
  if (items.front().ok() && items.size() > 1) {
    return Error{Errno{EINVAL}, "Expecting at most one JSON value"};
  }
  return std::move(items.front());
}

}  // namespace fusebay::qapi
