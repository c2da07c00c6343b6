// The chardevs stdio, file and null: one link at most, for good.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "chardev_kinds.h"

namespace fusebay::qapi {

namespace {

class OneLinkChardev : public Chardev {
 public:
  OneLinkChardev(std::string id, std::string kind)
      : Chardev(std::move(id)), kind_(std::move(kind)) {}
  Task<std::optional<ByteLink>> NextLink() override {
    return Task<std::optional<ByteLink>>(std::exchange(link_, std::nullopt));
  }
  std::string filename() const override { return kind_; }

 protected:
  std::optional<ByteLink> link_;

 private:
  const std::string kind_;
};

Error OpenError(int code, const std::string& path) {
  return Error{Errno(code), fmt::format("Failed to open '{}': {}", path, std::strerror(code))};
}

// Another handle of a standard descriptor, which does not block where that can be had without a
// change to what other processes share with us.
UniqueFd HandleOf(int fd, int access) {
  struct stat st{};
  if (::fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
    const std::string path = fmt::format("/proc/self/fd/{}", fd);
    UniqueFd own(::open(path.c_str(), access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own) {
      return own;
    }
  }
  return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

class StdioChardev final : public OneLinkChardev {
 public:
  explicit StdioChardev(std::string id) : OneLinkChardev(std::move(id), "stdio") {}
  Task<Result<Unit, Error>> Open() override {
    ByteLink link{HandleOf(STDIN_FILENO, O_RDONLY), HandleOf(STDOUT_FILENO, O_WRONLY)};
    if (!link.input || !link.own_output) {
      return Task<Result<Unit, Error>>(OpenError(errno, "stdio"));
    }
    link_ = std::move(link);
    return Task<Result<Unit, Error>>(Unit{});
  }
};

class FileChardev final : public OneLinkChardev {
 public:
  FileChardev(std::string id, FileChardevConfig config)
      : OneLinkChardev(std::move(id), "file"), config_(std::move(config)) {}
  Task<Result<Unit, Error>> Open() override {
    const std::string in = config_.in.value_or("/dev/null");
    ByteLink link;
    link.input = UniqueFd(::open(in.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!link.input) {
      return Task<Result<Unit, Error>>(OpenError(errno, in));
    }
    // A FIFO that nobody reads is an error (ENXIO) rather than a loop that waits for good; a reader
    // that is slow is waited for without blocking.
    const int flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
                      (config_.append ? O_APPEND : O_TRUNC);
    link.own_output = UniqueFd(::open(config_.out.c_str(), flags, 0666));
    if (!link.own_output) {
      return Task<Result<Unit, Error>>(OpenError(errno, config_.out));
    }
    link_ = std::move(link);
    return Task<Result<Unit, Error>>(Unit{});
  }

 private:
  const FileChardevConfig config_;
};

class NullChardev final : public OneLinkChardev {
 public:
  explicit NullChardev(std::string id) : OneLinkChardev(std::move(id), "null") {}
  Task<Result<Unit, Error>> Open() override { return Task<Result<Unit, Error>>(Unit{}); }
};

}  // namespace

std::unique_ptr<Chardev> MakePlainChardev(ChardevConfig config) {
  if (auto* const file = std::get_if<FileChardevConfig>(&config.backend)) {
    return std::make_unique<FileChardev>(std::move(config.id), std::move(*file));
  }
  if (std::holds_alternative<StdioChardevConfig>(config.backend)) {
    return std::make_unique<StdioChardev>(std::move(config.id));
  }
  FB_ASSERT(std::holds_alternative<NullChardevConfig>(config.backend));
  return std::make_unique<NullChardev>(std::move(config.id));
}

}  // namespace fusebay::qapi
