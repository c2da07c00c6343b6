// Opening an image file without ever waiting for what is not a file. Internal to the file driver.
#pragma once
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "file_node.h"

namespace fusebay {

struct FileRequest {
  std::string filename;
  std::string path;        // where it is opened; empty: as filename says, which is for messages
  bool is_device = false;  // host_device; else a regular file
  bool read_only = false;
  bool auto_read_only = false;
  bool direct = false;
};

struct OpenedFile {
  UniqueFd fd;
  UniqueFd tail_fd;
  bool read_only = false;
  bool can_lock = false;
  std::uint64_t size = 0;
  std::uint32_t block_size = 1;
  std::uint32_t memory_alignment = 1;
  std::uint32_t preferred_size = 4096;
};

// Blocks: call it on a worker thread. "Could not open 'PATH': No such file or directory" and so on.
Result<OpenedFile, Error> OpenFile(const FileRequest& request);

}  // namespace fusebay
