// The handler of signals that come while a file is unfinished.
#include "remove_on_interrupt.h"

#include <atomic>

#include "base/assert.h"

namespace fusebay {

namespace {

// For the handler, which may run on any thread.
std::array<std::atomic<const NewFile*>, RemoveOnInterrupt::kMaxFiles> unfinished{};

void RemoveAndEnd(int signal) {
  for (const std::atomic<const NewFile*>& slot : unfinished) {
    const NewFile* const file = slot.load();
    if (file != nullptr) {
      file->RemoveIfNew();
    }
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace

RemoveOnInterrupt::RemoveOnInterrupt(std::initializer_list<const NewFile*> files) {
  FB_ASSERT(files.size() <= kMaxFiles);
  std::size_t slot = 0;
  for (const NewFile* const file : files) {
    FB_ASSERT(unfinished[slot].load() == nullptr);
    unfinished[slot++].store(file);
  }
  struct sigaction action{};
  action.sa_handler = &RemoveAndEnd;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &old_[i]);
    if (old_[i].sa_handler != SIG_IGN) {
      ::sigaction(kSignals[i], &action, nullptr);
    }
  }
}

RemoveOnInterrupt::~RemoveOnInterrupt() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &old_[i], nullptr);
  }
  for (std::atomic<const NewFile*>& slot : unfinished) {
    slot.store(nullptr);
  }
}

}  // namespace fusebay
