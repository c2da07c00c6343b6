// The bar shows where it is asked to, and only there.
#include "progress_bar.h"

#include <unistd.h>

#include <memory>
#include <string>

#include "check.h"

using namespace fusebay;

namespace {

struct Output {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::tmpfile(), std::fclose};
  std::string Text() {
    std::string text(1000, '\0');
    CHECK_EQ(std::fflush(file.get()), 0);
    const ssize_t length = ::pread(::fileno(file.get()), text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(length));
    return text;
  }
};

TEST(WhereThereIsNoTerminalThereIsNoBar) {
  Output out;
  ProgressBar(ProgressBar::When::kOnTerminal, out.file.get()).Show(1, 2);
  ProgressBar(ProgressBar::When::kNever, out.file.get()).Show(1, 2);
  CHECK_EQ(out.Text(), "");
}

TEST(ABarThatIsAskedForIsShown) {
  Output out;
  ProgressBar(ProgressBar::When::kAlways, out.file.get()).Show(1, 2);
  CHECK_EQ(out.Text(), "    (50.00/100%)\r\n");
}

TEST(TheEndIsShownAndTheRestSeldom) {
  std::string text;
  Nanoseconds taken = ProgressBar::kInterval;
  for (int i = 0; i < 20 && taken >= ProgressBar::kInterval; ++i) {  // the machine may be busy
    Output out;
    ProgressBar bar(ProgressBar::When::kAlways, out.file.get());
    const Clock::time_point begin = Clock::now();
    for (std::uint64_t done = 0; done <= 100; ++done) {
      bar.Show(done, 100);
    }
    taken = Clock::now() - begin;
    text = out.Text();
  }
  CHECK_EQ(text, "    (0.00/100%)\r    (100.00/100%)\r");
}

TEST(NothingToDoIsNoPercentage) {
  Output out;
  ProgressBar(ProgressBar::When::kAlways, out.file.get()).Show(0, 0);
  CHECK_EQ(out.Text(), "");
}

}  // namespace
