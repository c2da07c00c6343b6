// An observer of jobs that writes down every transition.
#pragma once
#include <string>

#include "block/job.h"

namespace fusebay::test {

class JobLog : public JobObserver {
 public:
  void OnJobStatus(const Job& job) override {
    text += text.empty() ? "" : " ";
    text += NameOf(job.status());
  }
  // What has been written since the last call.
  std::string Take() { return std::exchange(text, {}); }
  std::string text;
};

}  // namespace fusebay::test
