// Makes the kernel send what clients of a mount have written but not synced: dirty pages of mmap
// and of a writeback cache.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/result.h"

namespace fusebay {

// Syncs the file mounted at `path`, if the mount is still the one of `device`. In a child process,
// which has no /dev/fuse open: such a call of the server's own can wait for the server, and would
// then keep even a killed one from ending. ETIMEDOUT: it has not returned in time, and goes on
// alone. Blocks: not for a loop's thread. Any thread.
Result<> WriteBackClientCache(const std::string& path, dev_t device,
                              std::chrono::milliseconds time_limit);

}  // namespace fusebay
