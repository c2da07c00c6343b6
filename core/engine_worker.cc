// The engine of aio=threads: every operation is a system call on a worker thread.
#include "engines.h"
#include "worker_io.h"

namespace fusebay {

namespace {

class WorkerEngine final : public IoEngine {
 public:
  WorkerEngine(WaitEngine& wait, WorkerPool& workers) : wait_(wait), workers_(workers) {}

  std::string_view name() const override { return "threads"; }
  void Queue(IoOp& op) override {
    if (op.kind == IoOp::Kind::kPoll) {
      wait_.Queue(op);
      return;
    }
    workers_.Queue(op);
  }
  void Cancel(IoOp& op) override {
    if (op.kind == IoOp::Kind::kPoll) {
      wait_.Cancel(op);
      return;
    }
    workers_.Cancel(op);
  }
  void Submit() override {}

 private:
  WaitEngine& wait_;
  WorkerIo workers_;
};

}  // namespace

std::unique_ptr<IoEngine> MakeWorkerEngine(WaitEngine& wait, WorkerPool& workers) {
  return std::make_unique<WorkerEngine>(wait, workers);
}

}  // namespace fusebay
