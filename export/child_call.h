// CallInChild: a system call that may wait without limit for somebody else, made with a time limit.
#pragma once
#include <chrono>

#include "base/result.h"

namespace fusebay {

// Calls `body` in a child process and returns the errno that it returns, or a value for 0.
// ETIMEDOUT: it has not returned in time; the child is killed, and if the kernel does not let it
// die it waits on alone.
//
// `body` runs after fork in a program with threads: it may make async-signal-safe calls only. It
// has no descriptors but 0, 1 and 2, so that no /dev/fuse stays open in a child that hangs. Blocks:
// not for a loop's thread. Any thread.
Result<> CallInChild(int (*body)(const void* argument), const void* argument,
                     std::chrono::milliseconds time_limit);

}  // namespace fusebay
