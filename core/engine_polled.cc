// A wait engine as an extra one: io_uring for the files of a loop that waits in epoll.
#include "engines.h"
#include "poll_pump.h"

namespace fusebay {

namespace {

class PolledEngine final : public IoEngine {
 public:
  PolledEngine(std::unique_ptr<WaitEngine> inner, WaitEngine& wait)
      : inner_(std::move(inner)), pump_(wait, inner_->fd(), &Look, this) {}

  std::string_view name() const override { return inner_->name(); }
  void Queue(IoOp& op) override {
    pump_.Start();
    inner_->Queue(op);
  }
  void Cancel(IoOp& op) override { inner_->Cancel(op); }
  // Some operations end as they are submitted.
  void Submit() override { inner_->Wait(Nanoseconds::zero()); }

 private:
  static void Look(void* self) {
    static_cast<PolledEngine*>(self)->inner_->Wait(Nanoseconds::zero());
  }

  std::unique_ptr<WaitEngine> inner_;
  PollPump pump_;
};

}  // namespace

std::unique_ptr<IoEngine> MakePolledEngine(std::unique_ptr<WaitEngine> inner, WaitEngine& wait) {
  return std::make_unique<PolledEngine>(std::move(inner), wait);
}

}  // namespace fusebay
