// Jobs: the order of states, and which verbs they take.
#include "block/job.h"

#include <functional>

#include "block_fixture.h"
#include "job_fixture.h"

namespace fusebay::test {

namespace {

// Works in turns, each a pause point, until it is told how to end.
class ScriptedJob final : public Job {
 public:
  struct Script {
    bool ends = false;
    bool fails = false;
    bool ready = false;  // becomes ready, and ends when it is completed
    int undone = 0;
  };
  ScriptedJob(JobOptions options, Script& script) : Job(std::move(options)), script_(script) {}
  std::string_view type() const override { return "scripted"; }

 private:
  Task<Result<Unit, Error>> Run() override {
    SetTotal(10);
    if (script_.ready) {
      BecomeReady();
    }
    while (!script_.ends && !is_cancelled() && !is_completing()) {
      co_await PausePoint();
      co_await AioContext::Current().Yield();
    }
    Advance(10);
    co_return script_.fails ? Result<Unit, Error>(Error{Errno{EIO}, "it broke"})
                            : Result<Unit, Error>(Unit{});
  }
  Task<Unit> Undo() override {
    ++script_.undone;
    return Unit{};
  }
  Script& script_;
};

struct Scene {
  Scene() { jobs.SetObserver(&log); }
  ~Scene() { bench.Run(jobs.CancelAll()); }
  Result<Unit, Error> Start(JobOptions options = {.id = "x"}) {
    return bench.Run(StartTask(std::move(options)));
  }
  Task<Result<Unit, Error>> StartTask(JobOptions options) {
    co_return jobs.Start(std::make_unique<ScriptedJob>(std::move(options), script));
  }
  void Turns(int n = 5) { bench.Run(TurnsTask(n)); }
  Task<Unit> TurnsTask(int n) {
    for (int i = 0; i < n; ++i) {
      co_await AioContext::Current().Yield();
    }
    co_return Unit{};
  }
  // What all verbs but `accepted` say, one after the other.
  void CheckRefused(std::string_view state, std::initializer_list<JobVerb> verbs) {
    for (const JobVerb verb : verbs) {
      CHECK_MESSAGE(Do(verb), "Job 'x' in state '" + std::string(state) +
                                  "' cannot accept command verb '" + std::string(NameOf(verb)) +
                                  "'");
    }
  }
  Result<Unit, Error> Do(JobVerb verb) { return bench.Run(DoTask(verb)); }
  Task<Result<Unit, Error>> DoTask(JobVerb verb) {
    switch (verb) {
      case JobVerb::kCancel:
        co_return jobs.Cancel("x");
      case JobVerb::kPause:
        co_return jobs.Pause("x");
      case JobVerb::kResume:
        co_return jobs.Resume("x");
      case JobVerb::kComplete:
        co_return jobs.Complete("x");
      case JobVerb::kFinalize:
        co_return jobs.Finalize("x");
      case JobVerb::kDismiss:
        co_return jobs.Dismiss("x");
    }
    FB_ASSERT(false);
  }

