// JsonValue and JsonDict.
#include "qapi/json.h"

#include <algorithm>

#include "base/assert.h"

namespace fusebay::qapi {

namespace {

// Up to this many members are looked through one by one.
constexpr std::size_t kUnindexed = 16;

}  // namespace

JsonDict::JsonDict() = default;
JsonDict::JsonDict(const JsonDict& other) = default;
JsonDict::JsonDict(JsonDict&& other) noexcept = default;
JsonDict& JsonDict::operator=(const JsonDict& other) = default;
JsonDict& JsonDict::operator=(JsonDict&& other) noexcept = default;
JsonDict::~JsonDict() = default;

JsonDict::JsonDict(std::initializer_list<JsonMember> members) {
  for (const JsonMember& member : members) {
    Set(member.key, member.value);
  }
}

bool JsonDict::Add(std::string_view key, JsonValue value) {
  if (IndexOf(key)) {
    return false;
  }
  members_.push_back({std::string(key), std::move(value)});
  if (!index_.empty()) {
    index_.emplace(key, members_.size() - 1);
  } else if (members_.size() > kUnindexed) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      index_.emplace(members_[i].key, i);
    }
  }
  return true;
}

JsonValue& JsonDict::Set(std::string_view key, JsonValue value) {
  JsonValue* const old = Find(key);
  if (old != nullptr) {
    *old = std::move(value);
    return *old;
  }
  const bool added = Add(key, std::move(value));
  FB_ASSERT(added);
  return members_.back().value;
}

std::optional<std::size_t> JsonDict::IndexOf(std::string_view key) const {
  if (!index_.empty()) {
    const auto found = index_.find(key);
    return found == index_.end() ? std::nullopt : std::optional(found->second);
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].key == key) {
      return i;
    }
  }
  return std::nullopt;
}

const JsonValue* JsonDict::Find(std::string_view key) const {
  const std::optional<std::size_t> i = IndexOf(key);
  return i ? &members_[*i].value : nullptr;
}

JsonValue* JsonDict::Find(std::string_view key) {
  const std::optional<std::size_t> i = IndexOf(key);
  return i ? &members_[*i].value : nullptr;
}

std::size_t JsonDict::size() const { return members_.size(); }
bool JsonDict::empty() const { return members_.empty(); }
const JsonMember* JsonDict::begin() const { return members_.data(); }
const JsonMember* JsonDict::end() const { return members_.data() + members_.size(); }

bool JsonDict::operator==(const JsonDict& other) const {
  return size() == other.size() && std::all_of(begin(), end(), [&other](const JsonMember& member) {
           const JsonValue* const theirs = other.Find(member.key);
           return theirs != nullptr && *theirs == member.value;
         });
}

std::string_view KindName(JsonKind kind) {
  static constexpr std::string_view kNames[] = {"null",   "boolean", "integer", "number",
                                                "string", "array",   "object"};
  return kNames[static_cast<std::size_t>(kind)];
}

JsonKind JsonValue::kind() const {
  static constexpr JsonKind kKinds[] = {JsonKind::kNull,    JsonKind::kBool,   JsonKind::kInteger,
                                        JsonKind::kInteger, JsonKind::kDouble, JsonKind::kString,
                                        JsonKind::kList,    JsonKind::kDict};
  return kKinds[v_.index()];
}

std::optional<std::int64_t> JsonValue::AsInt64() const {
  const auto* const value = std::get_if<std::int64_t>(&v_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<std::uint64_t> JsonValue::AsUint64() const {
  if (const auto* const large = std::get_if<std::uint64_t>(&v_)) {
    return *large;
  }
  const auto* const value = std::get_if<std::int64_t>(&v_);
  return value != nullptr && *value >= 0 ? std::optional(static_cast<std::uint64_t>(*value))
                                         : std::nullopt;
}

std::optional<double> JsonValue::AsDouble() const {
  if (const auto* const value = std::get_if<double>(&v_)) {
    return *value;
  }
  if (const std::optional<std::int64_t> small = AsInt64()) {
    return static_cast<double>(*small);
  }
  const std::optional<std::uint64_t> large = AsUint64();
  return large ? std::optional(static_cast<double>(*large)) : std::nullopt;
}

bool JsonValue::operator==(const JsonValue& other) const { return v_ == other.v_; }

}  // namespace fusebay::qapi
