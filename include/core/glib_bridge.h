// GlibBridge: lets GLib's main loop (signals, sockets, the monitor) drive an AioContext as well, so
// that the control thread has one place where it waits.
#pragma once
#include <functional>
#include <memory>

#include "core/aio_context.h"

namespace fusebay {

class GlibBridge {
 public:
  // Attaches `loop` to GLib's default main context. The loop must outlive the bridge and must not
  // be run by anything else.
  explicit GlibBridge(AioContext& loop);
  GlibBridge(const GlibBridge&) = delete;
  GlibBridge& operator=(const GlibBridge&) = delete;
  ~GlibBridge();

  void Run();   // until Quit
  void Quit();  // this thread
  // Calls fn, in a turn of the loop, whenever `signal` (SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2)
  // arrives.
  void OnSignal(int signal, std::function<void()> fn);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusebay
