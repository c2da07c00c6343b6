// Fuzzes QMP from bytes to replies, with commands that only check their arguments.
//
// The first byte: bit 0 negotiated, bit 1 with oob.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "qapi/json_stream.h"
#include "tests/lib/qmp_stub.h"

using namespace fusebay;
using namespace fusebay::qapi;

namespace {

const QmpCommands& Commands() {
  static const QmpCommands* const commands = [] {
    auto* const made = new QmpCommands();
    AddAllCommands(*made);
    return made;
  }();
  return *commands;
}

// A reply is either a value or an error with a text, and has the request's id.
void CheckReply(const JsonValue& request, const JsonValue& reply) {
  const JsonDict& dict = *reply.AsDict();
  const JsonValue* const error = dict.Find("error");
  FB_ASSERT((dict.Find("return") != nullptr) != (error != nullptr));
  if (error != nullptr) {
    FB_ASSERT(!error->AsDict()->Find("desc")->AsString()->empty());
  }
  const JsonDict* const asked = request.AsDict();
  const JsonValue* const id = asked != nullptr ? asked->Find("id") : nullptr;
  const JsonValue* const same = dict.Find("id");
  FB_ASSERT((id != nullptr) == (same != nullptr));
  FB_ASSERT(id == nullptr || *id == *same);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  QmpSession session;
  session.negotiated = (data[0] & 1) != 0;
  session.oob = (data[0] & 2) != 0;
  JsonStream stream;
  for (const auto& item : stream.Feed({reinterpret_cast<const char*>(data) + 1, size - 1})) {
    if (item.ok()) {
      CheckReply(*item, RunNow(Dispatch(Commands(), session, *item)));
    } else {
      CheckReply({}, ParseErrorReply(item.error()));
    }
  }
  return 0;
}
