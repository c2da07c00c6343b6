// The system calls of ByteEnd.
#include "byte_io.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace fusebay::qapi {

namespace {

bool IsSocket(int fd) {
  struct stat st{};
  return ::fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

}  // namespace

ByteEnd::ByteEnd(int fd) : fd_(fd), is_socket_(IsSocket(fd)) {}

std::int64_t ByteEnd::Read(std::span<char> dst) const {
  // Without room for control data the kernel drops passed descriptors before they are ours.
  const ssize_t n = is_socket_ ? ::recv(fd_, dst.data(), dst.size(), MSG_DONTWAIT)
                               : ::read(fd_, dst.data(), dst.size());
  return n < 0 ? -std::int64_t{errno} : n;
}

std::int64_t ByteEnd::Write(std::string_view src) const {
  // A pipe that is ready takes PIPE_BUF bytes at once.
  const std::size_t most = is_socket_ ? src.size() : std::min<std::size_t>(src.size(), PIPE_BUF);
  const ssize_t n = is_socket_ ? ::send(fd_, src.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL)
                               : ::write(fd_, src.data(), most);
  return n < 0 ? -std::int64_t{errno} : n;
}

}  // namespace fusebay::qapi
