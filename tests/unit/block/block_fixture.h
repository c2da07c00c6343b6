// What the unit tests of block share: a graph on a loop, data with a pattern, temporary files, and
// a node that does what a test tells it to.
#pragma once
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/align.h"
#include "base/fd.h"
#include "block/block_graph.h"
#include "block/open_image.h"
#include "check.h"
#include "core/aio_context.h"
#include "temporary.h"

namespace fusebay::test {

inline constexpr PermissionSet kReader{.used = kPermConsistentRead, .shared = kPermAll};
inline constexpr PermissionSet kWriter{
    .used = kPermConsistentRead | kPermWrite | kPermResize,
    .shared = kPermAll,
};

// Memory to read into or write from.
class Data {
 public:
  explicit Data(std::size_t size, std::byte fill = std::byte{0}) : bytes_(size, fill) { Point(); }
  // Bytes that differ from place to place and from seed to seed.
  static Data Pattern(std::size_t size, unsigned seed = 1) {
    Data data(size);
    std::minstd_rand random(seed);
    std::generate(data.bytes_.begin(), data.bytes_.end(),
                  [&random] { return static_cast<std::byte>(random() >> 8); });
    return data;
  }
  Data(const Data& other) : bytes_(other.bytes_) { Point(); }
  Data& operator=(const Data&) = delete;

  IoVec vec() const { return IoVec::Of(iov_); }
  std::byte* begin() { return bytes_.data(); }
  std::vector<std::byte>& bytes() { return bytes_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  bool IsAll(std::byte value) const {
    return std::all_of(bytes_.begin(), bytes_.end(), [value](std::byte b) { return b == value; });
  }
  friend bool operator==(const Data& a, const Data& b) { return a.bytes_ == b.bytes_; }

 private:
  void Point() { iov_ = {bytes_.data(), bytes_.size()}; }
  std::vector<std::byte> bytes_;
  iovec iov_{};
};

// A folder for one test, deleted with everything in it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string pattern = TemporaryPattern("block"))
      : path_(std::move(pattern)) {
    CHECK(mkdtemp(path_.data()) != nullptr);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    for (const std::string& name : names_) {
      unlink(name.c_str());
    }
    rmdir(path_.c_str());
  }
  std::string Name(const std::string& name) {
    names_.push_back(path_ + "/" + name);
    return names_.back();
  }
  std::string File(const std::string& name, const std::vector<std::byte>& bytes) {
    const std::string path = Name(name);
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    CHECK(fd.valid());
    CHECK_EQ(write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return path;
  }
  std::string File(const std::string& name, std::string_view text) {
    std::vector<std::byte> bytes(text.size());
    std::copy_n(reinterpret_cast<const std::byte*>(text.data()), text.size(), bytes.begin());
    return File(name, bytes);
  }
  std::string Sparse(const std::string& name, std::uint64_t size) {
    const std::string path = File(name, std::string_view());
    CHECK_EQ(truncate(path.c_str(), static_cast<off_t>(size)), 0);
    return path;
  }

 private:
  std::string path_;
  std::vector<std::string> names_;
};

inline std::uint64_t FileSize(const std::string& path) {
  struct stat st{};
  CHECK_EQ(stat(path.c_str(), &st), 0);
  return static_cast<std::uint64_t>(st.st_size);
}

inline std::vector<std::byte> FileBytes(const std::string& path) {
  std::vector<std::byte> bytes(FileSize(path));
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  CHECK_EQ(read(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return bytes;
}

// A node over an array, which takes only what its limits allow and may be slow, refuse or fail.
class FakeNode final : public BlockNode {
 public:
  explicit FakeNode(std::string name, std::uint64_t size, bool read_only = false)
      : BlockNode(std::move(name), "fake", read_only), bytes(size) {
    set_size(size);
  }
  BlockLimits& mutable_limits() { return limits_; }
  // Room up to the next multiple of the alignment.
  void Align(std::uint32_t alignment) {
    limits_.request_alignment = alignment;
    bytes.resize(AlignUp(size(), alignment));
  }

  std::vector<std::byte> bytes;
  bool yields = false;  // lets everything else run inside each operation
  bool can_zero = false;
  ZeroFlags zero_flags;  // of the last DoWriteZeroes
  int write_error = 0;
  Result<Unit, Error> permission_answer = Unit{};
  PermissionSet asked;  // by the last DoSetPermissions
  std::string log;      // "r4096 w512 z4096 d4096 f "
  bool closed = false;
  Result<> close_answer = Ok();

 private:
  Task<Result<>> DoRead(std::uint64_t offset, IoVec dst) override {
    co_await Begin('r', dst.size);
    const std::lock_guard guard(mutex_);
    dst.CopyFrom(bytes.data() + offset);
    co_return Ok();
  }
  Task<Result<>> DoWrite(std::uint64_t offset, IoVec src, WriteFlags flags) override {
    co_await Begin(flags.fua ? 'W' : 'w', src.size);
    if (write_error != 0) {
      co_return Errno{write_error};
    }
    const std::lock_guard guard(mutex_);
    src.CopyTo(bytes.data() + offset);
    co_return Ok();
  }
  Task<Result<>> DoWriteZeroes(std::uint64_t offset, std::uint64_t length,
                               ZeroFlags flags) override {
    Remember(flags);
    if (!can_zero) {
      co_return Errno{ENOTSUP};
    }
    co_await Begin('z', length);
    const std::lock_guard guard(mutex_);
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), length, std::byte{0});
    co_return Ok();
  }
  Task<Result<>> DoSpace(std::uint64_t, std::uint64_t length, bool allocate) override {
    co_await Begin(allocate ? 'a' : 'd', length);
    co_return Errno{ENOTSUP};
  }
  Task<Result<>> DoFlush(FlushMode) override {
    co_await Begin('f', 0);
    co_return Ok();
  }
  Task<Result<>> DoTruncate(std::uint64_t size, Prealloc) override {
    co_await Begin('t', size);
    bytes.resize(AlignUp(size, limits_.request_alignment));
    set_size(size);
    co_return Ok();
  }
  Task<Result<>> DoClose() override {
    closed = true;
    return close_answer;
  }
  Result<Unit, Error> DoSetPermissions(const PermissionSet& set) override {
    asked = set;
    return permission_answer;
  }
  void Remember(ZeroFlags flags) {
    const std::lock_guard guard(mutex_);
    zero_flags = flags;
  }
  Task<Unit> Begin(char what, std::uint64_t length) {
    {
      const std::lock_guard guard(mutex_);
      log += what + (what == 'f' ? std::string() : std::to_string(length)) + ' ';
    }
    if (yields) {
      co_await AioContext::Current().Yield();
    }
    co_return Unit{};
  }

  std::mutex mutex_;
};

// A graph and a loop; the graph is closed at the end.
class Bench {
 public:
  explicit Bench(std::optional<EngineKind> engine = std::nullopt) {
    AioContextOptions options;
    options.engine = engine;
    options.poll_max = Nanoseconds(0);
    auto made = AioContext::Create(options, workers);
    CHECK_OK(made);
    loop = std::move(*made);
  }
  ~Bench() {
    if (loop != nullptr) {
      static_cast<void>(Run(graph.CloseAll()).ok());
    }
  }

