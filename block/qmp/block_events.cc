// The events of jobs and nodes.
#include "block/qmp_block.h"
#include "qapi/generated/events.h"

namespace fusebay {

qapi::JobStatus ToQapi(JobStatus status) {
  switch (status) {
    case JobStatus::kUndefined:
      return qapi::JobStatus::kUndefined;
    case JobStatus::kCreated:
      return qapi::JobStatus::kCreated;
    case JobStatus::kRunning:
      return qapi::JobStatus::kRunning;
    case JobStatus::kPaused:
      return qapi::JobStatus::kPaused;
    case JobStatus::kReady:
      return qapi::JobStatus::kReady;
    case JobStatus::kStandby:
      return qapi::JobStatus::kStandby;
    case JobStatus::kWaiting:
      return qapi::JobStatus::kWaiting;
    case JobStatus::kPending:
      return qapi::JobStatus::kPending;
    case JobStatus::kAborting:
      return qapi::JobStatus::kAborting;
    case JobStatus::kConcluded:
      return qapi::JobStatus::kConcluded;
    case JobStatus::kNull:
      return qapi::JobStatus::kNull;
  }
  FB_ASSERT(false);
}

BlockEvents::BlockEvents(BlockGraph& graph, Jobs& jobs, qapi::QmpEventSink& sink, AioContext& loop)
    : graph_(graph), jobs_(jobs), sink_(sink), loop_(loop) {
  jobs_.SetObserver(this);
  graph_.SetObserver(this, loop);
}

BlockEvents::~BlockEvents() {
  jobs_.SetObserver(nullptr);
  graph_.SetObserver(nullptr, loop_);
}

void BlockEvents::OnJobStatus(const Job& job) {
  EmitEvent(sink_, qapi::JobStatusChangeEvent{.id = job.id(), .status = ToQapi(job.status())});
}

void BlockEvents::OnImageCorrupted(const ImageCorruption& corruption) {
  qapi::BlockImageCorruptedEvent event{
      .node_name = corruption.node_name, .msg = corruption.message, .fatal = corruption.fatal};
  if (corruption.offset.has_value()) {
    event.offset = static_cast<std::int64_t>(*corruption.offset);
  }
  if (corruption.size.has_value()) {
    event.size = static_cast<std::int64_t>(*corruption.size);
  }
  EmitEvent(sink_, event);
}

void BlockEvents::OnWriteAboveThreshold(const WriteAboveThreshold& write) {
  EmitEvent(sink_, qapi::BlockWriteThresholdEvent{.node_name = write.node_name,
                                                  .amount_exceeded = write.amount,
                                                  .write_threshold = write.threshold});
}

}  // namespace fusebay
