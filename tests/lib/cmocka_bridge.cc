// Runs every TEST of the program under CMocka. CMocka's own assertions jump past destructors and
// its header defines `fail` and `skip` as macros, so it is seen in this file alone.
//
// usage: PROGRAM [FILE [PATTERN]]
//   FILE     the tests of FILE_test.cc, rather than of all files of the program
//   PATTERN  those of them whose names match (* and ?)
#include <setjmp.h>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "check.h"

extern "C" {
#include <cmocka.h>
}

namespace fusebay::test {

namespace {

struct RegisteredTest {
  std::string_view file;  // as the compiler was told
  CMUnitTest test;
};

std::vector<RegisteredTest>& Tests() {
  static std::vector<RegisteredTest> tests;
  return tests;
}

// "rmw" for "tests/unit/block/rmw_test.cc".
std::string_view StemOf(std::string_view file) {
  file.remove_prefix(file.rfind('/') + 1);
  return file.substr(0, file.find("_test.cc"));
}

std::vector<CMUnitTest> TestsOf(const char* stem) {
  std::vector<CMUnitTest> chosen;
  for (const RegisteredTest& registered : Tests()) {
    if (stem == nullptr || StemOf(registered.file) == stem) {
      chosen.push_back(registered.test);
    }
  }
  return chosen;
}

// What the test said, kept until CMocka has jumped away: no destructor may be pending then.
char last_message[4096];

enum class Outcome { kPassed, kFailed, kSkipped };

Outcome RunGuarded(TestFunction function) {
  try {
    function();
    return Outcome::kPassed;
  } catch (const Failure& failure) {
    std::snprintf(last_message, sizeof last_message, "%s (seed %llu)", failure.message.c_str(),
                  static_cast<unsigned long long>(Seed()));
    return Outcome::kFailed;
  } catch (const Skipped& skipped) {
    std::snprintf(last_message, sizeof last_message, "%s", skipped.reason.c_str());
    return Outcome::kSkipped;
  }
}

void RunOne(void** state) {
  const Outcome outcome = RunGuarded(reinterpret_cast<TestFunction>(*state));
  if (outcome == Outcome::kFailed) {
    fail_msg("%s", last_message);
  }
  if (outcome == Outcome::kSkipped) {
    print_message("SKIPPED: %s\n", last_message);
    skip();
  }
}

}  // namespace

Registration::Registration(const char* file, const char* name, TestFunction function) {
  CMUnitTest test{};
  test.name = name;
  test.test_func = &RunOne;
  test.initial_state = reinterpret_cast<void*>(function);
  Tests().push_back({file, test});
}

void Fail(const char* file, int line, const std::string& message) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, message.c_str());
  throw Failure{std::string(file) + ":" + std::to_string(line) + ": " + message};
}

void Skip(const std::string& reason) { throw Skipped{reason}; }

std::uint64_t Seed() {
  const char* const text = std::getenv("FUSEBAY_TEST_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 0);
}

}  // namespace fusebay::test

int main(int argc, char** argv) {
  const char* const stem = argc > 1 ? argv[1] : nullptr;
  const std::vector<CMUnitTest> tests = fusebay::test::TestsOf(stem);
  if (tests.empty()) {
    std::fprintf(stderr, "%s: no tests%s%s\n", argv[0], stem == nullptr ? "" : " of ",
                 stem == nullptr ? "" : stem);
    return 2;
  }
  if (argc > 2) {
    cmocka_set_test_filter(argv[2]);
  }
  const char* const group = stem == nullptr ? argv[0] : stem;
  return _cmocka_run_group_tests(group, tests.data(), tests.size(), nullptr, nullptr);
}
