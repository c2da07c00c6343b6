// Counts the memory allocations of each thread, for tests of paths that must make none.
//
// Replaces malloc and its kind for the whole program, whoever calls them: operator new and every
// library. Include it in one source file of a program, at most. Where the C library is not glibc,
// or a sanitizer has a malloc of its own, only coroutine frames are counted.
#pragma once
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "core/task.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FB_COUNTS_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define FB_COUNTS_MALLOC 0
#endif
#endif
#if !defined(FB_COUNTS_MALLOC)
#include <features.h>
#if defined(__GLIBC__)
#define FB_COUNTS_MALLOC 1
#else
#define FB_COUNTS_MALLOC 0
#endif
#endif

namespace fusebay::test {

inline constexpr bool kCountsMalloc = FB_COUNTS_MALLOC != 0;

#if FB_COUNTS_MALLOC
inline thread_local std::uint64_t allocations_of_this_thread = 0;
inline std::uint64_t AllocationsOfThisThread() { return allocations_of_this_thread; }
#else
inline std::uint64_t AllocationsOfThisThread() { return FramePool::ThreadStats().mallocs; }
#endif

}  // namespace fusebay::test

#if FB_COUNTS_MALLOC
// The program's own malloc comes before the C library's.
extern "C" {
// NOLINTBEGIN: the names are glibc's.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
// NOLINTEND
void* malloc(std::size_t size) {
  ++fusebay::test::allocations_of_this_thread;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++fusebay::test::allocations_of_this_thread;
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  ++fusebay::test::allocations_of_this_thread;
  return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++fusebay::test::allocations_of_this_thread;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
  ++fusebay::test::allocations_of_this_thread;
  *result = __libc_memalign(alignment, size);
  return *result == nullptr ? ENOMEM : 0;
}
}
#endif
