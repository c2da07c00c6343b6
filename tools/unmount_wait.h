// Waits until an export that has been unmounted is flushed and gone.
#pragma once
#include <chrono>
#include <functional>

#include "runtime.h"

namespace fusebay {

// Returns when the process of `record` has ended or, if it goes on (with other mounts to serve, or
// as a daemon), no longer says that it serves `entry`; "... (pid N) has not finished in S s" when
// that takes too long. `read_records` is how the registry is read.
Result<Unit, Error> WaitForExportEnd(
    const ExportRecord& record, const fuse::MountEntry& entry, std::chrono::milliseconds limit,
    const std::function<std::vector<ExportRecord>()>& read_records);

}  // namespace fusebay
