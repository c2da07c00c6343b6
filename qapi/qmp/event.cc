// Makes events.
#include <chrono>

#include "qapi/qmp.h"

namespace fusebay::qapi {

JsonValue MakeEvent(std::string_view name, JsonValue data) {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  using std::chrono::seconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto whole = duration_cast<seconds>(now);
  JsonDict event;
  event.Set("timestamp",
            JsonDict{{"seconds", whole.count()},
                     {"microseconds", duration_cast<microseconds>(now - whole).count()}});
  event.Set("event", name);
  if (!data.is_null()) {
    event.Set("data", std::move(data));
  }
  return event;
}

}  // namespace fusebay::qapi
