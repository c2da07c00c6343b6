// Words to requests.
#include "qmp_request.h"

#include <fmt/format.h>

#include <optional>

#include "qapi/json_stream.h"
#include "qapi/keyval.h"

namespace fusebay {

using qapi::JsonDict;
using qapi::JsonList;
using qapi::JsonMember;
using qapi::JsonValue;

namespace {

Error Invalid(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

// Puts the values in the places of their markers.
void Fill(JsonValue& value, const std::vector<JsonValue>& values) {
  if (const std::string* const text = value.AsString()) {
    if (text->starts_with(kQmpMarker)) {
      value = values[std::stoul(text->substr(1))];
    }
  } else if (JsonList* const list = value.AsList()) {
    for (JsonValue& item : *list) {
      Fill(item, values);
    }
  } else if (const JsonDict* const dict = value.AsDict()) {
    JsonDict filled;
    for (const JsonMember& member : *dict) {
      Fill(filled.Set(member.key, member.value), values);
    }
    value = std::move(filled);
  }
}

// KEY:=JSON is the value's place among `values`, behind a marker.
Result<std::string, Error> TextOfWord(const std::string& word, std::vector<JsonValue>& values) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Invalid(fmt::format("'{}': KEY=VALUE or KEY:=JSON is expected", word));
  }
  const std::string value = word.substr(equals + 1);
  if (word[equals - 1] != ':') {
    if (value.starts_with(kQmpMarker)) {
      return Invalid(fmt::format("'{}': a value cannot begin with a control character", word));
    }
    return word;
  }
  const Result<JsonValue, Error> json = qapi::ParseJson(value);
  if (!json.ok()) {
    return Invalid(fmt::format("'{}': {}", word, json.error().message));
  }
  values.push_back(*json);
  return fmt::format("{}={}{}", word.substr(0, equals - 1), kQmpMarker, values.size() - 1);
}

void AppendDoublingCommas(std::string& text, std::string_view word) {
  for (const char c : word) {
    text += c == ',' ? ",," : std::string(1, c);
  }
}

// The words of one line, one character after the other.
class WordSplitter {
 public:
  void Put(char c) {
    if (escaped_) {
      word() += c;
      escaped_ = false;
    } else if (c == '\\' && quote_ != '\'') {
      word();
      escaped_ = true;
    } else if (quote_ != 0) {
      PutQuoted(c);
    } else if (c == '\'' || c == '"') {
      word();
      quote_ = c;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      End();
    } else {
      word() += c;
    }
  }
  void End() {
    if (word_.has_value()) {
      words_.push_back(std::move(*word_));
      word_.reset();
    }
  }
  bool complete() const { return quote_ == 0 && !escaped_; }
  std::vector<std::string>& words() { return words_; }

 private:
  void PutQuoted(char c) {
    if (c == quote_) {
      quote_ = 0;
    } else {
      word() += c;
    }
  }
  std::string& word() { return word_.has_value() ? *word_ : word_.emplace(); }

  std::vector<std::string> words_;
  std::optional<std::string> word_;
  char quote_ = 0;
  bool escaped_ = false;
};

}  // namespace

Result<std::vector<std::string>, Error> SplitWords(std::string_view line) {
  WordSplitter splitter;
  for (const char c : line) {
    splitter.Put(c);
  }
  if (!splitter.complete()) {
    return Invalid("a quote does not end");
  }
  splitter.End();
  return std::move(splitter.words());
}

bool NeedsTypes(std::span<const std::string> arguments) {
  for (const std::string& word : arguments) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos && equals != 0 && word[equals - 1] != ':') {
      return true;
    }
  }
  return false;
}

Result<JsonValue, Error> MakeRequest(std::span<const std::string> words, const QmpTypes& types) {
  FB_ASSERT(!words.empty());
  JsonDict request;
  request.Set("execute", words.front());
  std::string text;
  std::vector<JsonValue> values;
  for (const std::string& word : words.subspan(1)) {
    FB_ASSIGN(const std::string plain, TextOfWord(word, values));
    text += text.empty() ? "" : ",";
    AppendDoublingCommas(text, plain);
  }
  if (!text.empty()) {
    FB_ASSIGN(qapi::OptionText options, qapi::ParseKeyval(text, {}));
    JsonValue arguments = types.Convert(words.front(), std::move(options.value));
    Fill(arguments, values);
    request.Set("arguments", std::move(arguments));
  }
  return JsonValue(std::move(request));
}

}  // namespace fusebay
