// Makes the kernel send what clients of a mount have written but not synced.
#include "export/client_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "export/child_call.h"

namespace fusebay {

namespace {

struct Mounted {
  const char* path;
  dev_t device;
};

// In a child process. Returns an errno.
int SyncMounted(const void* argument) {
  const Mounted& mounted = *static_cast<const Mounted*>(argument);
  const int file = ::open(mounted.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat st{};
  if (file < 0 || ::fstat(file, &st) != 0 || st.st_dev != mounted.device) {
    return 0;  // unmounted already, or hidden by another mount
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

}  // namespace

Result<> WriteBackClientCache(const std::string& path, dev_t device,
                              std::chrono::milliseconds time_limit) {
  const Mounted mounted{path.c_str(), device};
  return CallInChild(&SyncMounted, &mounted, time_limit);
}

}  // namespace fusebay
