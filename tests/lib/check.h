// The tests' small language: TEST, CHECK and friends. The runner behind it is CMocka.
//
//   TEST(ReadPastEndIsShort) {
//     CHECK_EQ(node.Read(...), 3);
//   }
//
// A failed check throws, so that destructors run; the bridge turns it into a CMocka failure. Inside
// a coroutine a throw ends the program, which is a failure, too: the message is printed first.
#pragma once
#include <cstdint>
#include <sstream>
#include <string>
#include <type_traits>

#include "base/result.h"

namespace fusebay::test {

struct Failure {
  std::string message;
};

struct Skipped {
  std::string reason;
};

using TestFunction = void (*)();

struct Registration {
  Registration(const char* file, const char* name, TestFunction function);
};

[[noreturn]] void Fail(const char* file, int line, const std::string& message);
// Ends the test as skipped, loudly.
[[noreturn]] void Skip(const std::string& reason);
// The seed of this run: FUSEBAY_TEST_SEED, or 1. Printed when a test fails.
std::uint64_t Seed();

template <class T>
std::string Show(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<std::int64_t>(value));
  } else if constexpr (std::is_convertible_v<T, std::string>) {
    return std::string(value);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else {
    std::ostringstream out;
    out << value;
    return out.str();
  }
}

// What CHECK_EQ keeps of an operand: a copy, for the operand may be part of a temporary that ends
// with the statement; an atomic's value.
template <class T>
auto Keep(const T& value) {
  if constexpr (std::is_copy_constructible_v<T>) {
    return value;
  } else {
    return value.load();
  }
}
inline const char* Keep(const char* text) { return text; }

inline std::string Describe(Errno e) { return "errno " + std::to_string(e.value()); }
inline std::string Describe(const Error& e) { return Describe(e.code) + ": " + e.message; }

}  // namespace fusebay::test

#define TEST(name)                                                                       \
  static void name();                                                                    \
  static const ::fusebay::test::Registration fb_register_##name{__FILE__, #name, &name}; \
  static void name()

#define CHECK(condition)                                                \
  do {                                                                  \
    if (!(condition)) {                                                 \
      ::fusebay::test::Fail(__FILE__, __LINE__, "not so: " #condition); \
    }                                                                   \
  } while (false)

#define CHECK_EQ(actual, expected)                                                           \
  do {                                                                                       \
    const auto fb_actual = ::fusebay::test::Keep(actual);                                    \
    const auto fb_expected = ::fusebay::test::Keep(expected);                                \
    if (!(fb_actual == fb_expected)) {                                                       \
      ::fusebay::test::Fail(__FILE__, __LINE__,                                              \
                            std::string(#actual " is ") + ::fusebay::test::Show(fb_actual) + \
                                ", expected " + ::fusebay::test::Show(fb_expected));         \
    }                                                                                        \
  } while (false)

// A Result that must be a value.
#define CHECK_OK(result)                                                                    \
  do {                                                                                      \
    const auto& fb_result = (result);                                                       \
    if (!fb_result.ok()) {                                                                  \
      ::fusebay::test::Fail(__FILE__, __LINE__,                                             \
                            #result " is " + ::fusebay::test::Describe(fb_result.error())); \
    }                                                                                       \
  } while (false)

// A Result<T> (Errno) that must be this error.
#define CHECK_ERRNO(result, expected)                                    \
  do {                                                                   \
    const auto& fb_result = (result);                                    \
    if (fb_result.ok()) {                                                \
      ::fusebay::test::Fail(__FILE__, __LINE__, #result " is no error"); \
    }                                                                    \
    CHECK_EQ(fb_result.error().value(), expected);                       \
  } while (false)

// A Result<T, Error> whose message must contain `text`.
#define CHECK_MESSAGE(result, text)                                                             \
  do {                                                                                          \
    const auto& fb_result = (result);                                                           \
    if (fb_result.ok()) {                                                                       \
      ::fusebay::test::Fail(__FILE__, __LINE__, #result " is no error");                        \
    }                                                                                           \
    if (fb_result.error().message.find(text) == std::string::npos) {                            \
      ::fusebay::test::Fail(__FILE__, __LINE__, #result " says: " + fb_result.error().message); \
    }                                                                                           \
  } while (false)
