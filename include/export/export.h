// Export: a block node that is made visible to a client, and its life cycle.
//
// Everything here is called on the control loop. Life: Start, RequestStop (or the client goes),
// Stop.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/task.h"

namespace fusebay {

class Export {
 public:
  Export(const Export&) = delete;
  Export& operator=(const Export&) = delete;
  virtual ~Export() = default;  // REQUIRES: Stop has returned, or Start never succeeded.

  const std::string& id() const { return id_; }
  virtual std::string_view type() const = 0;
  // The node it shows now. REQUIRES: Start has succeeded, Stop has not been called.
  virtual std::string node_name() const = 0;

  // Ready for clients when it returns. On failure nothing is left behind.
  virtual Task<Result<Unit, Error>> Start() = 0;
  // Calls fn once, on the control loop, when the client has gone (the user unmounted it), at once
  // if it has gone already: the owner then calls Stop. REQUIRES: Start has succeeded.
  void OnGone(std::function<void()> fn) {
    on_gone_ = std::move(fn);
    if (gone_) {
      on_gone_();
    }
  }
  // Whether a client has it open or a request is in progress.
  virtual bool in_use() const = 0;
  // Waits until the client knows of every change of the node by others that was made before.
  virtual Task<Unit> SettleClients() = 0;
  // Unmounts, waits for requests in progress, flushes the node. Returns the flush's error.
  virtual Task<Result<>> Stop() = 0;

 protected:
  explicit Export(std::string id) : id_(std::move(id)) {}
  bool gone() const { return gone_; }
  void ReportGone() {
    gone_ = true;
    if (on_gone_) {
      on_gone_();
    }
  }

 private:
  const std::string id_;
  std::function<void()> on_gone_;
  bool gone_ = false;
};

}  // namespace fusebay
