// Tests of ByteEnd.
#include "qmp/byte_io.h"

#include <fcntl.h>
#include <signal.h>

#include "monitor_fixture.h"

using namespace fusebay;
using namespace fusebay::qapi;
using namespace fusebay::test;

namespace {

std::size_t OpenDescriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

void SendDescriptor(int socket, int fd) {
  char byte = 'x';
  iovec iov{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  CHECK_EQ(::sendmsg(socket, &message, 0), 1);
}

}  // namespace

TEST(ASocketNeverWaits) {
  const auto [one, two] = SocketPair();
  const ByteEnd end(one.get());
  char buffer[8];
  CHECK(!end.must_poll());
  CHECK_EQ(end.Read(buffer), -EAGAIN);
  const std::string much(1 << 20, 'x');
  CHECK(end.Write(much) > 0);
  while (end.Write(much) > 0) {
  }
  CHECK_EQ(end.Write(much), -EAGAIN);
}

TEST(ASocketWithoutPeerIsAnErrorNotASignal) {
  auto [one, two] = SocketPair();
  two.Reset();
  CHECK_EQ(ByteEnd(one.get()).Write("x"), -EPIPE);
}

TEST(APipeTakesOnlyWhatFits) {
  int fds[2];
  CHECK_EQ(::pipe2(fds, O_CLOEXEC), 0);
  const UniqueFd reader(fds[0]);
  const UniqueFd writer(fds[1]);
  const ByteEnd end(writer.get());
  CHECK(end.must_poll());
  CHECK_EQ(end.Write(std::string(1 << 20, 'x')), PIPE_BUF);
}

TEST(PassedDescriptorsAreDropped) {
  const auto [one, two] = SocketPair();
  const std::size_t before = OpenDescriptors();
  for (int i = 0; i < 100; ++i) {
    SendDescriptor(one.get(), one.get());
    char buffer[8];
    CHECK_EQ(ByteEnd(two.get()).Read(buffer), 1);
  }
  CHECK_EQ(OpenDescriptors(), before);
}
