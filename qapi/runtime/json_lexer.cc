// Cuts a stream of bytes into JSON tokens, the way QEMU does, errors included.
#include "runtime/json_lexer.h"

#include <algorithm>

namespace fusebay::qapi {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20; }
// Bytes that occur in no UTF-8 text; clients send them to start afresh.
bool IsReset(char c) { return static_cast<unsigned char>(c) >= 0xFE; }

JsonToken Structural(char c) {
  switch (c) {
    case '{':
      return JsonToken::kOpenDict;
    case '}':
      return JsonToken::kCloseDict;
    case '[':
      return JsonToken::kOpenList;
    case ']':
      return JsonToken::kCloseList;
    case ':':
      return JsonToken::kColon;
    case ',':
      return JsonToken::kComma;
    default:
      return JsonToken::kNone;
  }
}

// A token of this length keeps its memory for the next one.
constexpr std::size_t kKeptCapacity = std::size_t{64} << 10;

}  // namespace

void JsonLexer::Forget() {
  if (token_.capacity() > kKeptCapacity) {
    std::string().swap(token_);
  }
  token_.clear();
}

JsonToken JsonLexer::Feed(char byte, bool& again) {
  again = false;
  if (done_) {
    Forget();
    done_ = false;
  }
  switch (state_) {
    case State::kStart:
      return Start(byte);
    case State::kRecovery:
      return Recover(byte, again);
    case State::kString:
    case State::kEscape:
      return InString(byte);
    case State::kKeyword:
      return IsLower(byte) ? Keep(State::kKeyword, byte) : Stop(JsonToken::kKeyword, again);
    default:
      return InNumber(byte, again);
  }
}

std::size_t JsonLexer::TakePlain(std::string_view bytes) {
  if (state_ != State::kString) {
    return 0;
  }
  const std::size_t room = std::min(bytes.size(), max_ - token_.size());
  std::size_t length = 0;
  while (length < room && bytes[length] != quote_ && bytes[length] != '\\' &&
         !IsControl(bytes[length]) && !IsReset(bytes[length])) {
    ++length;
  }
  token_ += bytes.substr(0, length);
  return length;
}

JsonToken JsonLexer::Start(char byte) {
  if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
    return JsonToken::kNone;
  }
  const JsonToken structural = Structural(byte);
  if (structural != JsonToken::kNone) {
    token_ = byte;
    done_ = true;
    return structural;
  }
  if (byte == '"' || byte == '\'') {
    quote_ = byte;
    return Keep(State::kString, byte);
  }
  if (byte == '-') {
    return Keep(State::kSign, byte);
  }
  if (IsDigit(byte)) {
    return Keep(byte == '0' ? State::kZero : State::kDigits, byte);
  }
  return IsLower(byte) ? Keep(State::kKeyword, byte) : FailAt(byte);
}

JsonToken JsonLexer::InString(char byte) {
  if (IsControl(byte) || IsReset(byte)) {
    return FailAt(byte);
  }
  if (state_ == State::kEscape) {
    return Keep(State::kString, byte);
  }
  if (byte != quote_) {
    return Keep(byte == '\\' ? State::kEscape : State::kString, byte);
  }
  token_ += byte;
  state_ = State::kStart;
  done_ = true;
  return JsonToken::kString;
}

JsonToken JsonLexer::InNumber(char byte, bool& again) {
  const bool is_exponent = byte == 'e' || byte == 'E';
  switch (state_) {
    case State::kSign:
      if (!IsDigit(byte)) {
        return FailAt(byte);
      }
      return Keep(byte == '0' ? State::kZero : State::kDigits, byte);
    case State::kZero:
      if (IsDigit(byte)) {
        return FailAt(byte);
      }
      return byte == '.' ? Keep(State::kPoint, byte) : Stop(JsonToken::kInteger, again);
    case State::kDigits:
      if (byte == '.' || is_exponent) {
        return Keep(byte == '.' ? State::kPoint : State::kExponent, byte);
      }
      return IsDigit(byte) ? Keep(State::kDigits, byte) : Stop(JsonToken::kInteger, again);
    case State::kPoint:
      return IsDigit(byte) ? Keep(State::kFraction, byte) : FailAt(byte);
    case State::kFraction:
      if (is_exponent) {
        return Keep(State::kExponent, byte);
      }
      return IsDigit(byte) ? Keep(State::kFraction, byte) : Stop(JsonToken::kFloat, again);
    case State::kExponent:
      if (byte == '+' || byte == '-') {
        return Keep(State::kExponentSign, byte);
      }
      return IsDigit(byte) ? Keep(State::kExponentDigits, byte) : FailAt(byte);
    case State::kExponentSign:
      return IsDigit(byte) ? Keep(State::kExponentDigits, byte) : FailAt(byte);
    default:
      return IsDigit(byte) ? Keep(State::kExponentDigits, byte) : Stop(JsonToken::kFloat, again);
  }
}

JsonToken JsonLexer::Recover(char byte, bool& again) {
  const bool ends = IsControl(byte) && byte != '\t';
  if (ends || IsReset(byte) || Structural(byte) != JsonToken::kNone) {
    state_ = State::kStart;
    again = true;
  }
  return JsonToken::kNone;
}

JsonToken JsonLexer::Finish() {
  const State last = state_;
  state_ = State::kStart;
  if (done_ || token_.empty()) {
    return JsonToken::kNone;
  }
  done_ = true;
  switch (last) {
    case State::kZero:
    case State::kDigits:
      return JsonToken::kInteger;
    case State::kFraction:
    case State::kExponentDigits:
      return JsonToken::kFloat;
    case State::kKeyword:
      return JsonToken::kKeyword;
    default:
      return JsonToken::kError;
  }
}

JsonToken JsonLexer::Keep(State next, char byte) {
  if (token_.size() >= max_) {
    state_ = State::kRecovery;
    token_ = std::string();
    return JsonToken::kTooLong;
  }
  token_ += byte;
  state_ = next;
  return JsonToken::kNone;
}

JsonToken JsonLexer::Stop(JsonToken token, bool& again) {
  state_ = State::kStart;
  done_ = true;
  again = true;
  return token;
}

JsonToken JsonLexer::FailAt(char byte) {
  token_ += byte;
  state_ = State::kRecovery;
  done_ = true;
  return JsonToken::kError;
}

}  // namespace fusebay::qapi
