// Writing back what clients have cached: the child's result and its time limit.
#include "export/client_cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "check.h"
#include "temporary.h"

namespace fusebay::test {

namespace {

constexpr std::chrono::seconds kLong{20};

dev_t DeviceOf(const char* path) {
  struct stat st{};
  CHECK_EQ(::stat(path, &st), 0);
  return st.st_dev;
}

}  // namespace

TEST(FileOfTheDeviceIsSynced) {
  std::string path = fusebay::test::TemporaryPattern("cache");
  const UniqueFd file(::mkstemp(path.data()));
  CHECK_OK(WriteBackClientCache(path, DeviceOf(path.c_str()), kLong));
  ::unlink(path.c_str());
}

TEST(AnotherMountsFileIsLeftAlone) {
  // Opening it is all that happens: fsync would fail with EINVAL.
  CHECK_OK(WriteBackClientCache("/proc/self/status", DeviceOf("/tmp"), kLong));
}

TEST(FailedSyncIsReported) {
  CHECK_ERRNO(WriteBackClientCache("/proc/self/status", DeviceOf("/proc/self/status"), kLong),
              EINVAL);
}

TEST(MissingFileNeedsNoSync) { CHECK_OK(WriteBackClientCache("/tmp/none/at/all", 0, kLong)); }

}  // namespace fusebay::test
