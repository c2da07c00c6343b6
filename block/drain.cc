// Drain: closes every gate of the graph, each on its own loop, and opens them again.
#include <algorithm>

#include "core/run_on.h"
#include "core/scope.h"
#include "graph_internal.h"

namespace fusebay {

namespace {

// REQUIRES: nobody is inside the gate yet, so that this ends at once.
Detached CloseUnusedGate(Gate& gate) { co_await gate.Close(); }

Task<Unit> CloseOnItsLoop(std::shared_ptr<LoopGate> gate) {
  co_await RunOn<Unit>(gate->loop, gate->gate.Close());
  co_return Unit{};
}

}  // namespace

std::shared_ptr<LoopGate> GateRegistry::Add(AioContext& loop) {
  auto gate = std::make_shared<LoopGate>(loop);
  const std::lock_guard guard(mutex);
  for (unsigned i = 0; i < drains; ++i) {
    CloseUnusedGate(gate->gate);
  }
  gates.push_back(gate);
  return gate;
}

void GateRegistry::Remove(const std::shared_ptr<LoopGate>& gate) {
  const std::lock_guard guard(mutex);
  std::erase(gates, gate);
}

Task<BlockGraph::Drained> BlockGraph::Drain() {
  std::vector<std::shared_ptr<LoopGate>> gates;
  {
    const std::lock_guard guard(impl_->gates.mutex);
    ++impl_->gates.drains;
    gates = impl_->gates.gates;
  }
  TaskScope closings;  // all at once, for a request may wait for one on another loop
  for (const std::shared_ptr<LoopGate>& gate : gates) {
    closings.Spawn(CloseOnItsLoop(gate));
  }
  co_await closings.Join();
  co_return Drained(this);
}

Task<BlockGraph::Alone> BlockGraph::DrainAlone() {
  CoMutex::Guard guard = co_await KeepUnchanged();
  Drained drained = co_await Drain();
  co_return Alone(std::move(guard), std::move(drained));
}

Task<CoMutex::Guard> BlockGraph::KeepUnchanged() {
  CoMutex::Guard guard = co_await impl_->alone.Lock();
  co_return guard;
}

BlockGraph::Drained::~Drained() {
  if (graph_ == nullptr) {
    return;
  }
  GateRegistry& registry = graph_->impl_->gates;
  const std::lock_guard guard(registry.mutex);
  --registry.drains;
  for (const std::shared_ptr<LoopGate>& gate : registry.gates) {
    if (&gate->loop == AioContext::CurrentOrNull()) {
      gate->gate.Open();
    } else {
      gate->loop.Post([gate] { gate->gate.Open(); });
    }
  }
}

}  // namespace fusebay
