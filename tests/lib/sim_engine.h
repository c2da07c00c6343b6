// A simulated disk and the engine that does I/O on it, for seeded tests of what must survive a
// power cut.
//
//   SimDisk disk(Seed(), options);
//   const SimFile file = disk.AddFile(1 << 20);
//   const auto loop = MakeSimLoop(disk, workers);
//   loop->RunUntilDone(Work(*loop, disk.Open(file).get()));
//   disk.Crash();                        // power off: whatever runs or comes gets -EIO
//   disk.PowerOn();                      // the files now hold what survived; open them again
//
// TIME is virtual: the loop's Now() stands still while coroutines run and jumps to the next
// completion or timer when nothing is ready. A loop that waits for nothing ends the program:
// the simulation is stuck. Everything happens on one thread; RunBlocking's functions run there,
// too, when their latency is over. The same seed and program give the same run (see trace()).
//
// FILES are memfds, so fstat, lseek, ftruncate and a plain pread show what a program would see.
// Open gives a new fd of a file; the engine knows a file by its inode, so an fd may be dup'ed,
// closed and opened again. Reads and writes should go through the engine: a write around it is
// durable after the next Datasync like any other, but tests less (see Crash).
//
// DURABILITY: a write is visible to reads when it completes, and volatile. A Datasync makes durable
// what was visible when it was queued; it says nothing of writes still in progress then. Fallocate
// is a write of zeroes (PUNCH_HOLE, ZERO_RANGE) or a growth of the file, and as volatile. A write
// with RWF_DSYNC is durable when it completes.
//
// ERRORS: by chance (SimOptions) or by order (SimFault). A write that fails changes nothing, a sync
// that fails makes nothing durable.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "base/fd.h"
#include "core/aio_context.h"

namespace fusebay::test {

struct SimOptions {
  Nanoseconds min_latency{10'000};
  Nanoseconds max_latency{200'000};
  double short_io = 0;           // chance that a read or write transfers less than asked
  std::size_t short_unit = 512;  // by multiples of this, at least one
  double io_error = 0;           // chance of -EIO, for every kind but kCall
};

// Fails, or shortens, operations that match.
struct SimFault {
  IoOp::Kind kind = IoOp::Kind::kWrite;
  std::uint64_t skip = 0;      // let so many that match pass first
  std::uint64_t count = 1;     // then hit so many
  std::int32_t result = -EIO;  // -errno, or for a read or write the bytes to transfer
};

enum class SimFile : std::size_t {};

class SimDisk {
 public:
  explicit SimDisk(std::uint64_t seed, const SimOptions& options = {});
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;
  ~SimDisk();

  // A file of zeroes, durable.
  SimFile AddFile(std::uint64_t size);
  // Replaces what a file holds, durably: for a fixture's starting point.
  void SetContents(SimFile file, const std::vector<std::byte>& bytes);
  UniqueFd Open(SimFile file) const;
  // What a read sees now, and what is certain to survive a power cut now.
  std::vector<std::byte> Visible(SimFile file) const;
  const std::vector<std::byte>& Durable(SimFile file) const;

  void Inject(const SimFault& fault) { faults_.push_back(fault); }
  void SetOptions(const SimOptions& options) { options_ = options; }

  // Cuts the power. Each file becomes its durable contents plus a random choice of what was not
  // durable, completed or not: each such write is lost, whole, or torn at 512-byte sectors, and
  // they land in any order. Of writes around the engine, sectors survive by chance.
  // Operations in progress, and all that come before PowerOn, end with -EIO.
  void Crash();
  // Crash by itself right after this many more operations have completed.
  void CrashAfter(std::uint64_t operations) { crash_after_ = operations; }
  void PowerOn() { powered_ = true; }
  bool powered() const { return powered_; }

  std::uint64_t operations() const { return operations_; }  // completed, ever
  // A hash of every operation so far, its result and its time.
  std::uint64_t trace() const { return trace_; }

 private:
  friend class SimEngine;
  struct Record;  // a write, or zeroes, that is not durable
  struct File;
  struct Pending;  // an operation in progress

  File* FindFile(int fd);
  std::uint64_t Random(std::uint64_t limit);  // below limit
  bool Chance(double probability);
  Nanoseconds Latency();
  void Begin(Pending& pending);
  void Finish(Pending& pending, Clock::time_point now);
  std::int32_t Perform(Pending& pending);
  std::int32_t Transfer(File& file, IoOp& op, std::size_t most);
  void MakeDurable(File& file, const Record& record);
  std::int32_t Fallocate(File& file, const IoOp& op);
  std::int32_t Sync(Pending& pending);
  std::optional<std::int32_t> FaultOf(const IoOp& op);
  void Note(const IoOp& op, Clock::time_point now);
  void CrashFile(File& file);
  void Land(const Record& record, std::vector<std::byte>& bytes);

  SimOptions options_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<File>> files_;
  std::vector<Pending*> in_progress_;
  std::vector<SimFault> faults_;
  std::optional<std::uint64_t> crash_after_;
  bool powered_ = true;
  std::uint64_t syncs_ = 0;  // begun, ever
  std::uint64_t operations_ = 0;
  std::uint64_t trace_ = 0;
};

// A loop whose engine is a simulation on `disk`, which must outlive it.
std::unique_ptr<AioContext> MakeSimLoop(SimDisk& disk, WorkerPool& workers);

}  // namespace fusebay::test
