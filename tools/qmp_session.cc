// From words to what is printed.
#include "qmp_session.h"

#include "qmp_request.h"
#include "subcommand.h"

namespace fusebay {

using qapi::JsonDict;
using qapi::JsonValue;

namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string Description(const JsonValue& error) {
  const JsonDict* const dict = error.AsDict();
  const JsonValue* const text = dict != nullptr ? dict->Find("desc") : nullptr;
  return text != nullptr && text->AsString() != nullptr ? *text->AsString()
                                                        : qapi::FormatJson(error);
}

}  // namespace

QmpSession::QmpSession(QmpClient& client, QmpOutput output)
    : client_(client), output_(std::move(output)) {
  client_.OnEvent([this](const JsonValue& event) { HandleEvent(event); });
}

Result<Unit, Error> QmpSession::RunWords(std::span<const std::string> words) {
  if (words.size() == 1 && words.front().starts_with('{')) {
    const Result<JsonValue, Error> request = qapi::ParseJson(words.front());
    return request.ok() ? RunRequest(*request) : Fail(request.error().message);
  }
  if (NeedsTypes(words.subspan(1))) {
    FB_TRY(LearnTypes());
  }
  const Result<JsonValue, Error> request = MakeRequest(words, types_.value_or(QmpTypes()));
  return request.ok() ? RunRequest(*request) : Fail(request.error().message);
}

Result<Unit, Error> QmpSession::RunLine(std::string_view line) {
  const std::string_view text = Trim(line);
  if (text.empty() || text.starts_with('#')) {
    return Unit{};
  }
  if (text.starts_with('{')) {
    const std::string request(text);
    return RunWords({&request, 1});
  }
  const Result<std::vector<std::string>, Error> words = SplitWords(text);
  return words.ok() ? RunWords(*words) : Fail(words.error().message);
}

Result<Unit, Error> QmpSession::RunRequest(const JsonValue& request) {
  FB_ASSIGN(const JsonValue reply, client_.Ask(request));
  const JsonDict* const dict = reply.AsDict();
  const JsonValue* const returned = dict != nullptr ? dict->Find("return") : nullptr;
  if (returned != nullptr) {
    const JsonDict* const asked = request.AsDict();
    const JsonValue* const name = asked != nullptr ? asked->Find("execute") : nullptr;
    has_quit_ = has_quit_ || (name != nullptr && *name == JsonValue("quit"));
    Print(*returned);
    return Unit{};
  }
  const JsonValue* const error = dict != nullptr ? dict->Find("error") : nullptr;
  return Fail(Description(error != nullptr ? *error : reply));
}

// A server that does not know query-qmp-schema gets what the words look like.
Result<Unit, Error> QmpSession::LearnTypes() {
  if (types_.has_value()) {
    return Unit{};
  }
  FB_ASSIGN(const JsonValue reply, client_.Ask(JsonDict{{"execute", "query-qmp-schema"}}));
  const JsonDict* const dict = reply.AsDict();
  const JsonValue* const schema = dict != nullptr ? dict->Find("return") : nullptr;
  types_ = schema != nullptr ? QmpTypes(*schema) : QmpTypes();
  return Unit{};
}

void QmpSession::HandleEvent(const JsonValue& event) {
  const JsonValue* const name = event.AsDict()->Find("event");
  const bool awaited = name->AsString() != nullptr && *name->AsString() == output_.awaited;
  if (output_.events || (awaited && !saw_event_)) {
    Print(event);
  }
  saw_event_ = saw_event_ || awaited;
}

void QmpSession::Print(const JsonValue& value) {
  const std::string text = output_.pretty ? FormatJsonPretty(value) : FormatJson(value);
  failed_ = PrintOutput("qmp", text + "\n") != kExitOk || failed_;
}

Result<Unit, Error> QmpSession::Fail(std::string_view message) {
  PrintError("qmp", message);
  failed_ = true;
  return Unit{};
}

}  // namespace fusebay
