// Result<T>: a value or an error, never an exception.
//
// Two kinds of error: Errno on the I/O path (one int, never allocates) and Error on the control
// path (open, command line, monitor), which carries a message that names the thing and the cause.
#pragma once
#include <cerrno>
#include <string>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace fusebay {

// A positive errno value.
class Errno {
 public:
  explicit constexpr Errno(int value) : value_(value) { FB_ASSERT(value > 0); }
  constexpr int value() const { return value_; }
  friend constexpr bool operator==(Errno, Errno) = default;

 private:
  int value_;
};

struct Error {
  Errno code;
  std::string message;
};

struct Unit {};

template <class T = Unit, class E = Errno>
class [[nodiscard]] Result {
 public:
  constexpr Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  constexpr Result(E error) : v_(std::in_place_index<1>, std::move(error)) {}

  constexpr bool ok() const { return v_.index() == 0; }
  explicit constexpr operator bool() const { return ok(); }
  // REQUIRES: ok().
  constexpr T& operator*() { return *Checked(std::get_if<0>(&v_)); }
  constexpr const T& operator*() const { return *Checked(std::get_if<0>(&v_)); }
  constexpr T* operator->() { return Checked(std::get_if<0>(&v_)); }
  constexpr const T* operator->() const { return Checked(std::get_if<0>(&v_)); }
  // REQUIRES: !ok().
  constexpr const E& error() const { return *Checked(std::get_if<1>(&v_)); }

 private:
  template <class P>
  static constexpr P* Checked(P* pointer) {
    FB_ASSERT(pointer != nullptr);
    return pointer;
  }

  std::variant<T, E> v_;
};

inline constexpr Result<> Ok() { return Unit{}; }

}  // namespace fusebay

// Statement macros. FB_ in plain functions, CO_ in coroutines:
//   FB_TRY(expr);                  returns expr's error, if it is one
//   FB_ASSIGN(const auto x, expr); declares x with expr's value, or returns its error
#define FB_CAT2(a, b) a##b
#define FB_CAT(a, b) FB_CAT2(a, b)
#define FB_TRY_IMPL(keyword, tmp, ...) \
  const auto tmp = (__VA_ARGS__);      \
  if (!tmp.ok()) [[unlikely]]          \
  keyword tmp.error()
#define FB_ASSIGN_IMPL(keyword, tmp, decl, ...) \
  auto tmp = (__VA_ARGS__);                     \
  if (!tmp.ok()) [[unlikely]] {                 \
    keyword tmp.error();                        \
  }                                             \
  decl = std::move(*tmp)
#define FB_TRY(...) FB_TRY_IMPL(return, FB_CAT(fb_try_, __COUNTER__), __VA_ARGS__)
#define CO_TRY(...) FB_TRY_IMPL(co_return, FB_CAT(fb_try_, __COUNTER__), __VA_ARGS__)
#define FB_ASSIGN(decl, ...) FB_ASSIGN_IMPL(return, FB_CAT(fb_try_, __COUNTER__), decl, __VA_ARGS__)
#define CO_ASSIGN(decl, ...) \
  FB_ASSIGN_IMPL(co_return, FB_CAT(fb_try_, __COUNTER__), decl, __VA_ARGS__)
