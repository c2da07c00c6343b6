// Makes the loop, with the workers it needs, and ends both.
#include "command_loop.h"

#include "subcommand.h"

namespace fusebay {

int RunOnLoop(std::string_view command, std::optional<EngineKind> engine,
              const std::function<int(AioContext& loop)>& work) {
  WorkerPool workers;
  const auto loop = AioContext::Create(
      {.name = std::string(command), .engine = engine, .warn_of_stalls = false}, workers);
  if (!loop.ok()) {
    PrintError(command, loop.error().message);
    return kExitFailure;
  }
  return work(**loop);
}

}  // namespace fusebay
