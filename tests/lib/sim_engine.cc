// The simulated disk, its power cuts, and the engine with virtual time.
#include "sim_engine.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>

namespace fusebay::test {

namespace {

constexpr std::size_t kSector = 512;

std::uint64_t SizeOf(int fd) {
  struct stat info{};
  FB_ASSERT(::fstat(fd, &info) == 0);
  return static_cast<std::uint64_t>(info.st_size);
}

std::vector<std::byte> ReadAll(int fd) {
  std::vector<std::byte> bytes(SizeOf(fd));
  FB_ASSERT(::pread(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return bytes;
}

void WriteAll(int fd, const std::byte* data, std::size_t size, std::uint64_t offset) {
  const ssize_t n = ::pwrite(fd, data, size, static_cast<off_t>(offset));
  FB_ASSERT(n == static_cast<ssize_t>(size));
}

void ReplaceAll(int fd, const std::vector<std::byte>& bytes) {
  FB_ASSERT(::ftruncate(fd, 0) == 0);
  FB_ASSERT(::ftruncate(fd, static_cast<off_t>(bytes.size())) == 0);
  WriteAll(fd, bytes.data(), bytes.size(), 0);
}

std::vector<std::byte> Gather(std::span<const iovec> pieces, std::size_t most) {
  std::vector<std::byte> bytes;
  for (const iovec& piece : pieces) {
    const auto* const data = static_cast<const std::byte*>(piece.iov_base);
    const std::size_t size = std::min(piece.iov_len, most - bytes.size());
    bytes.insert(bytes.end(), data, data + size);
  }
  return bytes;
}

std::size_t Bytes(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) {
    size += piece.iov_len;
  }
  return size;
}

bool IsTransfer(const IoOp& op) {
  return op.kind == IoOp::Kind::kRead || op.kind == IoOp::Kind::kWrite;
}

}  // namespace

struct SimDisk::Record {
  std::uint64_t offset = 0;
  std::vector<std::byte> data;
};

struct SimDisk::File {
  UniqueFd fd;  // what is visible
  struct stat identity{};
  std::uint64_t last_sync = 0;  // the sequence of the one that made it durable
  std::vector<std::byte> durable;
  std::vector<Record> log;  // completed writes that are not durable
};

struct SimDisk::Pending {
  IoOp* op = nullptr;
  File* file = nullptr;
  bool lost = false;  // the power was cut meanwhile
  // For a sync: what it makes durable.
  std::vector<std::byte> snapshot;
  std::size_t log_size = 0;
  std::uint64_t sequence = 0;
};

SimDisk::SimDisk(std::uint64_t seed, const SimOptions& options)
    : options_(options), random_(seed) {}

SimDisk::~SimDisk() { FB_ASSERT(in_progress_.empty()); }

SimFile SimDisk::AddFile(std::uint64_t size) {
  auto file = std::make_unique<File>();
  file->fd = UniqueFd(::memfd_create("simulated", MFD_CLOEXEC));
  FB_ASSERT(file->fd.valid());
  FB_ASSERT(::fstat(file->fd.get(), &file->identity) == 0);
  files_.push_back(std::move(file));
  const SimFile id{files_.size() - 1};
  SetContents(id, std::vector<std::byte>(size));
  return id;
}

void SimDisk::SetContents(SimFile id, const std::vector<std::byte>& bytes) {
  File& file = *files_[static_cast<std::size_t>(id)];
  ReplaceAll(file.fd.get(), bytes);
  file.durable = bytes;
  file.log.clear();
}

UniqueFd SimDisk::Open(SimFile file) const {
  const int fd = files_[static_cast<std::size_t>(file)]->fd.get();
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  FB_ASSERT(copy.valid());
  return copy;
}

std::vector<std::byte> SimDisk::Visible(SimFile file) const {
  return ReadAll(files_[static_cast<std::size_t>(file)]->fd.get());
}

const std::vector<std::byte>& SimDisk::Durable(SimFile file) const {
  return files_[static_cast<std::size_t>(file)]->durable;
}

SimDisk::File* SimDisk::FindFile(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return nullptr;
  }
  const auto at = std::ranges::find_if(files_, [&info](const auto& file) {
    return file->identity.st_ino == info.st_ino && file->identity.st_dev == info.st_dev;
  });
  return at == files_.end() ? nullptr : at->get();
}

std::uint64_t SimDisk::Random(std::uint64_t limit) {
  FB_ASSERT(limit > 0);
  return random_() % limit;
}

bool SimDisk::Chance(double probability) {
  constexpr std::uint64_t kParts = 1'000'000;
  return probability > 0 && static_cast<double>(Random(kParts)) < probability * kParts;
}

Nanoseconds SimDisk::Latency() {
  const auto span = (options_.max_latency - options_.min_latency).count();
  FB_ASSERT(span >= 0);
  return options_.min_latency +
         Nanoseconds(static_cast<std::int64_t>(Random(static_cast<std::uint64_t>(span) + 1)));
}

void SimDisk::Begin(Pending& pending) {
  pending.file = FindFile(pending.op->fd);
  pending.lost = !powered_;
  if (pending.op->kind == IoOp::Kind::kDatasync && pending.file != nullptr) {
    pending.snapshot = ReadAll(pending.file->fd.get());
    pending.log_size = pending.file->log.size();
    pending.sequence = ++syncs_;
  }
  in_progress_.push_back(&pending);
}

void SimDisk::Finish(Pending& pending, Clock::time_point now) {
  std::erase(in_progress_, &pending);
  IoOp& op = *pending.op;
  if (op.kind == IoOp::Kind::kCall) {
    op.call(op);
  } else if (pending.lost) {
    op.result = -EIO;
  } else {
    op.result = Perform(pending);
  }
  Note(op, now);
  ++operations_;
  if (crash_after_.has_value() && --*crash_after_ == 0) {
    crash_after_.reset();
    Crash();
  }
}

std::int32_t SimDisk::Perform(Pending& pending) {
  IoOp& op = *pending.op;
  if (pending.file == nullptr) {
    return -EBADF;
  }
  const std::optional<std::int32_t> fault = FaultOf(op);
  if (fault.has_value() && *fault < 0) {
    return *fault;
  }
  if (Chance(options_.io_error)) {
    return -EIO;
  }
  switch (op.kind) {
    case IoOp::Kind::kRead:
    case IoOp::Kind::kWrite:
      return Transfer(*pending.file, op,
                      fault.has_value() ? static_cast<std::size_t>(*fault) : SIZE_MAX);
    case IoOp::Kind::kDatasync:
      return Sync(pending);
    case IoOp::Kind::kFallocate:
      return Fallocate(*pending.file, op);
    case IoOp::Kind::kPoll:
    case IoOp::Kind::kCall:
      break;
  }
  return -EINVAL;
}

std::int32_t SimDisk::Transfer(File& file, IoOp& op, std::size_t most) {
  std::size_t size = std::min(Bytes(op.iov), most);
  if (size > options_.short_unit && Chance(options_.short_io)) {
    size = options_.short_unit * (1 + Random((size - 1) / options_.short_unit));
  }
  if (op.kind == IoOp::Kind::kWrite) {
    Record record{op.offset, Gather(op.iov, size)};
    WriteAll(file.fd.get(), record.data.data(), size, op.offset);
    if ((op.flags & RWF_DSYNC) != 0) {
      MakeDurable(file, record);
    } else {
      file.log.push_back(std::move(record));
    }
    return static_cast<std::int32_t>(size);
  }
  std::vector<std::byte> bytes(size);
  const ssize_t n = ::pread(file.fd.get(), bytes.data(), size, static_cast<off_t>(op.offset));
  FB_ASSERT(n >= 0);
  const IoVec dst{op.iov, 0, static_cast<std::size_t>(n)};
  dst.CopyFrom(bytes.data());
  return static_cast<std::int32_t>(n);
}

// What older writes, or a sync that began before, would put in its place is replaced, too.
void SimDisk::MakeDurable(File& file, const Record& record) {
  const auto put = [&record](std::uint64_t offset, std::vector<std::byte>& bytes) {
    const std::uint64_t begin = std::max(offset, record.offset);
    const std::uint64_t end = std::min(offset + bytes.size(), record.offset + record.data.size());
    if (begin < end) {
      const auto from = record.data.begin() + static_cast<std::ptrdiff_t>(begin - record.offset);
      std::copy(from, from + static_cast<std::ptrdiff_t>(end - begin),
                bytes.begin() + static_cast<std::ptrdiff_t>(begin - offset));
    }
  };
  file.durable.resize(std::max(file.durable.size(), record.offset + record.data.size()));
  put(0, file.durable);
  for (Record& older : file.log) {
    put(older.offset, older.data);
  }
  for (Pending* const other : in_progress_) {
    if (other->file == &file) {
      put(0, other->snapshot);
    }
  }
}

std::int32_t SimDisk::Fallocate(File& file, const IoOp& op) {
  const std::uint32_t mode = op.flags & ~static_cast<std::uint32_t>(FALLOC_FL_KEEP_SIZE);
  const bool keep_size = (op.flags & FALLOC_FL_KEEP_SIZE) != 0;
  const bool zeroes = mode == FALLOC_FL_PUNCH_HOLE || mode == FALLOC_FL_ZERO_RANGE;
  if (mode != 0 && !zeroes) {
    return -EOPNOTSUPP;
  }
  if (mode == FALLOC_FL_PUNCH_HOLE && !keep_size) {
    return -EOPNOTSUPP;
  }
  if (op.length == 0) {
    return -EINVAL;
  }
  const std::uint64_t size = SizeOf(file.fd.get());
  std::uint64_t end = op.offset + op.length;
  if (!keep_size && end > size) {
    FB_ASSERT(::ftruncate(file.fd.get(), static_cast<off_t>(end)) == 0);
    file.log.push_back({size, std::vector<std::byte>(end - size)});
  }
  end = std::min(end, size);
  if (zeroes && op.offset < end) {
    Record record{op.offset, std::vector<std::byte>(end - op.offset)};
    WriteAll(file.fd.get(), record.data.data(), record.data.size(), op.offset);
    file.log.push_back(std::move(record));
  }
  return 0;
}

std::int32_t SimDisk::Sync(Pending& pending) {
  File& file = *pending.file;
  if (pending.sequence < file.last_sync) {
    return 0;  // one that was queued later has made more durable already
  }
  file.last_sync = pending.sequence;
  const std::size_t synced = std::min(pending.log_size, file.log.size());
  file.durable = std::move(pending.snapshot);
  file.log.erase(file.log.begin(), file.log.begin() + static_cast<std::ptrdiff_t>(synced));
  for (Pending* const other : in_progress_) {
    if (other->file == &file && other->op->kind == IoOp::Kind::kDatasync) {
      other->log_size -= std::min(other->log_size, synced);
    }
  }
  return 0;
}

// What the first fault that matches says, if any.
std::optional<std::int32_t> SimDisk::FaultOf(const IoOp& op) {
  for (SimFault& fault : faults_) {
    if (fault.kind != op.kind || fault.count == 0) {
      continue;
    }
    if (fault.skip > 0) {
      --fault.skip;
      continue;
    }
    --fault.count;
    FB_ASSERT(fault.result < 0 || IsTransfer(op));
    return fault.result;
  }
  return std::nullopt;
}

void SimDisk::Note(const IoOp& op, Clock::time_point now) {
  const auto time = static_cast<std::uint64_t>(now.time_since_epoch().count());
  const auto kind = static_cast<std::uint64_t>(op.kind);
  const auto result = static_cast<std::uint64_t>(op.result);
  for (const std::uint64_t value : {kind, op.offset, op.length, result, time}) {
    trace_ = (trace_ ^ value) * 0x9E3779B97F4A7C15U;
    trace_ ^= trace_ >> 29;
  }
}

void SimDisk::Crash() {
  for (const auto& file : files_) {
    CrashFile(*file);
  }
  for (Pending* const pending : in_progress_) {
    pending->lost = true;
  }
  powered_ = false;
  crash_after_.reset();
}

void SimDisk::CrashFile(File& file) {
  const std::vector<std::byte> visible = ReadAll(file.fd.get());
  std::vector<Record> records = std::move(file.log);
  for (const Pending* const pending : in_progress_) {
    const IoOp& op = *pending->op;
    if (pending->file == &file && op.kind == IoOp::Kind::kWrite && !pending->lost) {
      records.push_back({op.offset, Gather(op.iov, SIZE_MAX)});
    }
  }
  std::vector<bool> explained((visible.size() + kSector - 1) / kSector);
  for (const Record& record : records) {
    for (std::uint64_t at = record.offset / kSector;
         at < explained.size() && at * kSector < record.offset + record.data.size(); ++at) {
      explained[at] = true;
    }
  }
  std::vector<std::byte> bytes = std::move(file.durable);
  std::shuffle(records.begin(), records.end(), random_);
  for (const Record& record : records) {
    Land(record, bytes);
  }
  // Writes around the engine.
  for (std::size_t sector = 0; sector < explained.size(); ++sector) {
    const std::size_t begin = sector * kSector;
    const std::size_t end = std::min({begin + kSector, visible.size(), bytes.size()});
    if (!explained[sector] && begin < end && Random(2) == 0) {
      std::copy(visible.begin() + static_cast<std::ptrdiff_t>(begin),
                visible.begin() + static_cast<std::ptrdiff_t>(end),
                bytes.begin() + static_cast<std::ptrdiff_t>(begin));
    }
  }
  ReplaceAll(file.fd.get(), bytes);
  file.durable = std::move(bytes);
  file.log.clear();
}

// Applies a record, or sectors of it, or nothing.
void SimDisk::Land(const Record& record, std::vector<std::byte>& bytes) {
  enum class Fate : std::uint8_t { kLost, kWhole, kTorn };
  const auto fate = static_cast<Fate>(Random(3));
  const std::uint64_t record_end = record.offset + record.data.size();
  std::uint64_t at = record.offset;
  while (fate != Fate::kLost && at < record_end) {
    const std::uint64_t end = std::min((at / kSector + 1) * kSector, record_end);
    if (fate == Fate::kWhole || Random(2) == 0) {
      if (bytes.size() < end) {
        bytes.resize(end);
      }
      const auto from = record.data.begin() + static_cast<std::ptrdiff_t>(at - record.offset);
      std::copy(from, from + static_cast<std::ptrdiff_t>(end - at),
                bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
    at = end;
  }
}

// Completes operations in the order of their virtual times.
class SimEngine final : public WaitEngine {
 public:
  SimEngine(SimDisk& disk, ReadyQueue& ready) : disk_(disk), ready_(ready) {}

  std::string_view name() const override { return "simulation"; }
  void Queue(IoOp& op) override {
    const Key key{now_ + disk_.Latency(), next_sequence_++};
    SimDisk::Pending& pending = pending_[key];
    pending.op = &op;
    disk_.Begin(pending);
  }
  void Cancel(IoOp& op) override;
  void Submit() override {}
  bool Wait(Nanoseconds timeout) override;
  bool Peek() override { return false; }
  void Wake() override { woken_ = true; }
  int fd() const override { return -1; }
  Clock::time_point Now() const override { return now_; }

 private:
  using Key = std::pair<Clock::time_point, std::uint64_t>;

  bool CompleteDue();

  SimDisk& disk_;
  ReadyQueue& ready_;
  Clock::time_point now_{};
  std::uint64_t next_sequence_ = 0;
  std::map<Key, SimDisk::Pending> pending_;
  std::atomic<bool> woken_{false};
};

void SimEngine::Cancel(IoOp& op) {
  const auto at =
      std::ranges::find_if(pending_, [&op](const auto& entry) { return entry.second.op == &op; });
  if (at == pending_.end()) {
    return;
  }
  std::erase(disk_.in_progress_, &at->second);
  pending_.erase(at);
  op.result = -ECANCELED;
  ready_.Push(op);
}

bool SimEngine::Wait(Nanoseconds timeout) {
  const bool woken = woken_.exchange(false);
  const bool any = CompleteDue();
  if (any || woken || timeout <= Nanoseconds::zero()) {
    return any;
  }
  const bool forever = timeout == Nanoseconds::max();
  FB_ASSERT(!forever || !pending_.empty());  // else the simulation is stuck
  Clock::time_point next = forever ? Clock::time_point::max() : now_ + timeout;
  if (!pending_.empty()) {
    next = std::min(next, pending_.begin()->first.first);
  }
  now_ = std::max(now_, next);
  return CompleteDue();
}

bool SimEngine::CompleteDue() {
  bool any = false;
  while (!pending_.empty() && pending_.begin()->first.first <= now_) {
    SimDisk::Pending& pending = pending_.begin()->second;
    IoOp& op = *pending.op;
    disk_.Finish(pending, now_);
    pending_.erase(pending_.begin());
    ready_.Push(op);
    any = true;
  }
  return any;
}

std::unique_ptr<AioContext> MakeSimLoop(SimDisk& disk, WorkerPool& workers) {
  AioContextOptions options;
  options.name = "simulation";
  options.poll_max = Nanoseconds::zero();
  return std::make_unique<AioContext>(options, workers, [&disk](ReadyQueue& ready) {
    return std::make_unique<SimEngine>(disk, ready);
  });
}

}  // namespace fusebay::test
