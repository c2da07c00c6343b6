// The commands about objects, and the tree of objects that qom-list, qom-get and qom-set walk: "/",
// "/objects" and below it every object by its id.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "daemon_objects.h"
#include "qapi/generated/commands.h"

namespace fusebay {

namespace {

using qapi::JsonValue;
using qapi::ObjectPropertyInfo;
using qapi::QmpError;
using qapi::QmpErrorClass;

constexpr std::string_view kContainer = "objects";

// A place in the tree: no name is the root, one is the container, two are an object.
using Place = std::vector<std::string>;

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) {
      names.emplace_back(path.substr(0, slash));
    }
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return names;
}

bool EndsWith(const Place& place, const std::vector<std::string>& names) {
  return names.size() <= place.size() && std::equal(names.rbegin(), names.rend(), place.rbegin());
}

std::vector<Place> AllPlaces(const DaemonObjects& objects) {
  std::vector<Place> places = {{}, {std::string(kContainer)}};
  for (const std::string& id : objects.ids()) {
    places.push_back({std::string(kContainer), id});
  }
  return places;
}

// A path that does not begin at the root is the end of a place.
std::vector<Place> FindPlaces(const DaemonObjects& objects, std::string_view path) {
  const std::vector<std::string> names = SplitPath(path);
  std::vector<Place> found;
  for (Place& place : AllPlaces(objects)) {
    if (path.starts_with('/') ? place == names : EndsWith(place, names)) {
      found.push_back(std::move(place));
    }
  }
  return found;
}

QmpError NotFound(std::string_view path) {
  return {QmpErrorClass::kDeviceNotFound, fmt::format("Device '{}' not found", path)};
}

Result<Place, QmpError> FindOne(const DaemonObjects& objects, std::string_view path) {
  std::vector<Place> found = FindPlaces(objects, path);
  if (found.size() != 1) {
    return NotFound(path);
  }
  return std::move(found.front());
}

ObjectPropertyInfo PropertyInfo(std::string_view name, std::string_view type) {
  return {.name = std::string(name), .type = std::string(type)};
}

ObjectPropertyInfo ChildInfo(std::string_view name, std::string_view type) {
  return PropertyInfo(name, fmt::format("child<{}>", type));
}

void AppendProperties(std::vector<ObjectPropertyInfo>& list, qapi::ObjectType type) {
  for (const ObjectProperty& property : PropertiesOf(type)) {
    list.push_back(PropertyInfo(property.name, property.type));
  }
}

Result<std::vector<ObjectPropertyInfo>, QmpError> List(const DaemonObjects& objects,
                                                       const std::string& path) {
  const std::vector<Place> found = FindPlaces(objects, path);
  if (found.size() > 1) {
    return QmpError(fmt::format("Path '{}' is ambiguous", path));
  }
  if (found.empty()) {
    return NotFound(path);
  }
  const Place& place = found.front();
  std::vector<ObjectPropertyInfo> list = {PropertyInfo("type", "string")};
  if (place.empty()) {
    list.push_back(ChildInfo(kContainer, "container"));
  } else if (place.size() == 1) {
    for (const std::string& id : objects.ids()) {
      list.push_back(ChildInfo(id, EnumName(*objects.TypeOf(id))));
    }
  } else {
    AppendProperties(list, *objects.TypeOf(place.back()));
  }
  return list;
}

// Of the root and the container: their kind and what is below.
Result<JsonValue, QmpError> GetOfContainer(const DaemonObjects& objects, const Place& place,
                                           std::string_view property) {
  if (property == "type") {
    return JsonValue("container");
  }
  Place child = place;
  child.emplace_back(property);
  const std::string path = fmt::format("/{}", fmt::join(child, "/"));
  if (property.find('/') == std::string_view::npos && FindPlaces(objects, path).size() == 1) {
    return JsonValue(path);
  }
  return QmpError(fmt::format("Property 'container.{}' not found", property));
}

Result<JsonValue, QmpError> Get(const DaemonObjects& objects,
                                const qapi::QomGetArguments& arguments) {
  FB_ASSIGN(const Place place, FindOne(objects, arguments.path));
  if (place.size() < 2) {
    return GetOfContainer(objects, place, arguments.property);
  }
  const Result<JsonValue, Error> value = objects.Get(place.back(), arguments.property);
  if (!value.ok()) {
    return QmpError(value.error());
  }
  return *value;
}

// The kinds of objects, as a tree.
struct Kind {
  std::string_view name;
  std::string_view parent;  // empty: none
  bool abstract = false;
  bool user_creatable = false;
};

constexpr std::string_view kUserCreatable = "user-creatable";
constexpr Kind kKinds[] = {
    {"object", "", true},
    {"container", "object"},
    {"iothread", "object", false, true},
    {"secret", "object", false, true},
};