  Bench bench;
  JobLog log;
  ScriptedJob::Script script;
  Jobs jobs;
};

}  // namespace

TEST(AJobGoesThroughAllStates) {
  Scene s;
  CHECK_OK(s.Start());
  CHECK_EQ(s.log.Take(), "created running");
  s.script.ends = true;
  s.Turns();
  CHECK_EQ(s.log.Take(), "waiting pending concluded null");
  CHECK(s.jobs.all().empty());
}

TEST(AManualJobWaitsForItsManager) {
  Scene s;
  s.script.ends = true;
  CHECK_OK(s.Start({.id = "x", .auto_finalize = false, .auto_dismiss = false}));
  CHECK_EQ(s.log.Take(), "created running waiting pending");
  s.CheckRefused("pending", {JobVerb::kPause, JobVerb::kComplete, JobVerb::kDismiss});
  CHECK_OK(s.Do(JobVerb::kFinalize));
  s.Turns();
  CHECK_EQ(s.log.Take(), "concluded");
  CHECK_EQ(s.jobs.Find("x")->current_progress(), 10u);
  CHECK_EQ(s.jobs.Find("x")->total_progress(), 10u);
  s.CheckRefused("concluded",
                 {JobVerb::kCancel, JobVerb::kPause, JobVerb::kComplete, JobVerb::kFinalize});
  CHECK_OK(s.Do(JobVerb::kDismiss));
  CHECK_EQ(s.log.Take(), "null");
  CHECK_MESSAGE(s.Do(JobVerb::kDismiss), "Job not found");
}

TEST(AFailureIsKeptUntilItIsDismissed) {
  Scene s;
  s.script.ends = true;
  s.script.fails = true;
  CHECK_OK(s.Start({.id = "x", .auto_dismiss = false}));
  CHECK_EQ(s.log.Take(), "created running aborting concluded");
  CHECK_EQ(s.jobs.Find("x")->error(), "it broke");
}

TEST(APausedJobStandsStill) {
  Scene s;
  CHECK_OK(s.Start());
  s.log.Take();
  CHECK_OK(s.Do(JobVerb::kPause));
  s.Turns();
  CHECK_EQ(s.log.Take(), "paused");
  CHECK_MESSAGE(s.Do(JobVerb::kPause), "Job is already paused");
  s.script.ends = true;
  s.Turns();
  CHECK_EQ(s.log.Take(), "");
  CHECK_OK(s.Do(JobVerb::kResume));
  s.Turns();
  CHECK_EQ(s.log.Take(), "running waiting pending concluded null");
}

TEST(ResumeNeedsAPause) {
  Scene s;
  CHECK_OK(s.Start());
  CHECK_MESSAGE(s.Do(JobVerb::kResume), "Can't resume a job that was not paused");
}

TEST(ACancelledJobIsAborted) {
  Scene s;
  CHECK_OK(s.Start({.id = "x", .auto_dismiss = false}));
  CHECK_OK(s.Do(JobVerb::kPause));
  s.Turns();
  s.log.Take();
  CHECK_OK(s.Do(JobVerb::kCancel));
  s.Turns();
  CHECK_EQ(s.log.Take(), "running aborting concluded");
  CHECK_EQ(s.jobs.Find("x")->error(), "Operation canceled");
}

TEST(APendingJobThatIsCancelledIsUndone) {
  Scene s;
  s.script.ends = true;
  CHECK_OK(s.Start({.id = "x", .auto_finalize = false}));
  s.log.Take();
  CHECK_OK(s.Do(JobVerb::kCancel));
  s.Turns();
  CHECK_EQ(s.log.Take(), "aborting concluded null");
  CHECK_EQ(s.script.undone, 1);
}

TEST(AReadyJobEndsWhenItIsCompleted) {
  Scene s;
  s.script.ready = true;
  CHECK_OK(s.Start());
  CHECK_EQ(s.log.Take(), "created running ready");
  CHECK_OK(s.Do(JobVerb::kPause));
  s.Turns();
  CHECK_EQ(s.log.Take(), "standby");
  s.CheckRefused("standby", {JobVerb::kComplete});
  CHECK_OK(s.Do(JobVerb::kResume));
  s.Turns();
  CHECK_EQ(s.log.Take(), "ready");
  CHECK_OK(s.Do(JobVerb::kComplete));
  s.Turns();
  CHECK_EQ(s.log.Take(), "waiting pending concluded null");
}

TEST(IdsAreChecked) {
  Scene s;
  CHECK_OK(s.Start());
  CHECK_MESSAGE(s.Start(), "Job ID 'x' already in use");
  CHECK_MESSAGE(s.Start({.id = "1x"}), "Invalid job ID '1x'");
  s.CheckRefused("running", {JobVerb::kComplete, JobVerb::kFinalize, JobVerb::kDismiss});
}

}  // namespace fusebay::test
