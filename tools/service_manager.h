// What a service manager (systemd) and a daemon tell each other by environment variables: sockets
// that are open already, and when the daemon is ready. Without a service manager nothing happens.
//
// See sd_listen_fds(3) and sd_notify(3).
#pragma once
#include <string_view>

#include "base/result.h"

namespace fusebay {

// The first descriptor that a service manager passes.
inline constexpr int kFirstListenFd = 3;

// How many sockets were passed to this process: kFirstListenFd and those after it. They are not
// passed on to other programs, nor is the word of them. Call it once, before a fork.
int TakeListenFds();

// Tells the service manager: "READY=1", "STOPPING=1"; several lines in one call.
// "NOTIFY_SOCKET 'P': ..." when it cannot be told.
Result<Unit, Error> NotifyManager(std::string_view state);

}  // namespace fusebay
