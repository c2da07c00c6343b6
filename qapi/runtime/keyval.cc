// Parses `a.b=c,d.0=x`.
#include "qapi/keyval.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "qapi/json_stream.h"

namespace fusebay::qapi {

namespace {

constexpr std::size_t kFragmentMax = 127;
constexpr std::size_t kDepthMax = 256;

Error Invalid(std::string message) { return Error{Errno{EINVAL}, std::move(message)}; }

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameCharacter(char c) { return IsLetter(c) || IsDigit(c) || c == '-' || c == '_'; }

// How long the QAPI name at the beginning is, which may have a prefix `__com.example_`.
std::size_t NameLength(std::string_view text) {
  std::size_t at = 0;
  if (text.substr(0, 2) == "__") {
    at = 2;
    while (at < text.size() && (IsNameCharacter(text[at]) || text[at] == '.') && text[at] != '_') {
      ++at;
    }
    if (at == text.size() || text[at] != '_') {
      return 0;
    }
    ++at;
  }
  if (at == text.size() || !IsLetter(text[at])) {
    return 0;
  }
  while (at < text.size() && IsNameCharacter(text[at])) {
    ++at;
  }
  return at;
}

std::size_t DigitsLength(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && IsDigit(text[at])) {
    ++at;
  }
  return at;
}

// The parts of `key` between its dots.
Result<std::vector<std::string_view>, Error> Fragments(std::string_view key) {
  std::vector<std::string_view> fragments;
  std::size_t at = 0;
  while (true) {
    const std::string_view rest = key.substr(at);
    std::size_t length = fragments.empty() ? 0 : DigitsLength(rest);
    length = length != 0 ? length : NameLength(rest);
    const bool ends = at + length == key.size();
    if (length == 0 || (!ends && key[at + length] != '.')) {
      return Invalid(fmt::format("Invalid parameter '{}'", key));
    }
    if (length > kFragmentMax) {
      return Invalid(fmt::format("Parameter{} '{}' is too long",
                                 length == key.size() ? "" : " fragment", rest.substr(0, length)));
    }
    fragments.push_back(rest.substr(0, length));
    if (fragments.size() > kDepthMax) {
      return Invalid(fmt::format("Parameter '{}...' has more than {} levels",
                                 key.substr(0, kFragmentMax), kDepthMax));
    }
    if (ends) {
      return fragments;
    }
    at += length + 1;
  }
}

Error Inconsistent(std::string_view path) {
  return Invalid(fmt::format("Parameters '{}.*' used inconsistently", path));
}

// The part of `key` that ends with the fragment.
std::string_view UpTo(std::string_view key, std::string_view fragment) {
  return key.substr(0, static_cast<std::size_t>(fragment.end() - key.begin()));
}

Result<Unit, Error> Store(JsonDict& root, std::string_view key, std::string value) {
  FB_ASSIGN(const std::vector<std::string_view> fragments, Fragments(key));
  JsonDict* at = &root;
  for (std::size_t i = 0; i + 1 < fragments.size(); ++i) {
    JsonValue* next = at->Find(fragments[i]);
    if (next == nullptr) {
      next = &at->Set(fragments[i], JsonDict());
    }
    at = next->AsDict();
    if (at == nullptr) {
      return Inconsistent(UpTo(key, fragments[i]));
    }
  }
  const JsonValue* const old = at->Find(fragments.back());
  if (old != nullptr && old->AsString() == nullptr) {
    return Inconsistent(key);
  }
  at->Set(fragments.back(), std::move(value));
  return Unit{};
}

// Takes the value off the text and the comma that ends it; `,,` is a comma.
std::string TakeValue(std::string_view& text) {
  std::string value;
  while (!text.empty()) {
    if (text[0] == ',') {
      text.remove_prefix(1);
      if (text.empty() || text[0] != ',') {
        return value;
      }
    }
    value += text[0];
    text.remove_prefix(1);
  }
  return value;
}

// Takes one part, `key=value` or a word alone.
Result<Unit, Error> TakePart(std::string_view& text, std::string_view implied_key,
                             OptionText& option) {
  JsonDict& root = *option.value.AsDict();
  const std::string_view word = text.substr(0, text.find_first_of("=,"));
  const bool alone = word.size() == text.size() || text[word.size()] == ',';
  if (!alone) {
    text.remove_prefix(word.size() + 1);
    return Store(root, word, TakeValue(text));
  }
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  if (word == "help" || word == "?") {
    option.help = true;
    return Unit{};
  }
  if (!implied_key.empty() && !word.empty()) {
    return Store(root, implied_key, std::string(word));
  }
  FB_TRY(Fragments(word));
  return Invalid(fmt::format("Expected '=' after parameter '{}'", word));
}

Result<JsonValue, Error> ToList(const JsonDict& dict, const std::string& path) {
  std::vector<const JsonValue*> elements(dict.size());
  for (const JsonMember& member : dict) {
    std::size_t index = 0;
    const char* const end = member.key.data() + member.key.size();
    const auto parsed = std::from_chars(member.key.data(), end, index);
    if (parsed.ec == std::errc() && index < elements.size()) {
      elements[index] = &member.value;
    }
  }
  JsonList list;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (elements[i] == nullptr) {
      return Invalid(fmt::format("Parameter '{}.{}' missing", path, i));
    }
    list.push_back(*elements[i]);
  }
  return JsonValue(std::move(list));
}

// Makes lists of the dictionaries whose keys are numbers. `path` names `value`, empty at the root.
Result<Unit, Error> MakeLists(JsonValue& value, const std::string& path) {
  JsonDict* const dict = value.AsDict();
  if (dict == nullptr) {
    return Unit{};
  }
  bool has_numbers = false;
  bool has_names = false;
  for (const JsonMember& member : *dict) {
    const bool is_number = IsDigit(member.key.front());
    has_numbers = has_numbers || is_number;
    has_names = has_names || !is_number;
    const std::string child = path.empty() ? member.key : path + '.' + member.key;
    FB_TRY(MakeLists(*dict->Find(member.key), child));
  }
  if (has_numbers && has_names) {
    return Inconsistent(path);
  }
  if (has_numbers) {
    FB_ASSIGN(value, ToList(*dict, path));
  }
  return Unit{};
}

}  // namespace

Result<OptionText, Error> ParseKeyval(std::string_view text, std::string_view implied_key) {
  OptionText option{.value = JsonDict()};
  std::string_view implied = implied_key;
  while (!text.empty()) {
    FB_TRY(TakePart(text, implied, option));
    implied = {};
  }
  FB_TRY(MakeLists(option.value, {}));
  return option;
}

Result<OptionText, Error> ParseOptionText(std::string_view text, std::string_view implied_key) {
  if (text.empty() || text[0] != '{') {
    return ParseKeyval(text, implied_key);
  }
  FB_ASSIGN(JsonValue value, ParseJson(text));
  return OptionText{.value = std::move(value), .is_json = true};
}

}  // namespace fusebay::qapi
