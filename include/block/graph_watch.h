// What happens to nodes while they are in use, for whoever manages them: corrupt images, writes
// above a threshold.
#pragma once
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "block/corruption.h"

namespace fusebay {

class AioContext;

// What BLOCK_WRITE_THRESHOLD tells.
struct WriteAboveThreshold {
  std::string node_name;
  std::uint64_t amount = 0;  // how far above it the write ends, bytes
  std::uint64_t threshold = 0;
};

class GraphObserver {
 public:
  virtual ~GraphObserver() = default;
  virtual void OnImageCorrupted(const ImageCorruption& corruption) = 0;
  virtual void OnWriteAboveThreshold(const WriteAboveThreshold& write) = 0;
};

// Brings it to the observer's loop. Any loop may tell.
class GraphWatch {
 public:
  GraphWatch() = default;
  GraphWatch(const GraphWatch&) = delete;
  GraphWatch& operator=(const GraphWatch&) = delete;

  // Null: nobody is told. What has been posted to the loop before that still arrives.
  void Set(GraphObserver* observer, AioContext& loop);
  void Tell(ImageCorruption corruption);
  void Tell(WriteAboveThreshold write);

 private:
  void Post(const std::function<void(GraphObserver&)>& call);

  std::mutex mutex_;
  GraphObserver* observer_ = nullptr;
  AioContext* loop_ = nullptr;
};

}  // namespace fusebay
