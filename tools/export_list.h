// What is exported: the mount table joined with the registry, and how `fusebay list` shows it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime.h"

namespace fusebay {

enum class ExportState : std::uint8_t {
  kServed,   // its process runs
  kDead,     // its process is gone; every access fails
  kUnknown,  // another user's, or from where no registry could be kept
};

struct ListedExport {
  fuse::MountEntry mount;
  ExportState state = ExportState::kUnknown;
  std::string image;  // as the mount table has it, or better
  bool writable = false;
  uid_t owner = 0;
  std::optional<ExportRecord> record;  // unless kUnknown
  std::optional<std::uint64_t> size;
};

// Every export in `table`, in its order. Sizes are those of the records.
std::vector<ListedExport> JoinExports(const std::vector<fuse::MountEntry>& table,
                                      const std::vector<ExportRecord>& records);

std::string RenderExportsJson(const std::vector<ListedExport>& exports);
std::string RenderExportsText(const std::vector<ListedExport>& exports);  // "" for none

}  // namespace fusebay
