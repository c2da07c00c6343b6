// RunOnLoop: the loop of a command that does one thing and ends.
#pragma once
#include <functional>
#include <optional>
#include <string_view>

#include "core/aio_context.h"

namespace fusebay {

// Calls work on this thread with a loop to run tasks on, and returns what it returns: the exit
// code. Where there can be no loop, says why and returns kExitFailure. `command` is its name as
// messages have it ("img map"). A command with much I/O leaves the engine open; for any other,
// threads start fastest.
int RunOnLoop(std::string_view command, std::optional<EngineKind> engine,
              const std::function<int(AioContext& loop)>& work);

}  // namespace fusebay