  template <class T>
  T Run(Task<T> task) {
    return loop->RunUntilDone(std::move(task));
  }
  Result<BlockNode*, Error> TryOpen(const BlockdevOptions& options) {
    return Run(graph.Open(options));
  }
  BlockNode& Open(const BlockdevOptions& options) {
    const Result<BlockNode*, Error> node = TryOpen(options);
    CHECK_OK(node);
    return **node;
  }
  FakeNode& AddFake(const std::string& name, std::uint64_t size, std::uint32_t alignment = 1,
                    bool read_only = false) {
    auto node = std::make_unique<FakeNode>(name, size, read_only);
    node->Align(alignment);
    FakeNode& fake = *node;
    CHECK_OK(graph.Add(std::move(node)));
    return fake;
  }
  BlockRef Use(const BlockNode& node, const PermissionSet& permissions = kWriter,
               const std::string& user = "the test") {
    Result<BlockRef, Error> ref = graph.Use(node.node_name(), permissions, user);
    CHECK_OK(ref);
    return std::move(*ref);
  }

  Result<> Write(const BlockRef& ref, std::uint64_t offset, const Data& data,
                 WriteFlags flags = {}) {
    return Run(ref.Write(offset, data.vec(), flags));
  }
  Data Read(const BlockRef& ref, std::uint64_t offset, std::size_t length) {
    Data data(length, std::byte{0xee});
    CHECK_OK(Run(ref.Read(offset, data.vec())));
    return data;
  }

  WorkerPool workers;
  std::unique_ptr<AioContext> loop;
  BlockGraph graph;
};

inline BlockdevOptions File(const std::string& filename, bool read_only = false) {
  BlockdevOptions options;
  options.driver = "file";
  options.read_only = read_only;
  options.driver_options = FileOptions{.filename = filename};
  return options;
}

inline BlockdevOptions Raw(const std::string& file_node_name) {
  BlockdevOptions options;
  options.driver = "raw";
  options.driver_options = RawOptions{.file = {.node_name = file_node_name, .definition = nullptr}};
  return options;
}

}  // namespace fusebay::test
