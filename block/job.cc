// The life of a job.
#include "block/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace fusebay {

namespace {

using enum JobStatus;

constexpr std::array<std::string_view, 11> kStatusNames{
    "undefined", "created", "running",  "paused",    "ready", "standby",
    "waiting",   "pending", "aborting", "concluded", "null"};
constexpr std::array<std::string_view, 6> kVerbNames{"cancel",   "pause",    "resume",
                                                     "complete", "finalize", "dismiss"};

constexpr std::uint32_t Bits(std::initializer_list<JobStatus> all) {
  std::uint32_t bits = 0;
  for (const JobStatus status : all) {
    bits |= 1u << static_cast<unsigned>(status);
  }
  return bits;
}

bool Has(std::uint32_t bits, JobStatus status) {
  return (bits & (1u << static_cast<unsigned>(status))) != 0;
}

// By the state before: the states that may follow.
constexpr std::array<std::uint32_t, 11> kNext{
    Bits({kCreated}),
    Bits({kRunning, kAborting, kNull}),
    Bits({kPaused, kReady, kWaiting, kAborting}),
    Bits({kRunning}),
    Bits({kStandby, kWaiting, kAborting}),
    Bits({kReady}),
    Bits({kPending, kAborting}),
    Bits({kAborting, kConcluded}),
    Bits({kConcluded}),
    Bits({kNull}),
    0,
};

// By the verb: the states in which it is accepted.
constexpr std::array<std::uint32_t, 6> kAccepts{
    Bits({kCreated, kRunning, kPaused, kReady, kStandby, kWaiting, kPending}),
    Bits({kCreated, kRunning, kPaused, kReady, kStandby}),
    Bits({kCreated, kRunning, kPaused, kReady, kStandby}),
    Bits({kReady}),
    Bits({kPending}),
    Bits({kConcluded}),
};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool IsWellFormed(std::string_view id) {
  return !id.empty() && IsLetter(id.front()) && std::all_of(id.begin(), id.end(), [](char c) {
    return IsLetter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

std::string_view NameOf(JobStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }

std::string_view NameOf(JobVerb verb) { return kVerbNames[static_cast<std::size_t>(verb)]; }

Task<Unit> Job::Undo() { return Unit{}; }

void Job::Become(JobStatus status) {
  FB_ASSERT(Has(kNext[static_cast<std::size_t>(status_)], status));
  status_ = status;
  if (observer_ != nullptr) {
    observer_->OnJobStatus(*this);
  }
}

Result<Unit, Error> Job::CheckVerb(JobVerb verb) const {
  if (Has(kAccepts[static_cast<std::size_t>(verb)], status_)) {
    return Unit{};
  }
  return Error{Errno{EPERM}, fmt::format("Job '{}' in state '{}' cannot accept command verb '{}'",
                                         id(), NameOf(status_), NameOf(verb))};
}

Task<Unit> Job::PausePoint() {
  while (user_paused_ && !cancelled_) {
    const JobStatus before = status_;
    Become(before == kReady ? kStandby : kPaused);
    co_await go_on_.Wait();
    Become(before);
  }
  co_return Unit{};
}

void Job::BecomeReady() { Become(kReady); }

Jobs::~Jobs() { FB_ASSERT(jobs_.empty()); }

const Job* Jobs::Find(std::string_view id) const {
  const auto it = std::find_if(jobs_.begin(), jobs_.end(),
                               [id](const std::unique_ptr<Job>& job) { return job->id() == id; });
  return it == jobs_.end() ? nullptr : it->get();
}

std::vector<const Job*> Jobs::all() const {
  std::vector<const Job*> all;
  for (auto it = jobs_.rbegin(); it != jobs_.rend(); ++it) {
    all.push_back(it->get());
  }
  return all;
}

Result<Unit, Error> Jobs::Start(std::unique_ptr<Job> job) {
  if (!IsWellFormed(job->id())) {
    return Error{Errno{EINVAL}, fmt::format("Invalid job ID '{}'", job->id())};
  }
  if (Find(job->id()) != nullptr) {
    return Error{Errno{EEXIST}, fmt::format("Job ID '{}' already in use", job->id())};
  }
  Job& started = *job;
  jobs_.push_back(std::move(job));
  started.observer_ = observer_;
  started.go_on_.Set();
  started.Become(kCreated);
  started.Become(kRunning);
  running_.Spawn(Drive(started));
  return Unit{};
}

Task<Unit> Jobs::Drive(Job& job) {
  Result<Unit, Error> done = co_await job.Run();
  if (!done.ok() || job.cancelled_) {
    Abort(job, job.cancelled_ ? Error{Errno{ECANCELED}, std::strerror(ECANCELED)} : done.error());
    co_return Unit{};
  }
  job.Become(kWaiting);
  job.Become(kPending);
  if (!job.options_.auto_finalize) {
    co_await job.finalize_.Wait();
  }
  if (job.cancelled_) {
    co_await job.Undo();
    Abort(job, Error{Errno{ECANCELED}, std::strerror(ECANCELED)});
    co_return Unit{};
  }
  job.Become(kConcluded);
  if (job.options_.auto_dismiss) {
    Forget(job);
  }
  co_return Unit{};
}

void Jobs::Abort(Job& job, const Error& error) {
  job.error_ = error.message;
  job.Become(kAborting);
  job.Become(kConcluded);
  if (job.options_.auto_dismiss) {
    Forget(job);
  }
}

void Jobs::Forget(Job& job) {
  job.Become(kNull);
  std::erase_if(jobs_, [&job](const std::unique_ptr<Job>& item) { return item.get() == &job; });
}

Result<Job*, Error> Jobs::Accept(std::string_view id, JobVerb verb) const {
  Job* const job = const_cast<Job*>(Find(id));
  if (job == nullptr) {
    return Error{Errno{ENOENT}, "Job not found"};
  }
  // QEMU looks at this before it looks at the state.
  if (verb == JobVerb::kResume && !job->user_paused_) {
    return Error{Errno{EPERM}, "Can't resume a job that was not paused"};
  }
  FB_TRY(job->CheckVerb(verb));
  return job;
}

Result<Unit, Error> Jobs::Pause(std::string_view id) {
  FB_ASSIGN(Job* const job, Accept(id, JobVerb::kPause));
  if (job->user_paused_) {
    return Error{Errno{EPERM}, "Job is already paused"};
  }
  job->user_paused_ = true;
  job->go_on_.Reset();
  return Unit{};
}

Result<Unit, Error> Jobs::Resume(std::string_view id) {
  FB_ASSIGN(Job* const job, Accept(id, JobVerb::kResume));
  job->user_paused_ = false;
  job->go_on_.Set();
  return Unit{};
}

Result<Unit, Error> Jobs::Cancel(std::string_view id) {
  FB_ASSIGN(Job* const job, Accept(id, JobVerb::kCancel));
  job->cancelled_ = true;
  job->user_paused_ = false;
  job->go_on_.Set();
  job->finalize_.Set();
  return Unit{};
}

Result<Unit, Error> Jobs::Complete(std::string_view id) {
  FB_ASSIGN(Job* const job, Accept(id, JobVerb::kComplete));
  if (job->cancelled_) {
    return Error{Errno{EPERM},
                 fmt::format("The active block job '{}' cannot be completed", job->id())};
  }
  job->completing_ = true;
  return Unit{};
}

Result<Unit, Error> Jobs::Finalize(std::string_view id) {
  FB_ASSIGN(Job* const job, Accept(id, JobVerb::kFinalize));
  job->finalize_.Set();
  return Unit{};
}

Result<Unit, Error> Jobs::Dismiss(std::string_view id) {
  FB_ASSIGN(Job* const job, Accept(id, JobVerb::kDismiss));
  Forget(*job);
  return Unit{};
}

Task<Unit> Jobs::CancelAll() {
  for (const std::unique_ptr<Job>& job : jobs_) {
    if (job->CheckVerb(JobVerb::kCancel).ok()) {
      job->cancelled_ = true;
      job->user_paused_ = false;
      job->go_on_.Set();
      job->finalize_.Set();
    }
  }
  co_await running_.Join();
  while (!jobs_.empty()) {
    Forget(*jobs_.back());
  }
  co_return Unit{};
}

}  // namespace fusebay
