// Runs every TEST of the program under CMocka. CMocka's own assertions jump past destructors and
// its header defines `fail` and `skip` as macros, so it is seen in this file alone.
//
// usage: a test program takes one argument, a pattern (CMocka's * and ?) of the tests to run.
#include <setjmp.h>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "check.h"

extern "C" {
#include <cmocka.h>
}

namespace fusebay::test {

namespace {

std::vector<CMUnitTest>& Tests() {
  static std::vector<CMUnitTest> tests;
  return tests;
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

Registration::Registration(const char* name, TestFunction function) {
  CMUnitTest test{};
  test.name = name;
  test.test_func = &RunOne;
  test.initial_state = reinterpret_cast<void*>(function);
  Tests().push_back(test);
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
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  auto& tests = fusebay::test::Tests();
  return _cmocka_run_group_tests(argv[0], tests.data(), tests.size(), nullptr, nullptr);
}
