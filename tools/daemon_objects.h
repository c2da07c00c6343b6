// DaemonObjects: what object-add and --object make. An iothread is a thread that serves exports; a
// secret is kept for those who ask for it.
//
// Names, properties and messages are QEMU's. Everything here belongs to the control loop.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/loop_thread.h"
#include "qapi/generated/types.h"
#include "qapi/qmp.h"

namespace fusebay {

// A property of a kind of object. What was not given has the default.
struct ObjectProperty {
  std::string_view name;
  std::string_view type;
  qapi::JsonValue default_value;
  bool writable = true;
};

// In the order of qom-list, without "type".
std::span<const ObjectProperty> PropertiesOf(qapi::ObjectType type);

// Loops of iothreads. The iothreads are in use, and cannot be removed, while it lives.
class IothreadUse {
 public:
  const std::vector<AioContext*>& loops() const { return loops_; }

 private:
  friend class DaemonObjects;
  std::vector<AioContext*> loops_;
  std::vector<std::shared_ptr<LoopThread>> threads_;  // owned by the object and those who use it
};

class DaemonObjects {
 public:
  explicit DaemonObjects(WorkerPool& workers) : workers_(workers) {}
  DaemonObjects(const DaemonObjects&) = delete;
  DaemonObjects& operator=(const DaemonObjects&) = delete;

  // Errors: "Parameter 'id' expects an identifier", "attempt to add duplicate property 'X' to
  // object (type 'container')", and what is wrong with the properties.
  Task<Result<Unit, Error>> Add(qapi::ObjectOptions options);
  // "object 'X' not found", "object 'X' is in use, can not be deleted".
  Result<Unit, Error> Remove(std::string_view id);

  // `iothread "X" not found`; a name that occurs twice is one thread.
  Result<IothreadUse, Error> UseIothreads(std::span<const std::string> ids) const;

  std::vector<std::string> ids() const;
  // Nothing: there is no such object.
  std::optional<qapi::ObjectType> TypeOf(std::string_view id) const;
  // REQUIRES: the object exists. "Property 'iothread.X' not found"; "Property 'iothread.X' is not
  // writable".
  Result<qapi::JsonValue, Error> Get(std::string_view id, std::string_view property) const;
  Result<Unit, Error> Set(std::string_view id, std::string_view property, qapi::JsonValue value);

 private:
  struct Object {
    qapi::ObjectOptions options;
    std::shared_ptr<LoopThread> thread;  // of an iothread; IothreadUse has the other owners
  };

  Result<Unit, Error> StartThread(Object& object);

  WorkerPool& workers_;
  std::map<std::string, Object, std::less<>> objects_;
};

// object-add, object-del, qom-list, qom-list-types, qom-list-properties, qom-get and qom-set.
// `objects` outlives the commands.
void AddObjectCommands(qapi::QmpCommands& commands, DaemonObjects& objects);

// What --object help and --object TYPE,help show.
std::string DescribeObjectTypes();
std::string DescribeObjectType(qapi::ObjectType type);

}  // namespace fusebay
