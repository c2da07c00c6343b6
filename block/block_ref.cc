// BlockRef: checks what its user may do, lets a plain request straight through to the node, sends
// every other one the slow way (split.cc, rmw.cc, zeroes.cc), and tells observers of changes.
#include "block/block_ref.h"

#include <algorithm>

#include "base/align.h"
#include "graph_internal.h"

namespace fusebay {

namespace {

// Whether the node takes the request as it is.
bool IsPlain(const BlockLimits& limits, std::uint64_t offset, const IoVec& data) {
  return IsAligned(offset | data.size, limits.request_alignment) &&
         data.size <= limits.max_transfer &&
         (limits.memory_alignment == 1 || data.IsMemoryAligned(limits.memory_alignment));
}

void CheckInside(const BlockNode& node, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t size = node.size();
  FB_ASSERT(offset <= size);
  FB_ASSERT(length <= size - offset);
}

}  // namespace

void ObserverList::Add(const void* owner, BlockObserver* observer) {
  const std::lock_guard guard(mutex_);
  items_.push_back({owner, observer});
  count_.store(items_.size(), std::memory_order_release);
}

void ObserverList::Remove(const void* owner) {
  const std::lock_guard guard(mutex_);
  std::erase_if(items_, [owner](const Item& item) { return item.owner == owner; });
  count_.store(items_.size(), std::memory_order_release);
}

void ObserverList::TellWritten(const void* writer, std::uint64_t offset, std::uint64_t length) {
  const std::lock_guard guard(mutex_);
  for (const Item& item : items_) {
    if (item.owner != writer) {
      item.observer->OnWritten(offset, length);
    }
  }
}

void ObserverList::TellResized(const void* writer, std::uint64_t size) {
  const std::lock_guard guard(mutex_);
  for (const Item& item : items_) {
    if (item.owner != writer) {
      item.observer->OnResized(size);
    }
  }
}

BlockRef::BlockRef() = default;
BlockRef::BlockRef(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlockRef::BlockRef(BlockRef&&) noexcept = default;

BlockRef& BlockRef::operator=(BlockRef&& other) noexcept {
  BlockRef old(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

BlockRef::~BlockRef() {
  if (impl_ == nullptr) {
    return;
  }
  SetObserver(nullptr);
  for (const std::shared_ptr<LoopGate>& gate : impl_->gates) {
    if (gate != nullptr) {
      impl_->graph->gates.Remove(gate);
      gate->counters.AddTo(impl_->past);
    }
  }
  impl_->entry->past.Add(impl_->past);
  impl_->graph->Drop(*impl_);
}

BlockNode& BlockRef::node() const {
  FB_ASSERT(impl_ != nullptr);
  return *impl_->node;
}

const PermissionSet& BlockRef::permissions() const {
  FB_ASSERT(impl_ != nullptr);
  return impl_->permissions;
}

Result<Unit, Error> BlockRef::SetPermissions(const PermissionSet& permissions) {
  FB_ASSERT(impl_ != nullptr);
  FB_TRY(impl_->graph->Permit(*impl_->entry, impl_.get(), permissions,
                              {impl_->user, impl_->parent, impl_->role}));
  impl_->permissions = permissions;
  impl_->used.store(permissions.used, std::memory_order_relaxed);
  return Unit{};
}

void BlockRef::UseOn(std::span<AioContext* const> loops) {
  FB_ASSERT(impl_ != nullptr);
  for (AioContext* const loop : loops) {
    if (impl_->gates.size() <= loop->index()) {
      impl_->gates.resize(loop->index() + 1);
    }
    std::shared_ptr<LoopGate>& gate = impl_->gates[loop->index()];
    if (gate != nullptr && &gate->loop != loop) {
      impl_->graph->gates.Remove(gate);  // of a loop that is gone
      gate->counters.AddTo(impl_->past);
      gate = nullptr;
    }
    if (gate == nullptr) {
      gate = impl_->graph->gates.Add(*loop);
    }
  }
}

LoopGate& BlockRef::Impl::GateHere() const {
  AioContext& loop = AioContext::Current();
  FB_ASSERT(loop.index() < gates.size());
  const std::shared_ptr<LoopGate>& gate = gates[loop.index()];
  FB_ASSERT(gate != nullptr);
  FB_ASSERT(&gate->loop == &loop);
  return *gate;
}

Gate& BlockRef::gate() const {
  FB_ASSERT(impl_ != nullptr);
  return impl_->GateHere().gate;
}

IoCounters& BlockRef::counters() const {
  FB_ASSERT(impl_ != nullptr);
  return impl_->GateHere().counters;
}

void BlockRef::SetObserver(BlockObserver* observer) {
  FB_ASSERT(impl_ != nullptr);
  if (impl_->observer != nullptr) {
    impl_->entry->observers.Remove(impl_.get());
  }
  impl_->observer = observer;
  if (observer != nullptr) {
    impl_->entry->observers.Add(impl_.get(), observer);
  }
}

Task<Result<>> BlockRef::Read(std::uint64_t offset, IoVec dst) const {
  FB_ASSERT(impl_ != nullptr);
  CheckInside(*impl_->node, offset, dst.size);
  if (dst.size == 0) {
    return Ok();
  }
  if (IsPlain(impl_->node->limits(), offset, dst)) [[likely]] {
    return impl_->node->Read(offset, dst);
  }
  return impl_->ReadSlow(offset, dst);
}

// A write to a node that has blocks always takes their lock, and for that a frame: a
// read-modify-write elsewhere must see it.
Task<Result<>> BlockRef::Write(std::uint64_t offset, IoVec src, WriteFlags flags) const {
  FB_ASSERT(impl_ != nullptr);
  FB_ASSERT((impl_->used.load(std::memory_order_relaxed) & kPermWrite) != 0);
  CheckInside(*impl_->node, offset, src.size);
  if (src.size == 0) {
    return Ok();
  }
  const BlockLimits& limits = impl_->node->limits();
  const bool plain = limits.request_alignment == 1 && IsPlain(limits, offset, src);
  if (impl_->entry->observers.OthersThan(impl_->observer)) [[unlikely]] {
    return impl_->ThenTell(offset, src.size, impl_->WriteSlow(offset, src, flags));
  }
  return plain ? impl_->node->Write(offset, src, flags) : impl_->WriteSlow(offset, src, flags);
}

Task<Result<>> BlockRef::WriteZeroes(std::uint64_t offset, std::uint64_t length,
                                     ZeroFlags flags) const {
  FB_ASSERT(impl_ != nullptr);
  FB_ASSERT((impl_->used.load(std::memory_order_relaxed) & kPermWrite) != 0);
  CheckInside(*impl_->node, offset, length);
  if (length == 0) {
    return Ok();
  }
  if (impl_->entry->observers.OthersThan(impl_->observer)) [[unlikely]] {
    return impl_->ThenTell(offset, length, impl_->ZeroSlow(offset, length, flags));
  }
  return impl_->ZeroSlow(offset, length, flags);
}

Task<Result<>> BlockRef::Discard(std::uint64_t offset, std::uint64_t length) const {
  FB_ASSERT(impl_ != nullptr);
  FB_ASSERT((impl_->used.load(std::memory_order_relaxed) & kPermWrite) != 0);
  CheckInside(*impl_->node, offset, length);
  if (length == 0) {
    return Ok();
  }
  if (impl_->entry->observers.OthersThan(impl_->observer)) [[unlikely]] {
    return impl_->ThenTell(offset, length, impl_->DiscardWholeBlocks(offset, length));
  }
  return impl_->DiscardWholeBlocks(offset, length);
}

Task<Result<>> BlockRef::Allocate(std::uint64_t offset, std::uint64_t length) const {
  FB_ASSERT(impl_ != nullptr);
  FB_ASSERT((impl_->used.load(std::memory_order_relaxed) & kPermWrite) != 0);
  CheckInside(*impl_->node, offset, length);
  if (length == 0) {
    return Ok();
  }
  const std::uint32_t alignment = impl_->node->limits().request_alignment;
  const std::uint64_t begin = AlignDown(offset, alignment);
  return impl_->node->Allocate(begin, AlignUp(offset + length, alignment) - begin);
}

Task<Result<>> BlockRef::Flush(FlushMode mode) const { return node().Flush(mode); }

Task<Result<BlockStatus>> BlockRef::Status(std::uint64_t offset, std::uint64_t length) const {
  FB_ASSERT(impl_ != nullptr);
  const std::uint64_t size = impl_->node->size();
  FB_ASSERT(offset < size);
  return impl_->node->Status(offset, std::min(length, size - offset));
}

Task<Result<>> BlockRef::Truncate(std::uint64_t size, Prealloc prealloc) const {
  FB_ASSERT(impl_ != nullptr);
  FB_ASSERT((impl_->used.load(std::memory_order_relaxed) & kPermResize) != 0);
  if (impl_->entry->observers.OthersThan(impl_->observer)) [[unlikely]] {
    return impl_->TruncateThenTell(size, prealloc);
  }
  return impl_->node->Truncate(size, prealloc);
}

CoMutex& BlockRef::resizing() const {
  FB_ASSERT(impl_ != nullptr);
  return impl_->entry->resizing;
}

// A change that failed may have been made in part.
Task<Result<>> BlockRef::Impl::ThenTell(std::uint64_t offset, std::uint64_t length,
                                        Task<Result<>> change) const {
  const Result<> r = co_await std::move(change);
  entry->observers.TellWritten(this, offset, length);
  co_return r;
}

Task<Result<>> BlockRef::Impl::TruncateThenTell(std::uint64_t size, Prealloc prealloc) const {
  const Result<> r = co_await node->Truncate(size, prealloc);
  if (r.ok()) {
    entry->observers.TellResized(this, size);
  }
  co_return r;
}

}  // namespace fusebay
