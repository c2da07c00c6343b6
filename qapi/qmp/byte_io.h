// Reading and writing the descriptors of a link without ever waiting.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fusebay::qapi {

// One end of a link; knows whether it is a socket, which has calls of its own.
class ByteEnd {
 public:
  explicit ByteEnd(int fd);

  int fd() const { return fd_; }
  // Whether Read or Write may wait if the descriptor was not polled before.
  bool must_poll() const { return !is_socket_; }
  // What read(2) returns, or -errno. Descriptors that come with the bytes are dropped.
  std::int64_t Read(std::span<char> dst) const;
  // What write(2) returns, or -errno; a part, if more would wait. No SIGPIPE on sockets.
  std::int64_t Write(std::string_view src) const;

 private:
  int fd_;
  bool is_socket_;
};

}  // namespace fusebay::qapi
