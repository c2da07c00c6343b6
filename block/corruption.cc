// Brings a report of corruption to the loop of whoever watches the graph.
#include "block/corruption.h"

#include "graph_internal.h"

namespace fusebay {

void BlockGraph::SetCorruptionObserver(CorruptionObserver* observer, AioContext& loop) {
  const std::lock_guard guard(impl_->corruption_mutex);
  impl_->corruption_observer = observer;
  impl_->corruption_loop = &loop;
}

void CorruptionReporter::Report(std::string message, std::optional<std::uint64_t> offset,
                                std::optional<std::uint64_t> size, bool fatal) {
  if (told_fatal_.load() || (fatal ? told_fatal_ : told_).exchange(true)) {
    return;
  }
  BlockGraph::Impl& graph = graph_.impl();
  const std::lock_guard guard(graph.corruption_mutex);
  if (graph.corruption_observer == nullptr) {
    return;
  }
  const ImageCorruption corruption{.node_name = node_name_,
                                   .message = std::move(message),
                                   .offset = offset,
                                   .size = size,
                                   .fatal = fatal};
  graph.corruption_loop->Post([observer = graph.corruption_observer, corruption] {
    observer->OnImageCorrupted(corruption);
  });
}

}  // namespace fusebay
