// The frame of a seeded simulation: which seeds to run, what one run found, and the line at the end
// that says how much was done.
//
//   TEST(Something) { RunSeeds("something", 100, &RunOnce); }
//
// runs RunOnce(seed, verdict) for 200 seeds from FUSEBAY_TEST_SEED on. FUSEBAY_SIM_SEEDS says how
// many instead: a nightly run takes many, one that repeats a failure takes one. The seed of a run
// that fails, aborts or hangs is printed.
#pragma once
#include <signal.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "check.h"

namespace fusebay::test {

// The first thing that went wrong in a run. Coroutines cannot throw, so they tell it here.
class Verdict {
 public:
  bool Expect(bool good, const std::string& what) {
    if (!good && wrong_.empty()) {
      wrong_ = what;
    }
    return good;
  }
  bool ok() const { return wrong_.empty(); }
  const std::string& wrong() const { return wrong_; }

 private:
  std::string wrong_;
};

class SeededRandom {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t Below(std::uint64_t limit) { return engine_() % limit; }
  std::uint64_t Between(std::uint64_t least, std::uint64_t most) {
    return least + Below(most - least + 1);
  }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

inline constexpr std::uint64_t kDefaultSeeds = 200;
inline constexpr unsigned kSecondsPerSeed = 60;
inline volatile sig_atomic_t seed_in_progress = 0;

inline void ReportSeed(int signal_number) {
  char text[80];
  const int size = std::snprintf(text, sizeof text, "simulation: signal %d at seed %d\n",
                                 signal_number, static_cast<int>(seed_in_progress));
  const ssize_t written = ::write(STDERR_FILENO, text, static_cast<std::size_t>(size));
  static_cast<void>(written);
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

// A run returns how many operations it did. Fewer than `least` per seed on average fails: a
// simulation that does nothing would find nothing.
using RunFunction = std::uint64_t (*)(std::uint64_t seed, Verdict& verdict);

inline void RunSeeds(const char* name, std::uint64_t least, RunFunction run) {
  const char* const text = std::getenv("FUSEBAY_SIM_SEEDS");
  const std::uint64_t count = text == nullptr ? kDefaultSeeds : std::strtoull(text, nullptr, 0);
  CHECK(count > 0);
  ::signal(SIGABRT, &ReportSeed);
  ::signal(SIGALRM, &ReportSeed);
  std::uint64_t operations = 0;
  for (std::uint64_t seed = Seed(); seed < Seed() + count; ++seed) {
    seed_in_progress = static_cast<sig_atomic_t>(seed);
    ::alarm(kSecondsPerSeed);
    Verdict verdict;
    operations += run(seed, verdict);
    if (!verdict.ok()) {
      Fail(name, static_cast<int>(seed), "seed " + std::to_string(seed) + ": " + verdict.wrong());
    }
  }
  ::alarm(0);
  std::printf("simulation: seeds %" PRIu64 "..%" PRIu64 ", %" PRIu64 " operations (%s)\n", Seed(),
              Seed() + count - 1, operations, name);
  std::fflush(stdout);
  CHECK(operations >= least * count);
}

}  // namespace fusebay::test
