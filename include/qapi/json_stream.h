// Reading JSON: a stream of values in any number of pieces (QMP), or one text (options).
//
//   JsonStream stream;
//   for (Result<JsonValue, Error>& item : stream.Feed(bytes_from_the_socket)) { ... }
//
// The language is RFC 8259 with QEMU's additions: a string may stand in single quotes (and then
// \' is an escape), values follow each other with any or no white space between them. A value is
// handed out when its last byte arrives (a number or keyword: the byte after it). What is no JSON
// gives one error, with QEMU's message, and the stream goes on: bytes are skipped up to a control
// character but a tab, a byte FE or FF, or one of {}[],: . So a client that sends FF starts afresh.
//
// Bounds: nesting, tokens and bytes of one value (kDefaultLimits, as QEMU's); a value that exceeds
// one is an error, and no more memory is used than that.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "qapi/json.h"

namespace fusebay::qapi {

struct JsonLimits {
  std::size_t depth = 1024;
  std::size_t tokens = std::size_t{2} << 20;
  std::size_t bytes = std::size_t{64} << 20;
};

class JsonStream {
 public:
  explicit JsonStream(JsonLimits limits = {});
  JsonStream(const JsonStream&) = delete;
  JsonStream& operator=(const JsonStream&) = delete;
  ~JsonStream();

  // The values and errors that these bytes complete, in order.
  std::vector<Result<JsonValue, Error>> Feed(std::string_view bytes);
  // The same, for the end of the input: an incomplete value is an error.
  std::vector<Result<JsonValue, Error>> Finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The text is one value and nothing else but white space.
Result<JsonValue, Error> ParseJson(std::string_view text);

}  // namespace fusebay::qapi
