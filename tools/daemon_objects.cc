// Makes, changes and removes objects.
#include "daemon_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "secret_file.h"

namespace fusebay {

namespace {

using qapi::IothreadProperties;
using qapi::JsonDict;
using qapi::JsonValue;
using qapi::ObjectOptions;
using qapi::ObjectType;
using qapi::SecretProperties;

constexpr std::string_view kLoaded = "loaded";
constexpr std::int64_t kDefaultPollMax = 32768;
// Names of threads end up in AioContextOptions; the kernel cuts them.
constexpr std::string_view kThreadPrefix = "IO ";

Error Invalid(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

// A letter, then letters, digits, '-', '.', '_'.
bool IsIdentifier(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_other = [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || is_other(c); });
}

Result<Unit, Error> CheckRange(std::string_view name, const std::optional<std::int64_t>& value) {
  if (value.has_value() && *value < 0) {
    return Invalid(fmt::format("{} value must be in range [0, {}]", name,
                               std::numeric_limits<std::int64_t>::max()));
  }
  return Unit{};
}

Result<Unit, Error> CheckIothread(const IothreadProperties& properties) {
  FB_TRY(CheckRange("poll-max-ns", properties.poll_max_ns));
  FB_TRY(CheckRange("poll-grow", properties.poll_grow));
  FB_TRY(CheckRange("poll-shrink", properties.poll_shrink));
  return Unit{};
}

std::uint32_t FactorOf(const std::optional<std::int64_t>& value) {
  return static_cast<std::uint32_t>(
      std::min<std::int64_t>(value.value_or(0), std::numeric_limits<std::int32_t>::max()));
}

void ApplyPolling(AioContext& loop, const IothreadProperties& properties) {
  const Nanoseconds max(properties.poll_max_ns.value_or(kDefaultPollMax));
  loop.Post([&loop, max, grow = FactorOf(properties.poll_grow),
             shrink = FactorOf(properties.poll_shrink)] { loop.SetPolling(max, grow, shrink); });
}

const ObjectProperty* FindProperty(ObjectType type, std::string_view name) {
  for (const ObjectProperty& property : PropertiesOf(type)) {
    if (property.name == name) {
      return &property;
    }
  }
  return nullptr;
}

JsonDict ValuesOf(const ObjectOptions& options) {
  const JsonValue values = options.qom_type == ObjectType::kIothread
                               ? ToJson(std::get<IothreadProperties>(options.u))
                               : ToJson(std::get<SecretProperties>(options.u));
  return *values.AsDict();
}

}  // namespace

std::span<const ObjectProperty> PropertiesOf(ObjectType type) {
  static const std::array kIothread = {
      ObjectProperty{"poll-max-ns", "int", kDefaultPollMax},
      ObjectProperty{"poll-grow", "int", 0},
      ObjectProperty{"poll-shrink", "int", 0},
  };
  static const std::array kSecret = {
      ObjectProperty{kLoaded, "bool", true, false},
      ObjectProperty{"format", "QCryptoSecretFormat", "raw"},
      ObjectProperty{"file", "string", ""},
      ObjectProperty{"data", "string", ""},
  };
  if (type == ObjectType::kIothread) {
    return kIothread;
  }
  return kSecret;
}

Result<Unit, Error> DaemonObjects::StartThread(Object& object) {
  const auto& properties = std::get<IothreadProperties>(object.options.u);
  const AioContextOptions options{.name = std::string(kThreadPrefix) + object.options.id};
  FB_ASSIGN(object.thread, LoopThread::Start(options, workers_));
  ApplyPolling(object.thread->loop(), properties);
  return Unit{};
}

Task<Result<Unit, Error>> DaemonObjects::Add(ObjectOptions options) {
  const std::string id = options.id;
  if (!IsIdentifier(id)) {
    co_return Invalid("Parameter 'id' expects an identifier");
  }
  Object object{.options = std::move(options), .thread = nullptr};
  if (const auto* const iothread = std::get_if<IothreadProperties>(&object.options.u)) {
    CO_TRY(CheckIothread(*iothread));
  } else {
    const auto& secret = std::get<SecretProperties>(object.options.u);
    const Result<Unit, Error> checked = co_await CheckSecret(secret);
    CO_TRY(checked);
  }
  // After the last suspension: two may be added at once.
  if (objects_.contains(id)) {
    co_return Invalid(
        fmt::format("attempt to add duplicate property '{}' to object (type 'container')", id));
  }
  if (object.options.qom_type == ObjectType::kIothread) {
    CO_TRY(StartThread(object));
  }
  objects_.emplace(id, std::move(object));
  co_return Unit{};
}

Result<Unit, Error> DaemonObjects::Remove(std::string_view id) {
  const auto found = objects_.find(id);
  if (found == objects_.end()) {
    return Error{Errno(ENOENT), fmt::format("object '{}' not found", id)};
  }
  if (found->second.thread.use_count() > 1) {
    return Error{Errno(EBUSY), fmt::format("object '{}' is in use, can not be deleted", id)};
  }
  objects_.erase(found);
  return Unit{};
}

Result<IothreadUse, Error> DaemonObjects::UseIothreads(std::span<const std::string> ids) const {
  IothreadUse use;
  for (const std::string& id : ids) {
    const auto found = objects_.find(id);
    if (found == objects_.end() || found->second.thread == nullptr) {
      return Error{Errno(ENOENT), fmt::format("iothread \"{}\" not found", id)};
    }
    AioContext* const loop = &found->second.thread->loop();
    if (std::find(use.loops_.begin(), use.loops_.end(), loop) == use.loops_.end()) {
      use.loops_.push_back(loop);
      use.threads_.push_back(found->second.thread);
    }
  }
  return use;
}

std::vector<std::string> DaemonObjects::ids() const {
  std::vector<std::string> names;
  for (const auto& [id, object] : objects_) {
    names.push_back(id);
  }
  return names;
}

std::optional<ObjectType> DaemonObjects::TypeOf(std::string_view id) const {
  const auto found = objects_.find(id);
  if (found == objects_.end()) {
    return std::nullopt;
  }
  return found->second.options.qom_type;
}

Result<JsonValue, Error> DaemonObjects::Get(std::string_view id, std::string_view property) const {
  const auto found = objects_.find(id);
  FB_ASSERT(found != objects_.end());
  const ObjectOptions& options = found->second.options;
  const std::string_view type = EnumName(options.qom_type);
  if (property == "type") {
    return JsonValue(type);
  }
  const ObjectProperty* const known = FindProperty(options.qom_type, property);
  if (known == nullptr) {
    return Invalid(fmt::format("Property '{}.{}' not found", type, property));
  }
  const JsonDict values = ValuesOf(options);
  const JsonValue* const value = values.Find(property);
  return value == nullptr ? known->default_value : *value;
}

Result<Unit, Error> DaemonObjects::Set(std::string_view id, std::string_view property,
                                       JsonValue value) {
  const auto found = objects_.find(id);
  FB_ASSERT(found != objects_.end());
  Object& object = found->second;
  const ObjectType type = object.options.qom_type;
  const ObjectProperty* const known = FindProperty(type, property);
  if (known == nullptr && property != "type") {
    return Invalid(fmt::format("Property '{}.{}' not found", EnumName(type), property));
  }
  if (known == nullptr || !known->writable) {
    return Invalid(fmt::format("Property '{}.{}' is not writable", EnumName(type), property));
  }
  JsonDict values = ValuesOf(object.options);
  values.Set(property, std::move(value));
  if (type == ObjectType::kSecret) {
    FB_ASSIGN(object.options.u, qapi::FromJson<SecretProperties>(JsonValue(std::move(values))));
    return Unit{};
  }
  FB_ASSIGN(const auto wanted, qapi::FromJson<IothreadProperties>(JsonValue(std::move(values))));
  FB_TRY(CheckIothread(wanted));
  object.options.u = wanted;
  ApplyPolling(object.thread->loop(), wanted);
  return Unit{};
}

std::string DescribeObjectTypes() {
  return "List of user creatable objects:\n  iothread\n  secret\n";
}

std::string DescribeObjectType(ObjectType type) {
  std::string text = fmt::format("{} options:\n", EnumName(type));
  for (const ObjectProperty& property : PropertiesOf(type)) {
    if (property.writable) {
      text += fmt::format("  {}=<{}>\n", property.name, property.type);
    }
  }
  return text;
}

}  // namespace fusebay
