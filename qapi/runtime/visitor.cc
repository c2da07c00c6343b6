// Walks a value along the schema.
#include "qapi/visitor.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/assert.h"
#include "runtime/keyval_scalar.h"

namespace fusebay::qapi {

namespace {

// QEMU's messages call what has no name so.
constexpr std::string_view kNameless = "null";

std::string_view Short(std::string_view name) { return name.empty() ? kNameless : name; }

}  // namespace

bool InputVisitor::StartStruct(std::string_view name) {
  const JsonValue* const value = Take(name);
  if (value == nullptr) {
    return false;
  }
  const JsonDict* const dict = value->AsDict();
  if (dict == nullptr) {
    return FailType(name, "object");
  }
  levels_.push_back({PartName(name), value, std::vector<bool>(dict->size())});
  return true;
}

bool InputVisitor::EndStruct(bool ok) {
  FB_ASSERT(!levels_.empty());
  const Level& level = levels_.back();
  const JsonDict& dict = *level.value->AsDict();
  for (std::size_t i = 0; ok && i < level.seen.size(); ++i) {
    if (!level.seen[i]) {
      ok = Fail(fmt::format("Parameter '{}' is unexpected", FullName(dict.begin()[i].key)));
    }
  }
  levels_.pop_back();
  return ok;
}

bool InputVisitor::StartList(std::string_view name, std::size_t& length) {
  const JsonValue* const value = Take(name);
  if (value == nullptr) {
    return false;
  }
  const JsonList* const list = value->AsList();
  if (list == nullptr) {
    return FailType(name, "array");
  }
  length = list->size();
  levels_.push_back({PartName(name), value, {}});
  return true;
}

bool InputVisitor::EndList(bool ok) {
  FB_ASSERT(!levels_.empty());
  FB_ASSERT(!ok || levels_.back().next == levels_.back().value->AsList()->size());
  levels_.pop_back();
  return ok;
}

bool InputVisitor::Has(std::string_view name) const { return Peek(name) != nullptr; }

std::optional<JsonKind> InputVisitor::PeekKind(std::string_view name) {
  const JsonValue* const value = Peek(name);
  if (value == nullptr) {
    Fail(fmt::format("Parameter '{}' is missing", FullName(name)));
    return std::nullopt;
  }
  return value->kind();
}

bool InputVisitor::Read(std::string_view name, bool& out) {
  const JsonValue* const value = TakeScalar(name);
  if (value == nullptr) {
    return false;
  }
  if (const bool* const is = value->AsBool()) {
    out = *is;
    return true;
  }
  if (!IsText(*value)) {
    return FailType(name, "boolean");
  }
  const std::optional<bool> is = KeyvalBool(*value->AsString());
  out = is.value_or(false);
  return is || Fail(fmt::format("Parameter '{}' expects 'on' or 'off'", FullName(name)));
}

bool InputVisitor::Read(std::string_view name, double& out) {
  const JsonValue* const value = TakeScalar(name);
  if (value == nullptr) {
    return false;
  }
  const bool is_text = IsText(*value);
  const std::optional<double> number =
      is_text ? KeyvalDouble(*value->AsString()) : value->AsDouble();
  out = number.value_or(0);
  return number || FailNumber(name, is_text, "number");
}

bool InputVisitor::Read(std::string_view name, std::string& out) {
  const JsonValue* const value = TakeScalar(name);
  if (value == nullptr) {
    return false;
  }
  const std::string* const text = value->AsString();
  if (text == nullptr) {
    return FailType(name, "string");
  }
  out = *text;
  return true;
}

bool InputVisitor::Read(std::string_view name, JsonValue& out) {
  const JsonValue* const value = Take(name);
  if (value == nullptr) {
    return false;
  }
  out = *value;
  return true;
}

bool InputVisitor::Read(std::string_view name, JsonNull& /*out*/) {
  const JsonValue* const value = Take(name);
  return value != nullptr && (value->is_null() || FailType(name, "null"));
}

bool InputVisitor::ReadSize(std::string_view name, std::uint64_t& out) {
  if (form_ == VisitForm::kJson) {
    return ReadUnsigned(name, "uint64_t", std::numeric_limits<std::uint64_t>::max(), out);
  }
  const JsonValue* const value = TakeScalar(name);
  if (value == nullptr) {
    return false;
  }
  const std::string* const text = value->AsString();
  const std::optional<std::uint64_t> size = text != nullptr ? KeyvalSize(*text) : std::nullopt;
  out = size.value_or(0);
  return size || FailNumber(name, true, "size");
}

bool InputVisitor::ReadSigned(std::string_view name, std::string_view type, std::int64_t min,
                              std::int64_t max, std::int64_t& out) {
  const JsonValue* const value = TakeScalar(name);
  if (value == nullptr) {
    return false;
  }
  const bool is_text = IsText(*value);
  const std::optional<std::int64_t> number =
      is_text ? KeyvalSigned(*value->AsString()) : value->AsInt64();
  if (!number) {
    return FailNumber(name, is_text, "integer");
  }
  if (*number < min || *number > max) {
    return Fail(fmt::format("Parameter '{}' expects {}", Short(name), type));
  }
  out = *number;
  return true;
}

bool InputVisitor::ReadUnsigned(std::string_view name, std::string_view type, std::uint64_t max,
                                std::uint64_t& out) {
  const JsonValue* const value = TakeScalar(name);
  if (value == nullptr) {
    return false;
  }
  const bool is_text = IsText(*value);
  std::optional<std::uint64_t> number =
      is_text ? KeyvalUnsigned(*value->AsString()) : value->AsUint64();
  if (!number && !is_text && value->AsInt64()) {
    // Old clients send large numbers as negative ones.
    number = static_cast<std::uint64_t>(*value->AsInt64());
  }
  if (!number) {
    return Fail(
        fmt::format("Parameter '{}' expects {}", FullName(name), is_text ? "integer" : "uint64"));
  }
  if (*number > max) {
    return Fail(fmt::format("Parameter '{}' expects {}", Short(name), type));
  }
  out = *number;
  return true;
}

bool InputVisitor::ReadEnum(std::string_view name, std::span<const std::string_view> names,
                            std::size_t& out) {
  std::string text;
  if (!Read(name, text)) {
    return false;
  }
  for (out = 0; out < names.size(); ++out) {
    if (names[out] == text) {
      return true;
    }
  }
  return FailValue(name, text);
}

bool InputVisitor::FailType(std::string_view name, std::string_view expected) {
  return Fail(
      fmt::format("Invalid parameter type for '{}', expected: {}", FullName(name), expected));
}

bool InputVisitor::FailAlternate(std::string_view name, std::string_view type) {
  return Fail(fmt::format("Invalid parameter type for '{}', expected: {}", Short(name), type));
}

bool InputVisitor::FailValue(std::string_view name, std::string_view value) {
  return Fail(fmt::format("Parameter '{}' does not accept value '{}'", Short(name), value));
}

bool InputVisitor::FailNumber(std::string_view name, bool is_text, std::string_view type) {
  return is_text ? Fail(fmt::format("Parameter '{}' expects {}", FullName(name), type))
                 : FailType(name, type);
}

const JsonValue* InputVisitor::Peek(std::string_view name) const {
  if (levels_.empty()) {
    return &root_;
  }
  const Level& level = levels_.back();
  if (const JsonList* const list = level.value->AsList()) {
    return level.next < list->size() ? &(*list)[level.next] : nullptr;
  }
  return level.value->AsDict()->Find(name);
}

const JsonValue* InputVisitor::Take(std::string_view name) {
  const JsonValue* const value = Peek(name);
  if (value == nullptr) {
    Fail(fmt::format("Parameter '{}' is missing", FullName(name)));
    return nullptr;
  }
  if (levels_.empty()) {
    return value;
  }
  Level& level = levels_.back();
  if (const JsonDict* const dict = level.value->AsDict()) {
    level.seen[*dict->IndexOf(name)] = true;
  } else {
    ++level.next;
  }
  return value;
}

const JsonValue* InputVisitor::TakeScalar(std::string_view name) {
  const JsonValue* const value = Take(name);
  if (value == nullptr || form_ == VisitForm::kJson) {
    return value;
  }
  if (value->AsDict() != nullptr || value->AsList() != nullptr) {
    Fail(fmt::format("Parameters '{}.*' are unexpected", FullName(name)));
    return nullptr;
  }
  return value;
}

bool InputVisitor::IsText(const JsonValue& value) const {
  return form_ == VisitForm::kKeyval && value.AsString() != nullptr;
}

// "a", ".a", "[0]" or ".0": what the member adds to the path of the innermost level.
std::string InputVisitor::PartName(std::string_view name) const {
  if (levels_.empty()) {
    return std::string(name);
  }
  const Level& level = levels_.back();
  if (level.value->AsList() == nullptr) {
    return fmt::format(".{}", name);
  }
  const std::size_t element = level.next - 1;
  return form_ == VisitForm::kJson ? fmt::format("[{}]", element) : fmt::format(".{}", element);
}

std::string InputVisitor::FullName(std::string_view name) const {
  std::string path;
  for (const Level& level : levels_) {
    path += level.name;
  }
  path += PartName(name);
  if (path.empty()) {
    return std::string(kNameless);
  }
  return path.front() == '.' ? path.substr(1) : path;
}

bool InputVisitor::Fail(std::string message) {
  if (!error_) {
    error_ = Error{Errno{EINVAL}, std::move(message)};
  }
  return false;
}

namespace {

template <class I>
bool VisitSigned(InputVisitor& v, std::string_view name, std::string_view type, I& out) {
  using Limits = std::numeric_limits<I>;
  std::int64_t value = 0;
  const bool ok = v.ReadSigned(name, type, Limits::min(), Limits::max(), value);
  out = static_cast<I>(value);
  return ok;
}

template <class I>
bool VisitUnsigned(InputVisitor& v, std::string_view name, std::string_view type, I& out) {
  std::uint64_t value = 0;
  const bool ok = v.ReadUnsigned(name, type, std::numeric_limits<I>::max(), value);
  out = static_cast<I>(value);
  return ok;
}

}  // namespace

bool VisitValue(InputVisitor& v, std::string_view name, std::int8_t& out) {
  return VisitSigned(v, name, "int8_t", out);
}
bool VisitValue(InputVisitor& v, std::string_view name, std::int16_t& out) {
  return VisitSigned(v, name, "int16_t", out);
}
bool VisitValue(InputVisitor& v, std::string_view name, std::int32_t& out) {
  return VisitSigned(v, name, "int32_t", out);
}
bool VisitValue(InputVisitor& v, std::string_view name, std::int64_t& out) {
  return VisitSigned(v, name, "int64_t", out);
}
bool VisitValue(InputVisitor& v, std::string_view name, std::uint8_t& out) {
  return VisitUnsigned(v, name, "uint8_t", out);
}
bool VisitValue(InputVisitor& v, std::string_view name, std::uint16_t& out) {
  return VisitUnsigned(v, name, "uint16_t", out);
}
bool VisitValue(InputVisitor& v, std::string_view name, std::uint32_t& out) {
  return VisitUnsigned(v, name, "uint32_t", out);
}
bool VisitValue(InputVisitor& v, std::string_view name, std::uint64_t& out) {
  return VisitUnsigned(v, name, "uint64_t", out);
}

}  // namespace fusebay::qapi
