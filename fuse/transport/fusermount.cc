// The protocol of fusermount3: a socket in _FUSE_COMMFD over which it sends the descriptor.
#include "fuse/transport/fusermount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace fusebay::fuse {

namespace {

std::vector<std::string> CommandLine(const FusermountProgram& program) {
  if (program.mount_namespace_fd < 0) {
    return {program.name};
  }
  return {"nsenter", fmt::format("--mount=/proc/{}/fd/{}", ::getpid(), program.mount_namespace_fd),
          "--", program.name};
}

// Receives one descriptor; sets `byte_count` to what recvmsg says.
UniqueFd ReceiveFd(int socket, ssize_t& byte_count) {
  std::array<char, 8> data{};
  iovec piece{data.data(), data.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  do {
    byte_count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (byte_count < 0 && errno == EINTR);
  if (byte_count <= 0) {
    return UniqueFd();
  }
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int))) {
    return UniqueFd();
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

}  // namespace

std::string EscapeOption(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == ',' || c == '\\') {
      escaped.push_back('\\');
    }
    escaped.push_back(c);
  }
  return escaped;
}

Result<FusermountSession, Error> MountWithFusermount(const FusermountProgram& program,
                                                     const std::string& options,
                                                     const std::string& mountpoint,
                                                     bool auto_unmount) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    const int code = errno;
    return Error{Errno(code), fmt::format("socketpair: {}", std::strerror(code))};
  }
  FusermountSession session;
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);

  ChildProcess::Command command;
  command.argv = CommandLine(program);
  command.argv.insert(command.argv.end(), {"-o", options, "--", mountpoint});
  command.environment = fmt::format("_FUSE_COMMFD={}", theirs.get());
  command.inherited_fd = theirs.get();
  FB_ASSIGN(session.child, ChildProcess::Start(command));
  theirs.Reset();

  ssize_t byte_count = 0;
  session.device = ReceiveFd(ours.get(), byte_count);
  if (!session.device) {
    ours.Reset();
    FB_TRY(session.child.Wait());
    return Error{Errno(EIO), fmt::format("{} did not send a file descriptor (it sent {} bytes)",
                                         program.name, byte_count)};
  }
  if (!auto_unmount) {
    ours.Reset();
    FB_TRY(session.child.Wait());
  } else {
    FB_ASSIGN(session.keep_alive, DeathWatch::Start(std::move(ours), mountpoint));
  }
  return session;
}

Result<Unit, Error> UnmountWithFusermount(const FusermountProgram& program,
                                          const std::string& mountpoint, bool lazy) {
  ChildProcess::Command command;
  command.argv = CommandLine(program);
  command.argv.insert(command.argv.end(), {"-u", "-q"});
  if (lazy) {
    command.argv.emplace_back("-z");
  }
  command.argv.insert(command.argv.end(), {"--", mountpoint});
  FB_ASSIGN(ChildProcess child, ChildProcess::Start(command));
  return child.Wait();
}

}  // namespace fusebay::fuse
