// Requests of QMP from the words of a command line.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "qapi/json.h"
#include "qmp_types.h"

namespace fusebay {

// A line as words: white space separates, '...' and "..." keep it, a backslash outside '...' takes
// the next character as it is. Error: a quote that does not end.
Result<std::vector<std::string>, Error> SplitWords(std::string_view line);

// Whether the words after the command have values whose types the server must be asked for.
bool NeedsTypes(std::span<const std::string> arguments);

// {"execute": words[0], "arguments": {...}}. Further words are KEY=VALUE, with a type of `types`,
// or KEY:=JSON; dots in a key descend. REQUIRES: words is not empty.
Result<qapi::JsonValue, Error> MakeRequest(std::span<const std::string> words,
                                           const QmpTypes& types);

}  // namespace fusebay
