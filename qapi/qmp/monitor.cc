// The monitors of the daemon: who listens where, and what reaches all of them.
#include "qapi/monitor.h"

#include <algorithm>
#include <utility>

#include "qapi/generated/types.h"
#include "qmp_connection.h"

namespace fusebay::qapi {

namespace {

// How often Stop looks whether the output has left.
constexpr Nanoseconds kFlushStep = std::chrono::milliseconds(2);

}  // namespace

struct Monitors::Shared {
  QmpService service;
  bool stopped = false;
};

// One chardev and its connections.
class Monitors::Monitor {
 public:
  Monitor(QmpService& service, Chardevs& chardevs, Chardev& chardev, bool pretty)
      : service_(service), chardevs_(chardevs), chardev_(chardev), pretty_(pretty) {
    accepting_.Spawn(AcceptClients());
  }
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  const std::vector<QmpConnection*>& connections() const { return connections_; }
  void StopAccepting() {
    stopping_ = true;
    chardev_.Stop();
    left_.Set();
  }
  bool idle() const { return accepting_.running() == 0 && tasks_.running() == 0; }
  Task<Unit> JoinAccepting() { return accepting_.Join(); }
  Task<Unit> Join() {
    co_await accepting_.Join();
    co_await tasks_.Join();
    chardevs_.Release(chardev_);
    co_return Unit{};
  }

 private:
  Task<Unit> AcceptClients();
  Task<Unit> ServeClient(ByteLink link);

  QmpService& service_;
  Chardevs& chardevs_;
  Chardev& chardev_;
  const bool pretty_;
  bool stopping_ = false;
  CoEvent left_;  // a connection ended, or all shall
  std::vector<QmpConnection*> connections_;
  TaskScope accepting_;
  TaskScope tasks_;
};

Task<Unit> Monitors::Monitor::AcceptClients() {
  while (!stopping_) {
    if (connections_.size() >= chardev_.max_links()) {
      left_.Reset();
      co_await left_.Wait();
      continue;
    }
    std::optional<ByteLink> link = co_await chardev_.NextLink();
    if (!link.has_value() || stopping_) {
      break;
    }
    tasks_.Spawn(ServeClient(std::move(*link)));
  }
  co_return Unit{};
}

Task<Unit> Monitors::Monitor::ServeClient(ByteLink link) {
  const auto connection =
      std::make_unique<QmpConnection>(service_, std::move(link), chardev_.id(), pretty_);
  connections_.push_back(connection.get());
  chardev_.LinkOpened();
  co_await connection->Serve();
  chardev_.LinkClosed();
  std::erase(connections_, connection.get());
  left_.Set();
  co_return Unit{};
}

Monitors::Monitors(const QmpCommands& commands, QmpVersion version)
    : shared_(new Shared{.service = {.commands = commands, .version = std::move(version)}}) {}

Monitors::~Monitors() { FB_ASSERT(monitors_.empty()); }

Result<Unit, Error> Monitors::Add(const MonitorOptions& options, Chardevs& chardevs) {
  FB_ASSERT(!shared_->stopped);
  FB_ASSIGN(Chardev* const chardev, chardevs.Take(options.chardev));
  monitors_.push_back(std::make_unique<Monitor>(shared_->service, chardevs, *chardev,
                                                options.pretty.value_or(false)));
  return Unit{};
}

void Monitors::Emit(const JsonValue& event) {
  std::string plain;
  std::string pretty;
  for (const std::unique_ptr<Monitor>& monitor : monitors_) {
    for (QmpConnection* const connection : monitor->connections()) {
      if (!connection->negotiated()) {
        continue;
      }
      std::string& text = connection->pretty() ? pretty : plain;
      if (text.empty()) {
        text = WireText(event, connection->pretty());
      }
      connection->SendEvent(text);
    }
  }
}

void Monitors::HoldRequests() {
  shared_->service.held = true;
  for (const std::unique_ptr<Monitor>& monitor : monitors_) {
    for (QmpConnection* const connection : monitor->connections()) {
      connection->Hold();
    }
  }
}

Task<Unit> Monitors::AwaitCommands() {
  FB_ASSERT(shared_->service.held);
  // Those that wait for their turn before us find that there is nothing to run.
  const CoMutex::Guard guard = co_await shared_->service.turn.Lock();
  co_return Unit{};
}

Task<Unit> Monitors::StopAccepting() {
  shared_->stopped = true;
  for (const std::unique_ptr<Monitor>& monitor : monitors_) {
    monitor->StopAccepting();
  }
  for (const std::unique_ptr<Monitor>& monitor : monitors_) {
    co_await monitor->JoinAccepting();
  }
  co_return Unit{};
}

Task<Unit> Monitors::Stop() {
  shared_->stopped = true;
  HoldRequests();
  for (const std::unique_ptr<Monitor>& monitor : monitors_) {
    monitor->StopAccepting();
    for (QmpConnection* const connection : monitor->connections()) {
      connection->Finish();
    }
  }
  AioContext& loop = AioContext::Current();
  const auto idle = [](const std::unique_ptr<Monitor>& monitor) { return monitor->idle(); };
  const Clock::time_point deadline = loop.Now() + kFlushTime;
  while (!std::all_of(monitors_.begin(), monitors_.end(), idle) && loop.Now() < deadline) {
    co_await loop.SleepFor(kFlushStep);
  }
  for (const std::unique_ptr<Monitor>& monitor : monitors_) {
    for (QmpConnection* const connection : monitor->connections()) {
      connection->Break();
    }
    co_await monitor->Join();
  }
  monitors_.clear();
  co_return Unit{};
}

std::size_t Monitors::connections() const {
  std::size_t count = 0;
  for (const std::unique_ptr<Monitor>& monitor : monitors_) {
    count += monitor->connections().size();
  }
  return count;
}

}  // namespace fusebay::qapi
