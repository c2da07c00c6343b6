// The one clock of the event loops: monotonic; a simulation may run it at its own pace.
#pragma once
#include <chrono>

namespace fusebay {

using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

}  // namespace fusebay
