// The bookkeeping of OutputQueue.
#include "output_queue.h"

#include <utility>

#include "base/assert.h"

namespace fusebay::qapi {

void OutputQueue::PutReply(std::string text) {
  FB_ASSERT(!text.empty());
  bytes_ += text.size();
  messages_.push_back({std::move(text), false});
}

bool OutputQueue::PutEvent(std::string text) {
  FB_ASSERT(!text.empty());
  if (event_bytes_ + text.size() > max_event_bytes_) {
    return false;
  }
  bytes_ += text.size();
  event_bytes_ += text.size();
  messages_.push_back({std::move(text), true});
  return true;
}

std::string_view OutputQueue::front() const {
  FB_ASSERT(!messages_.empty());
  return std::string_view(messages_.front().text).substr(offset_);
}

void OutputQueue::Advance(std::size_t count) {
  FB_ASSERT(count <= front().size());
  offset_ += count;
  bytes_ -= count;
  const Message& message = messages_.front();
  if (offset_ < message.text.size()) {
    return;
  }
  if (message.is_event) {
    event_bytes_ -= message.text.size();
  }
  messages_.pop_front();
  offset_ = 0;
}

void OutputQueue::Clear() {
  messages_.clear();
  offset_ = 0;
  bytes_ = 0;
  event_bytes_ = 0;
}

}  // namespace fusebay::qapi
