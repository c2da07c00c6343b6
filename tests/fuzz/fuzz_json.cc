// Fuzzes the JSON parser: it gives the same however its input is cut, and what it reads it writes.
//
// The first byte is where the input is cut. More than kBytes would be slow and show no more.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "qapi/json_stream.h"

using namespace fusebay;
using namespace fusebay::qapi;

namespace {

constexpr std::size_t kBytes = 8192;
constexpr std::size_t kPretty = 500;
constexpr std::size_t kRewritten = 16;  // values of an input

using Items = std::vector<Result<JsonValue, Error>>;

void Append(Items& items, Items more) {
  for (auto& item : more) {
    items.push_back(std::move(item));
  }
}

std::string Rewrite(const std::string& text) {
  const Result<JsonValue, Error> value = ParseJson(text);
  FB_ASSERT(value.ok());
  return FormatJson(*value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, std::min(size, kBytes) - 1);
  const std::size_t cut = std::min<std::size_t>(data[0], text.size());
  JsonStream one;
  JsonStream two;
  Items whole = one.Feed(text);
  Append(whole, one.Finish());
  Items parts = two.Feed(text.substr(0, cut));
  Append(parts, two.Feed(text.substr(cut)));
  Append(parts, two.Finish());
  FB_ASSERT(whole.size() == parts.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    FB_ASSERT(whole[i].ok() == parts[i].ok());
    if (!whole[i].ok()) {
      FB_ASSERT(whole[i].error().message == parts[i].error().message);
      continue;
    }
    FB_ASSERT(*whole[i] == *parts[i]);
    if (i >= kRewritten) {
      continue;
    }
    // 1e2 becomes 100 and -0.0 becomes 0, but no further.
    const std::string written = Rewrite(FormatJson(*whole[i]));
    FB_ASSERT(Rewrite(written) == written);
    // What is nested deeply is mostly blanks.
    FB_ASSERT(written.size() > kPretty || Rewrite(FormatJsonPretty(*whole[i])) == written);
  }
  return 0;
}
