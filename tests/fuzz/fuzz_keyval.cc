// Fuzzes the command line's options: keyval, JSON, and what the types make of them.
//
// The first byte chooses the option.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "qapi/generated/types.h"

using namespace fusebay;
using namespace fusebay::qapi;

namespace {

template <class T>
void Parse(std::string_view text, std::string_view implied_key) {
  const Result<T, Error> option = FromOption<T>(text, implied_key);
  if (!option.ok()) {
    FB_ASSERT(!option.error().message.empty());
    return;
  }
  // What was understood is understood again, as JSON.
  const JsonValue value = ToJson(*option);
  const Result<T, Error> again = FromJson<T>(value);
  FB_ASSERT(again.ok());
  FB_ASSERT(ToJson(*again) == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      Parse<BlockdevOptions>(text, "driver");
      break;
    case 1:
      Parse<BlockExportOptions>(text, "type");
      break;
    case 2:
      Parse<ObjectOptions>(text, "qom-type");
      break;
    case 3:
      Parse<ChardevOptions>(text, "backend");
      break;
    default:
      Parse<MonitorOptions>(text, "chardev");
      break;
  }
  return 0;
}
