// CheckImage: looks whether an image's tables agree with each other, and repairs them. The words
// are those of `qemu-img check`.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "block/block_graph.h"

namespace fusebay {

enum class CheckFix : std::uint8_t {
  kNone,   // only look
  kLeaks,  // give back clusters that nobody refers to
  kAll,    // repair whatever can be repaired
};

// The members of `qemu-img check --output=json`.
struct CheckResult {
  std::uint64_t image_end_offset = 0;  // behind the last cluster in use
  std::uint64_t total_clusters = 0;    // of the virtual disk
  std::uint64_t allocated_clusters = 0;
  std::uint64_t fragmented_clusters = 0;  // not right behind the one before
  std::uint64_t compressed_clusters = 0;
  std::uint64_t leaks = 0;         // clusters: space is wasted, no data is in danger
  std::uint64_t corruptions = 0;   // data is lost, or writing would lose it
  std::uint64_t check_errors = 0;  // things that could not be looked at
  std::uint64_t leaks_fixed = 0;
  std::uint64_t corruptions_fixed = 0;

  bool clean() const { return leaks == 0 && corruptions == 0 && check_errors == 0; }
};

// Told about a check while it goes on, on its loop. Must be quick.
class CheckObserver {
 public:
  virtual ~CheckObserver() = default;
  // One line, without its end: "Leaked cluster 5 refcount=1 reference=0".
  virtual void OnMessage(std::string_view line) = 0;
  // How much of what is known to be to do has been done; begins anew with each walk.
  virtual void OnProgress(std::uint64_t done_bytes, std::uint64_t total_bytes) = 0;
  // Something has been repaired; a second check follows.
  virtual void OnRepaired(const CheckResult& fixed) = 0;
};

struct CheckRequest {
  std::string filename;
  std::string format;  // empty: guessed by content
  CheckFix fix = CheckFix::kNone;
  OnOffAuto locking = OnOffAuto::kAuto;  // kOff REQUIRES: fix is kNone
};

// Checks the image file alone, without its backing files and its data file. Nobody may write to it
// meanwhile; with a fix, nobody may use it at all.
//
// Errors: it cannot be opened or read, or is no image of its format; ENOTSUP: "This image format
// does not support checks". The result is what is true at the end: after a repair, of the repaired
// image, with what was fixed. `observer` outlives the task.
Task<Result<CheckResult, Error>> CheckImage(BlockGraph& graph, const CheckRequest& request,
                                            CheckObserver& observer);

}  // namespace fusebay
