// Listening at and connecting to the place of a socket chardev.
#pragma once
#include <sys/stat.h>

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "core/clock.h"
#include "qapi/chardev.h"

namespace fusebay::qapi {

// The file of a listening Unix socket, removed with this object if it still is ours.
class SocketFile {
 public:
  SocketFile() = default;
  // REQUIRES: a socket was bound to `path` just now. The folder may be changed afterwards.
  explicit SocketFile(const std::string& path);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile();

 private:
  std::string path_;  // absolute; empty: there is none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct Listener {
  SocketFile file;            // dies after the sockets
  std::vector<UniqueFd> fds;  // at least one; a host may have several addresses
  std::string name;           // "unix:PATH" or "tcp:HOST:PORT"
};

// Takes over the file of a server that is gone, never one that a server listens to. May block while
// a host is looked up: for a worker thread.
Result<Listener, Error> ListenAt(const SocketPlace& place);

struct Connected {
  UniqueFd fd;
  std::string name;
};

// When to stop trying.
struct ConnectLimit {
  std::optional<Clock::time_point> deadline;     // besides kConnectTime for each address
  const std::atomic<bool>* cancelled = nullptr;  // may be set by another thread
};

// May block: for a worker thread. ETIMEDOUT, ECANCELED: the limit.
inline constexpr std::chrono::seconds kConnectTime{10};
Result<Connected, Error> ConnectTo(const SocketPlace& place, const ConnectLimit& limit = {});

// "unix:PATH" or "tcp:HOST:PORT", as far as it is known before there is a socket.
std::string NameOf(const SocketPlace& place);
// Of a socket's own end.
std::string NameOfSocket(int fd);

}  // namespace fusebay::qapi
