// Tells once of what is not fatal, and once of what is.
#include "block/corruption.h"

#include "graph_internal.h"

namespace fusebay {

void CorruptionReporter::Report(std::string message, std::optional<std::uint64_t> offset,
                                std::optional<std::uint64_t> size, bool fatal) {
  if (told_fatal_.load() || (fatal ? told_fatal_ : told_).exchange(true)) {
    return;
  }
  graph_.impl().watch.Tell(ImageCorruption{.node_name = node_name_,
                                           .message = std::move(message),
                                           .offset = offset,
                                           .size = size,
                                           .fatal = fatal});
}

}  // namespace fusebay
