// A thread around a loop.
#include "core/loop_thread.h"

#include <fmt/core.h>
#include <pthread.h>

#include <csignal>
#include <system_error>

namespace fusebay {

namespace {

// The kernel's limit, without the end.
constexpr std::size_t kMaxThreadName = 15;

}  // namespace

LoopThread::LoopThread(std::unique_ptr<AioContext> loop) : loop_(std::move(loop)) {}

Result<std::unique_ptr<LoopThread>, Error> LoopThread::Start(const AioContextOptions& options,
                                                             WorkerPool& workers) {
  FB_ASSIGN(auto loop, AioContext::Create(options, workers));
  std::unique_ptr<LoopThread> self(new LoopThread(std::move(loop)));
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failure = 0;
  try {
    self->thread_ = std::thread([&context = *self->loop_] {
      const std::string name = context.name().substr(0, kMaxThreadName);
      pthread_setname_np(pthread_self(), name.c_str());
      context.Run();
    });
  } catch (const std::system_error& error) {
    failure = error.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failure != 0) {
    return Error{Errno(failure), fmt::format("{}: cannot start a thread: {}", options.name,
                                             std::generic_category().message(failure))};
  }
  return self;
}

LoopThread::~LoopThread() {
  if (thread_.joinable()) {
    loop_->Stop();
    thread_.join();
  }
}

}  // namespace fusebay
