// OutputQueue: what is to be written to one client, in order and within bounds.
#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace fusebay::qapi {

class OutputQueue {
 public:
  explicit OutputQueue(std::size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}

  void PutReply(std::string text);
  // False, and nothing is added: too much of this kind waits already.
  bool PutEvent(std::string text);

  bool empty() const { return messages_.empty(); }
  std::size_t bytes() const { return bytes_; }
  // What comes next. REQUIRES: !empty().
  std::string_view front() const;
  // `count` bytes of front() are written.
  void Advance(std::size_t count);
  void Clear();

 private:
  struct Message {
    std::string text;
    bool is_event;
  };

  const std::size_t max_event_bytes_;
  std::deque<Message> messages_;
  std::size_t offset_ = 0;  // written of the first
  std::size_t bytes_ = 0;
  std::size_t event_bytes_ = 0;
};

}  // namespace fusebay::qapi
