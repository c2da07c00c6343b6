// Per-thread free lists for coroutine frames.
#include <array>
#include <cstdlib>

#include "core/task.h"

namespace fusebay {

namespace {

constexpr std::size_t kClassBytes = 64;
constexpr std::size_t kMaxBytes = 2048;
constexpr std::size_t kClasses = kMaxBytes / kClassBytes;
constexpr std::uint32_t kMaxKept = 256;  // frames kept per class and thread

struct FreeFrame {
  FreeFrame* next;
};

struct Lists {
  std::array<FreeFrame*, kClasses> free{};
  std::array<std::uint32_t, kClasses> kept{};
  FramePool::Stats stats;

  ~Lists() {
    for (FreeFrame* frame : free) {
      while (frame != nullptr) {
        FreeFrame* const next = frame->next;
        std::free(frame);
        frame = next;
      }
    }
  }
};

Lists& ThreadLists() {
  thread_local Lists lists;
  return lists;
}

std::size_t ClassOf(std::size_t size) { return (size - 1) / kClassBytes; }

void* Allocate(std::size_t size) {
  void* const memory = std::malloc(size);
  FB_ASSERT(memory != nullptr);
  return memory;
}

}  // namespace

void* FramePool::Get(std::size_t size) {
  Lists& lists = ThreadLists();
  ++lists.stats.frames;
  if (size > kMaxBytes) {
    ++lists.stats.mallocs;
    return Allocate(size);
  }
  const std::size_t index = ClassOf(size);
  FreeFrame* const frame = lists.free[index];
  if (frame == nullptr) {
    ++lists.stats.mallocs;
    return Allocate((index + 1) * kClassBytes);
  }
  lists.free[index] = frame->next;
  --lists.kept[index];
  return frame;
}

void FramePool::Put(void* memory, std::size_t size) noexcept {
  if (size > kMaxBytes) {
    std::free(memory);
    return;
  }
  Lists& lists = ThreadLists();
  const std::size_t index = ClassOf(size);
  if (lists.kept[index] >= kMaxKept) {
    std::free(memory);
    return;
  }
  FreeFrame* const frame = static_cast<FreeFrame*>(memory);
  frame->next = lists.free[index];
  lists.free[index] = frame;
  ++lists.kept[index];
}

FramePool::Stats FramePool::ThreadStats() { return ThreadLists().stats; }

}  // namespace fusebay
