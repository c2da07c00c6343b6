// From the text of a token to its value.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "qapi/json.h"

namespace fusebay::qapi {

// "JSON parse error, WHAT".
Error JsonParseError(std::string_view what);
// A text for a message: what is long is cut.
std::string Clip(std::string_view text);

// `token` is digits, a point and an exponent as the lexer lets them through.
Result<JsonValue, Error> IntegerValue(std::string_view token);
Result<JsonValue, Error> FloatValue(std::string_view token);
Result<JsonValue, Error> KeywordValue(std::string_view token);
// `token` has its quotes.
Result<std::string, Error> StringValue(std::string_view token);

}  // namespace fusebay::qapi
