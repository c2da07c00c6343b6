// fsx: random operations on one file, each checked against a model in memory.
//
// usage: fsx [--seed N] [--operations N] [--max-size BYTES] [--fixed] FILE
//
// With --fixed the file keeps its size (a disk that cannot grow). The seed is printed first and
// repeats the run; at a difference the last operations are printed. Exit status: 0, 1 (a
// difference or an error), 2 (wrong usage).
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kLengthMax = 65536;
constexpr std::size_t kHistoryMax = 30;
constexpr std::uint64_t kFullCheckEvery = 2000;

struct Range {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t end() const { return offset + length; }
};

class Fsx {
 public:
  Fsx(std::string path, std::uint64_t seed, std::uint64_t max_size, bool fixed)
      : path_(std::move(path)), random_(seed), max_size_(max_size), fixed_(fixed) {
    direct_buffer_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kPage, kLengthMax)));
  }
  Fsx(const Fsx&) = delete;
  Fsx& operator=(const Fsx&) = delete;
  ~Fsx() { Close(); }

  bool Run(std::uint64_t operations) {
    if (!Open() || !LoadModel()) {
      return false;
    }
    for (done_ = 0; done_ < operations; ++done_) {
      if (!Step() || !CheckSize() || (done_ % kFullCheckEvery == 0 && !CheckAll())) {
        PrintHistory();
        return false;
      }
    }
    if (!Fsync() || !Reopen() || !CheckAll()) {
      PrintHistory();
      return false;
    }
    return true;
  }

  std::uint64_t done() const { return done_; }

  void PrintCounts() const {
    for (std::size_t i = 0; i < kOperations.size(); ++i) {
      std::printf("%s %llu%s", kOperations[i].name, static_cast<unsigned long long>(counts_[i]),
                  i + 1 < kOperations.size() ? ", " : "\n");
    }
  }

 private:
  using Action = bool (Fsx::*)();
  struct Operation {
    const char* name;
    unsigned weight;
    bool resizes;  // left out with --fixed
    Action action;
  };
  struct Free {
    void operator()(std::uint8_t* memory) const { std::free(memory); }
  };

  // One operation, chosen by weight.
  bool Step() {
    unsigned total = 0;
    for (const Operation& operation : kOperations) {
      total += fixed_ && operation.resizes ? 0 : operation.weight;
    }
    unsigned pick = static_cast<unsigned>(Below(total));
    for (std::size_t i = 0; i < kOperations.size(); ++i) {
      const unsigned weight = fixed_ && kOperations[i].resizes ? 0 : kOperations[i].weight;
      if (pick < weight) {
        ++counts_[i];
        current_ = kOperations[i].name;
        return (this->*kOperations[i].action)();
      }
      pick -= weight;
    }
    return true;
  }

  // --- operations ---------------------------------------------------------------------------

  bool Read() {
    const Range range = Inside();
    Remember(range);
    buffer_.resize(range.length + 100);
    const ssize_t got =
        ::pread(fd_, buffer_.data(), range.length + 100, static_cast<off_t>(range.offset));
    const std::uint64_t expected = std::min(range.length + 100, model_.size() - range.offset);
    return got == static_cast<ssize_t>(expected)
               ? Same({range.offset, expected}, buffer_.data())
               : Complain("returned " + std::to_string(got), got < 0);
  }

  bool ReadUncached() {
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);
    return Read();
  }

  bool ReadDirect() {
    if (direct_fd_ < 0) {
      return true;
    }
    const Range range = AlignedInside();
    Remember(range);
    const ssize_t got =
        ::pread(direct_fd_, direct_buffer_.get(), range.length, static_cast<off_t>(range.offset));
    const std::uint64_t expected = std::min(range.length, model_.size() - range.offset);
    return got == static_cast<ssize_t>(expected)
               ? Same({range.offset, expected}, direct_buffer_.get())
               : Complain("returned " + std::to_string(got), got < 0);
  }

  bool Write() {
    const Range range = Anywhere();
    Remember(range);
    FillBuffer(range.length);
    const ssize_t put =
        ::pwrite(fd_, buffer_.data(), range.length, static_cast<off_t>(range.offset));
    if (put != static_cast<ssize_t>(range.length)) {
      return Complain("returned " + std::to_string(put), put < 0);
    }
    StoreInModel(range.offset, buffer_.data(), range.length);
    return true;
  }

  bool WriteDirect() {
    if (direct_fd_ < 0) {
      return true;
    }
    Range range = AlignedInside();
    range.length = std::min(range.length, (model_.size() - range.offset) / kPage * kPage);
    Remember(range);
    if (range.length == 0) {
      return true;
    }
    FillBuffer(range.length);
    std::memcpy(direct_buffer_.get(), buffer_.data(), range.length);
    const ssize_t put =
        ::pwrite(direct_fd_, direct_buffer_.get(), range.length, static_cast<off_t>(range.offset));
    if (put != static_cast<ssize_t>(range.length)) {
      return Complain("returned " + std::to_string(put), put < 0);
    }
    StoreInModel(range.offset, buffer_.data(), range.length);
    return true;
  }

  bool MapRead() { return WithMapping(false); }
  bool MapWrite() { return WithMapping(true); }

  bool Truncate() {
    const std::uint64_t size = Below(max_size_ + 1);
    Remember({size, 0});
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      return Complain("failed", true);
    }
    model_.resize(size);
    return true;
  }

  bool Punch() {
    const Range range = Anywhere();
    return Allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range) && ZeroInModel(range);
  }

  bool ZeroKeepingSize() {
    const Range range = Anywhere();
    return Allocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, range) && ZeroInModel(range);
  }

  bool ZeroGrowing() {
    const Range range = Anywhere();
    if (!Allocate(FALLOC_FL_ZERO_RANGE, range)) {
      return false;
    }
    model_.resize(std::max<std::uint64_t>(model_.size(), range.end()));
    return ZeroInModel(range);
  }

  bool AllocateInside() {
    const Range range = Inside();
    return range.length == 0 || Allocate(Below(2) == 0 ? 0 : FALLOC_FL_KEEP_SIZE, range);
  }

  bool AllocateGrowing() {
    const Range range = Anywhere();
    if (!Allocate(0, range)) {
      return false;
    }
    model_.resize(std::max<std::uint64_t>(model_.size(), range.end()));
    return true;
  }

  bool Fsync() { return ::fsync(fd_) == 0 || Complain("failed", true); }
  bool Fdatasync() { return ::fdatasync(fd_) == 0 || Complain("failed", true); }

  bool Reopen() {
    Close();
    return Open();
  }

  // --- what operations are made of ------------------------------------------------------------

  bool Open() {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    direct_fd_ = ::open(path_.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    return fd_ >= 0 || Complain("open failed", true);
  }

  void Close() {
    for (int* fd : {&fd_, &direct_fd_}) {
      if (*fd >= 0) {
        ::close(*fd);
      }
      *fd = -1;
    }
  }

  bool LoadModel() {
    struct stat status{};
    if (::fstat(fd_, &status) != 0) {
      return Complain("fstat failed", true);
    }
    model_.resize(static_cast<std::size_t>(status.st_size));
    const ssize_t got = ::pread(fd_, model_.data(), model_.size(), 0);
    return got == status.st_size || Complain("the first read returned " + std::to_string(got));
  }

  bool WithMapping(bool write) {
    const Range range = Inside();
    Remember(range);
    if (range.length == 0) {
      return true;
    }
    const std::uint64_t start = range.offset / kPage * kPage;
    const std::size_t length = range.end() - start;
    void* const memory = ::mmap(nullptr, length, write ? PROT_READ | PROT_WRITE : PROT_READ,
                                MAP_SHARED, fd_, static_cast<off_t>(start));
    if (memory == MAP_FAILED) {
      return Complain("mmap failed", true);
    }
    std::uint8_t* const bytes = static_cast<std::uint8_t*>(memory) + (range.offset - start);
    bool fine = Same(range, bytes);
    if (fine && write) {
      FillBuffer(range.length);
      std::memcpy(bytes, buffer_.data(), range.length);
      StoreInModel(range.offset, buffer_.data(), range.length);
      if (Below(2) == 0 && ::msync(memory, length, MS_SYNC) != 0) {
        fine = Complain("msync failed", true);
      }
    }
    ::munmap(memory, length);
    return fine;
  }

  bool Allocate(int mode, Range range) {
    Remember(range);
    return ::fallocate(fd_, mode, static_cast<off_t>(range.offset),
                       static_cast<off_t>(range.length)) == 0 ||
           Complain("fallocate mode " + std::to_string(mode) + " failed", true);
  }

  bool ZeroInModel(Range range) {
    const std::uint64_t end = std::min<std::uint64_t>(range.end(), model_.size());
    if (range.offset < end) {
      std::memset(model_.data() + range.offset, 0, end - range.offset);
    }
    return true;
  }

  void StoreInModel(std::uint64_t offset, const std::uint8_t* data, std::uint64_t length) {
    model_.resize(std::max<std::uint64_t>(model_.size(), offset + length));
    std::memcpy(model_.data() + offset, data, length);
  }

  void FillBuffer(std::uint64_t length) {
    buffer_.resize(length);
    std::uint64_t state = random_();
    for (std::uint8_t& byte : buffer_) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::uint8_t>(state >> 56);
    }
  }

  // --- chance -----------------------------------------------------------------------------------

  std::uint64_t Below(std::uint64_t limit) { return limit == 0 ? 0 : random_() % limit; }

  // Mostly short, at most kLengthMax.
  std::uint64_t Length() { return 1 + Below(std::uint64_t{1} << (3 + Below(14))); }

  // Inside the file; the length is 0 only when the file is empty.
  Range Inside() {
    const std::uint64_t offset = Below(model_.size());
    return {offset, std::min<std::uint64_t>(Length(), model_.size() - offset)};
  }

  Range AlignedInside() {
    const std::uint64_t offset = Below(model_.size()) / kPage * kPage;
    return {offset, kPage * (1 + Below(kLengthMax / kPage))};
  }

  // Inside the largest size, so often over the end or past it; with --fixed inside the file.
  Range Anywhere() {
    if (fixed_) {
      return Inside();
    }
    const std::uint64_t limit = Below(4) == 0 ? max_size_ : model_.size() + 1;
    const std::uint64_t offset = std::min(Below(limit), max_size_ - 1);
    return {offset, std::min(Length(), max_size_ - offset)};
  }

  // --- checks -----------------------------------------------------------------------------------

  bool CheckSize() {
    struct stat status{};
    if (::fstat(fd_, &status) != 0) {
      return Complain("fstat failed", true);
    }
    return static_cast<std::uint64_t>(status.st_size) == model_.size() ||
           Complain("size is " + std::to_string(status.st_size) + ", expected " +
                    std::to_string(model_.size()));
  }

  bool CheckAll() {
    buffer_.resize(model_.size() + 1);
    std::size_t total = 0;
    while (total < buffer_.size()) {
      const ssize_t got =
          ::pread(fd_, buffer_.data() + total, buffer_.size() - total, static_cast<off_t>(total));
      if (got <= 0) {
        break;
      }
      total += static_cast<std::size_t>(got);
    }
    return total == model_.size() ? Same({0, total}, buffer_.data())
                                  : Complain("only " + std::to_string(total) + " bytes to read");
  }

  bool Same(Range range, const std::uint8_t* actual) {
    const std::uint8_t* const expected = model_.data() + range.offset;
    if (std::memcmp(actual, expected, range.length) == 0) {
      return true;
    }
    const auto at = std::mismatch(actual, actual + range.length, expected);
    const std::uint64_t offset = range.offset + static_cast<std::uint64_t>(at.first - actual);
    return Complain("byte " + std::to_string(offset) + " is " + std::to_string(*at.first) +
                    ", expected " + std::to_string(*at.second));
  }

  bool Complain(const std::string& what, bool with_errno = false) {
    std::fprintf(stderr, "operation %llu, %s: %s%s%s\n", static_cast<unsigned long long>(done_),
                 current_, what.c_str(), with_errno ? ": " : "",
                 with_errno ? std::strerror(errno) : "");
    return false;
  }

  void Remember(Range range) {
    history_.push_back(std::to_string(done_) + " " + current_ + " " + std::to_string(range.offset) +
                       "+" + std::to_string(range.length) + " (size " +
                       std::to_string(model_.size()) + ")");
    if (history_.size() > kHistoryMax) {
      history_.pop_front();
    }
  }

  void PrintHistory() const {
    for (const std::string& line : history_) {
      std::fprintf(stderr, "  %s\n", line.c_str());
    }
  }

  static constexpr std::array<Operation, 16> kOperations{{
      {"read", 20, false, &Fsx::Read},
      {"read-uncached", 8, false, &Fsx::ReadUncached},
      {"read-direct", 8, false, &Fsx::ReadDirect},
      {"write", 20, false, &Fsx::Write},
      {"write-direct", 8, false, &Fsx::WriteDirect},
      {"map-read", 8, false, &Fsx::MapRead},
      {"map-write", 8, false, &Fsx::MapWrite},
      {"truncate", 3, true, &Fsx::Truncate},
      {"punch", 4, false, &Fsx::Punch},
      {"zero-keep-size", 3, false, &Fsx::ZeroKeepingSize},
      {"zero", 2, true, &Fsx::ZeroGrowing},
      {"allocate", 2, false, &Fsx::AllocateInside},
      {"allocate-grow", 2, true, &Fsx::AllocateGrowing},
      {"fsync", 1, false, &Fsx::Fsync},
      {"fdatasync", 1, false, &Fsx::Fdatasync},
      {"reopen", 2, false, &Fsx::Reopen},
  }};

  const std::string path_;
  std::mt19937_64 random_;
  const std::uint64_t max_size_;
  const bool fixed_;
  int fd_ = -1;
  int direct_fd_ = -1;  // -1, too, where the file system has no O_DIRECT
  std::uint64_t done_ = 0;
  const char* current_ = "open";
  std::vector<std::uint8_t> model_;
  std::vector<std::uint8_t> buffer_;
  std::unique_ptr<std::uint8_t, Free> direct_buffer_;
  std::deque<std::string> history_;
  std::array<std::uint64_t, 16> counts_{};
};

int Usage() {
  std::fputs("usage: fsx [--seed N] [--operations N] [--max-size BYTES] [--fixed] FILE\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = std::random_device{}();
  std::uint64_t operations = 10000;
  std::uint64_t max_size = std::uint64_t{4} << 20;
  bool fixed = false;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool has_value = i + 1 < argc;
    if (argument == "--fixed") {
      fixed = true;
    } else if (argument == "--seed" && has_value) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--operations" && has_value) {
      operations = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--max-size" && has_value) {
      max_size = std::strtoull(argv[++i], nullptr, 10);
    } else if (path.empty() && argument.front() != '-') {
      path = argument;
    } else {
      return Usage();
    }
  }
  if (path.empty() || max_size == 0) {
    return Usage();
  }
  std::printf("fsx: seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Fsx fsx(path, seed, max_size, fixed);
  const bool fine = fsx.Run(operations);
  fsx.PrintCounts();
  std::printf("fsx: %llu of %llu operations: %s\n", static_cast<unsigned long long>(fsx.done()),
              static_cast<unsigned long long>(operations), fine ? "no difference" : "FAILED");
  return fine ? 0 : 1;
}
