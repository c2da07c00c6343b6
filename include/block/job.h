// Jobs: work that takes long and that a manager watches, pauses, cancels, finalizes and dismisses.
// States, verbs, order of transitions and messages are QEMU's. Control loop.
//
//   created -> running -> waiting -> pending -> concluded -> null
//
// with paused beside running, ready and standby before waiting for work that ends when it is told
// to, and aborting before concluded for what fails or is cancelled.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/scope.h"
#include "core/sync.h"

namespace fusebay {

enum class JobStatus : std::uint8_t {
  kUndefined,
  kCreated,
  kRunning,
  kPaused,
  kReady,
  kStandby,
  kWaiting,
  kPending,
  kAborting,
  kConcluded,
  kNull,
};
std::string_view NameOf(JobStatus status);  // "running"

enum class JobVerb : std::uint8_t { kCancel, kPause, kResume, kComplete, kFinalize, kDismiss };
std::string_view NameOf(JobVerb verb);  // "cancel"

class Job;
class Jobs;

class JobObserver {
 public:
  virtual ~JobObserver() = default;
  // Every transition, after it was made: JOB_STATUS_CHANGE. The job lives until this returns.
  virtual void OnJobStatus(const Job& job) = 0;
};

struct JobOptions {
  std::string id;
  bool auto_finalize = true;  // does not stay pending
  bool auto_dismiss = true;   // does not stay concluded
};

class Job {
 public:
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;  // REQUIRES: it is null, or was never started.

  const std::string& id() const { return options_.id; }
  virtual std::string_view type() const = 0;  // "create"
  JobStatus status() const { return status_; }
  std::uint64_t current_progress() const { return current_; }
  std::uint64_t total_progress() const { return total_; }
  // Why it has failed; empty: it has not.
  const std::string& error() const { return error_; }

 protected:
  explicit Job(JobOptions options) : options_(std::move(options)) {}

  // Does the work. Comes to a PausePoint now and then, and ends early when is_cancelled() is true;
  // what it returns then does not matter.
  virtual Task<Result<Unit, Error>> Run() = 0;
  // Undoes the work of a Run that has succeeded when the job is cancelled before it was finalized.
  virtual Task<Unit> Undo();

  Task<Unit> PausePoint();  // waits here while the job is paused
  bool is_cancelled() const { return cancelled_; }
  // The work could end now, but goes on until the manager says complete: is_completing().
  void BecomeReady();
  bool is_completing() const { return completing_; }
  void SetTotal(std::uint64_t total) { total_ = total; }
  void Advance(std::uint64_t by) { current_ += by; }

 private:
  friend class Jobs;
  void Become(JobStatus status);
  Result<Unit, Error> CheckVerb(JobVerb verb) const;

  const JobOptions options_;
  JobObserver* observer_ = nullptr;
  JobStatus status_ = JobStatus::kUndefined;
  std::uint64_t current_ = 0;
  std::uint64_t total_ = 0;
  std::string error_;
  bool cancelled_ = false;
  bool user_paused_ = false;
  bool completing_ = false;
  CoEvent go_on_;     // not paused
  CoEvent finalize_;  // or cancelled while it waited for that
};

// All jobs of a process.
class Jobs {
 public:
  Jobs() = default;
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;
  ~Jobs();  // REQUIRES: CancelAll has returned.

  // Null: nobody is told.
  void SetObserver(JobObserver* observer) { observer_ = observer; }
  // Runs the job until it first waits. Errors: "Invalid job ID 'X'"; "Job ID 'X' already in use".
  Result<Unit, Error> Start(std::unique_ptr<Job> job);

  // Each: "Job not found"; "Job 'X' in state 'S' cannot accept command verb 'V'".
  Result<Unit, Error> Pause(std::string_view id);   // "Job is already paused"
  Result<Unit, Error> Resume(std::string_view id);  // "Can't resume a job that was not paused"
  Result<Unit, Error> Cancel(std::string_view id);
  Result<Unit, Error> Complete(std::string_view id);
  Result<Unit, Error> Finalize(std::string_view id);
  Result<Unit, Error> Dismiss(std::string_view id);

  const Job* Find(std::string_view id) const;
  std::vector<const Job*> all() const;  // the newest first
  // At the end of the process: cancels what runs, waits for it, and forgets everything.
  Task<Unit> CancelAll();

 private:
  Result<Job*, Error> Accept(std::string_view id, JobVerb verb) const;
  Task<Unit> Drive(Job& job);
  void Abort(Job& job, const Error& error);
  void Forget(Job& job);

  std::vector<std::unique_ptr<Job>> jobs_;
  JobObserver* observer_ = nullptr;
  TaskScope running_;
};

}  // namespace fusebay
