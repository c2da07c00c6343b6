// Cuts a stream of bytes into JSON tokens.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fusebay::qapi {

enum class JsonToken : std::uint8_t {
  kNone,
  kOpenDict,
  kCloseDict,
  kOpenList,
  kCloseList,
  kColon,
  kComma,
  kInteger,
  kFloat,
  kKeyword,
  kString,  // with its quotes, not yet checked
  kError,   // the text is what could not be understood
  kTooLong,
};

class JsonLexer {
 public:
  explicit JsonLexer(std::size_t token_bytes_max) : max_(token_bytes_max) {}

  // A byte may end a token and then want to be seen again (`again`), as it is not part of it.
  JsonToken Feed(char byte, bool& again);
  // Takes what only makes a string longer, and returns how many bytes that are: often none.
  std::size_t TakePlain(std::string_view bytes);
  // The token that the end of the input ends.
  JsonToken Finish();
  // The text of the token just returned; valid until the next byte.
  std::string_view text() const { return token_; }

 private:
  // kRecovery skips what follows an error.
  enum class State : std::uint8_t {
    kStart,
    kRecovery,
    kString,
    kEscape,
    kSign,
    kZero,
    kDigits,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits,
    kKeyword,
  };

  void Forget();
  JsonToken Start(char byte);
  JsonToken InString(char byte);
  JsonToken InNumber(char byte, bool& again);
  JsonToken Recover(char byte, bool& again);
  JsonToken Keep(State next, char byte);
  JsonToken Stop(JsonToken token, bool& again);
  JsonToken FailAt(char byte);

  const std::size_t max_;
  State state_ = State::kStart;
  char quote_ = '"';
  bool done_ = false;  // token_ has been handed out
  std::string token_;
};

}  // namespace fusebay::qapi
