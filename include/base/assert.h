// FB_ASSERT: checks what only a bug can break. Stays on in every build.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace fusebay {

[[noreturn]] inline void AssertFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "fusebay: %s:%d: assertion failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace fusebay

#define FB_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::fusebay::AssertFailed(#condition, __FILE__, __LINE__))
