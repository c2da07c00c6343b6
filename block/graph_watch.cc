// Brings what happens to nodes to the loop of whoever watches the graph.
#include "block/graph_watch.h"

#include <utility>

#include "core/aio_context.h"

namespace fusebay {

void GraphWatch::Set(GraphObserver* observer, AioContext& loop) {
  const std::lock_guard guard(mutex_);
  observer_ = observer;
  loop_ = &loop;
}

void GraphWatch::Tell(ImageCorruption corruption) {
  Post([corruption = std::move(corruption)](GraphObserver& observer) {
    observer.OnImageCorrupted(corruption);
  });
}

void GraphWatch::Tell(WriteAboveThreshold write) {
  Post([write = std::move(write)](GraphObserver& observer) {
    observer.OnWriteAboveThreshold(write);
  });
}

void GraphWatch::Post(const std::function<void(GraphObserver&)>& call) {
  const std::lock_guard guard(mutex_);
  if (observer_ != nullptr) {
    loop_->Post([observer = observer_, call] { call(*observer); });
  }
}

}  // namespace fusebay
