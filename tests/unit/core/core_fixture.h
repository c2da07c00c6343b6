// What the unit tests of core share: loops of every kind, and files to do I/O on.
#pragma once
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/fd.h"
#include "check.h"
#include "core/aio_context.h"
#include "temporary.h"

namespace fusebay::test {

using Loop = std::unique_ptr<AioContext>;

inline Loop MakeLoop(WorkerPool& workers, std::optional<EngineKind> engine = std::nullopt,
                     Nanoseconds poll_max = Nanoseconds(0)) {
  AioContextOptions options;
  options.name = "test";
  options.engine = engine;
  options.poll_max = poll_max;
  auto loop = AioContext::Create(options, workers);
  CHECK_OK(loop);
  return std::move(*loop);
}

// An empty file without a name.
inline UniqueFd TemporaryFile() {
  std::string path = TemporaryPattern("core");
  UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  CHECK(fd.valid());
  ::unlink(path.c_str());
  return fd;
}

struct Pipe {
  Pipe() {
    int fds[2];
    CHECK_EQ(::pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    reader = UniqueFd(fds[0]);
    writer = UniqueFd(fds[1]);
  }
  void Put() const { CHECK_EQ(::write(writer.get(), "x", 1), 1); }
  UniqueFd reader;
  UniqueFd writer;
};

inline iovec Memory(std::string& text) { return {text.data(), text.size()}; }

inline Result<> ResultOf(std::int32_t n) {
  if (n < 0) {
    return Errno(-n);
  }
  return Ok();
}

}  // namespace fusebay::test
