// WorkingFolder: the process is in another folder while this lives.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/fd.h"
#include "check.h"

namespace fusebay::test {

class WorkingFolder {
 public:
  explicit WorkingFolder(const std::string& path)
      : before_(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    CHECK(before_.valid() && chdir(path.c_str()) == 0);
  }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;
  ~WorkingFolder() { CHECK_EQ(fchdir(before_.get()), 0); }

 private:
  UniqueFd before_;
};

}  // namespace fusebay::test
