// PidFile: says in a file which process serves, and keeps a second one from doing the same.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace fusebay {

class PidFile {
 public:
  // Writes this process's id into the file, which is locked while the process lives. Messages are
  // QEMU's: "Could not create 'P': ...", "Cannot lock pid file: ...".
  static Result<PidFile, Error> Create(const std::string& path);
  PidFile(PidFile&&) = default;
  PidFile& operator=(PidFile&&) = delete;
  ~PidFile();  // removes the file, wherever the process's current folder is by now

 private:
  PidFile(UniqueFd folder, std::string name, UniqueFd file)
      : folder_(std::move(folder)), name_(std::move(name)), file_(std::move(file)) {}

  UniqueFd folder_;
  std::string name_;
  UniqueFd file_;
};

}  // namespace fusebay