bool Implements(const Kind& kind, std::string_view wanted) {
  return kind.name == wanted || kind.parent == wanted ||
         (kind.user_creatable && wanted == kUserCreatable);
}

std::vector<qapi::ObjectTypeInfo> ListTypes(const qapi::QomListTypesArguments& arguments) {
  std::vector<qapi::ObjectTypeInfo> list;
  for (const Kind& kind : kKinds) {
    if ((kind.abstract && !arguments.abstract.value_or(false)) ||
        (arguments.implements.has_value() && !Implements(kind, *arguments.implements))) {
      continue;
    }
    qapi::ObjectTypeInfo info{.name = std::string(kind.name)};
    if (kind.abstract) {
      info.abstract = true;
    }
    if (!kind.parent.empty()) {
      info.parent = std::string(kind.parent);
    }
    list.push_back(std::move(info));
  }
  return list;
}

Result<std::vector<ObjectPropertyInfo>, QmpError> ListProperties(const std::string& kind) {
  if (kind == kUserCreatable) {
    return QmpError("Parameter 'typename' expects a QOM type");
  }
  if (std::none_of(std::begin(kKinds), std::end(kKinds),
                   [&kind](const Kind& known) { return known.name == kind; })) {
    return QmpError(QmpErrorClass::kDeviceNotFound, fmt::format("Class '{}' not found", kind));
  }
  std::vector<ObjectPropertyInfo> list = {PropertyInfo("type", "string")};
  for (const qapi::ObjectType type : {qapi::ObjectType::kIothread, qapi::ObjectType::kSecret}) {
    if (EnumName(type) == kind) {
      AppendProperties(list, type);
    }
  }
  return list;
}

Result<Unit, QmpError> Set(DaemonObjects& objects, qapi::QomSetArguments arguments) {
  FB_ASSIGN(const Place place, FindOne(objects, arguments.path));
  if (place.size() < 2) {
    FB_TRY(GetOfContainer(objects, place, arguments.property));
    return QmpError(fmt::format("Property 'container.{}' is not writable", arguments.property));
  }
  const Result<Unit, Error> set =
      objects.Set(place.back(), arguments.property, std::move(arguments.value));
  if (!set.ok()) {
    return QmpError(set.error());
  }
  return Unit{};
}

Task<Result<Unit, QmpError>> AddObject(DaemonObjects& objects, qapi::ObjectOptions options) {
  const Result<Unit, Error> added = co_await objects.Add(std::move(options));
  if (!added.ok()) {
    co_return QmpError(added.error());
  }
  co_return Unit{};
}

Result<Unit, QmpError> RemoveObject(DaemonObjects& objects, const std::string& id) {
  const Result<Unit, Error> removed = objects.Remove(id);
  if (!removed.ok()) {
    return QmpError(removed.error());
  }
  return Unit{};
}

}  // namespace

void AddObjectCommands(qapi::QmpCommands& commands, DaemonObjects& objects) {
  using qapi::QmpSession;
  commands.Add<qapi::ObjectAddCommand>([&objects](qapi::ObjectOptions options, QmpSession&) {
    return AddObject(objects, std::move(options));
  });
  commands.Add<qapi::ObjectDelCommand>(
      [&objects](const qapi::ObjectDelArguments& arguments, QmpSession&) {
        return Task<Result<Unit, QmpError>>(RemoveObject(objects, arguments.id));
      });
  commands.Add<qapi::QomListCommand>([&objects](const qapi::QomListArguments& arguments,
                                                QmpSession&) {
    return Task<Result<std::vector<ObjectPropertyInfo>, QmpError>>(List(objects, arguments.path));
  });
  commands.Add<qapi::QomListTypesCommand>(
      [](const qapi::QomListTypesArguments& arguments, QmpSession&) {
        return Task<Result<std::vector<qapi::ObjectTypeInfo>, QmpError>>(ListTypes(arguments));
      });
  commands.Add<qapi::QomListPropertiesCommand>(
      [](const qapi::QomListPropertiesArguments& arguments, QmpSession&) {
        return Task<Result<std::vector<ObjectPropertyInfo>, QmpError>>(
            ListProperties(arguments.typename_));
      });
  commands.Add<qapi::QomGetCommand>(
      [&objects](const qapi::QomGetArguments& arguments, QmpSession&) {
        return Task<Result<JsonValue, QmpError>>(Get(objects, arguments));
      });
  commands.Add<qapi::QomSetCommand>([&objects](qapi::QomSetArguments arguments, QmpSession&) {
    return Task<Result<Unit, QmpError>>(Set(objects, std::move(arguments)));
  });
}

}  // namespace fusebay
