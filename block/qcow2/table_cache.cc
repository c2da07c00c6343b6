// The bounded, shared cache behind L2 tables and inflated clusters.
#include "qcow2/table_cache.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>

#include "base/align.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::size_t kMaxAlignment = 4096;
constexpr std::size_t kMaxBuckets = std::size_t{1} << 18;
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;

std::byte* NewBlock(std::size_t size) {
  const std::size_t alignment = std::min(std::bit_floor(size), kMaxAlignment);
  FB_ASSERT(size % alignment == 0);
  void* const block = std::aligned_alloc(alignment, size);
  FB_ASSERT(block != nullptr);
  return static_cast<std::byte*>(block);
}

// Gives the whole pages of a block back; false if there are none. Their place stays.
bool GivePagesBack(std::byte* block, std::size_t size) {
  static const std::uint64_t page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  const std::uint64_t begin = AlignUp(address, page);
  const std::uint64_t end = AlignDown(address + size, page);
  return begin < end && ::madvise(block + (begin - address), end - begin, MADV_DONTNEED) == 0;
}

// How far a 64-bit hash is shifted so that there are about as many buckets as blocks.
std::uint32_t BucketShift(std::size_t max_blocks) {
  FB_ASSERT(max_blocks >= 1);
  const std::size_t buckets =
      std::clamp<std::size_t>(std::bit_ceil(std::min(max_blocks, kMaxBuckets)), 2, kMaxBuckets);
  return 64 - static_cast<std::uint32_t>(std::countr_zero(buckets));
}

}  // namespace

TableCache::TableCache(Source& source, std::size_t block_bytes, std::size_t max_blocks)
    : source_(source),
      block_bytes_(block_bytes),
      max_blocks_(max_blocks),
      bucket_shift_(BucketShift(max_blocks)),
      buckets_(std::size_t{1} << (64 - bucket_shift_), nullptr) {
  FB_ASSERT(block_bytes >= 1);
}

TableCache::~TableCache() {
  FB_ASSERT(loading_ == 0);
  FB_ASSERT(crowd_.empty());
}

TableCache::Pin TableCache::TryPin(std::uint64_t key) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = Find(key);
  if (entry == nullptr || entry->state != State::kReady) {
    return Pin();
  }
  entry->pins.fetch_add(1, std::memory_order_relaxed);
  entry->period = period_;
  if (entry != newest_) {
    Unlink(*entry);
    MakeNewest(*entry);
  }
  return Pin(entry);
}

Task<Result<>> TableCache::Load(std::uint64_t key) {
  Claim claim(*this, key);
  const Outcome outcome = co_await claim;
  if (outcome == Outcome::kMine) {
    Entry& entry = claim.entry();
    const Result<> loaded = co_await source_.Load(key, {entry.bytes.get(), block_bytes_});
    Finish(entry, loaded);
    co_return loaded;
  }
  if (outcome == Outcome::kFull) {
    co_return Errno{ENOBUFS};
  }
  if (outcome == Outcome::kCrowded) {
    co_await AioContext::Current().Yield();
  }
  co_return claim.told();
}

Task<Result<TableCache::Pin>> TableCache::Get(std::uint64_t key) {
  Pin pin = TryPin(key);
  while (!pin) {
    const Result<> loaded = co_await Load(key);
    if (!loaded.ok()) {
      co_return loaded.error();
    }
    pin = TryPin(key);
  }
  co_return std::move(pin);
}

bool TableCache::Claim::await_suspend(std::coroutine_handle<> h) {
  handle = h;
  home = &AioContext::Current();
  const std::lock_guard lock(cache_.mutex_);
  entry_ = cache_.Find(key_);
  if (entry_ != nullptr) {
    if (entry_->state == State::kLoading) {
      entry_->waiters.Push(*this);
      return true;
    }
    outcome_ = Outcome::kPresent;
    return false;
  }
  entry_ = cache_.TakeVictim();
  if (entry_ != nullptr) {
    entry_->key = key_;
    entry_->state = State::kLoading;
    Entry*& bucket = cache_.BucketOf(key_);
    entry_->next_in_bucket = std::exchange(bucket, entry_);
    cache_.MakeNewest(*entry_);
    ++cache_.loading_;
    outcome_ = Outcome::kMine;
    return false;
  }
  // Everything is being loaded, or is pinned, which is over soon but wakes nobody.
  if (cache_.loading_ != 0) {
    cache_.crowd_.Push(*this);
    return true;
  }
  outcome_ = cache_.dirty_ != 0 ? Outcome::kFull : Outcome::kCrowded;
  return false;
}

void TableCache::Finish(Entry& entry, const Result<>& result) {
  ReadyQueue told;
  {
    const std::lock_guard lock(mutex_);
    FB_ASSERT(entry.state == State::kLoading);
    --loading_;
    told.Splice(entry.waiters);
    if (result.ok()) {
      entry.state = State::kReady;
    } else {
      Clear(entry);
    }
    for (Runnable* at = told.front(); at != nullptr; at = at->next) {
      static_cast<Waiter*>(at)->result = result;
    }
    told.Splice(crowd_);
  }
  while (Runnable* const next = told.Pop()) {
    AioContext& home = *static_cast<Waiter*>(next)->home;
    if (AioContext::CurrentOrNull() == &home) {
      home.Schedule(*next);
    } else {
      home.ScheduleFrom(*next);
    }
  }
}

TableCache::Entry*& TableCache::BucketOf(std::uint64_t key) {
  return buckets_[(key * kGolden) >> bucket_shift_];
}

TableCache::Entry* TableCache::Find(std::uint64_t key) {
  Entry* entry = BucketOf(key);
  while (entry != nullptr && entry->key != key) {
    entry = entry->next_in_bucket;
  }
  return entry;
}

// A block of its own while there are fewer than the maximum, else the one used longest ago that
// nobody uses now; out of every list. Null: there is none.
TableCache::Entry* TableCache::TakeVictim() {
  const bool has_free = oldest_ != nullptr && oldest_->state == State::kFree;
  if (!has_free && entries_.size() < max_blocks_) {
    Entry& fresh = entries_.emplace_back();
    Hold(fresh);
    return &fresh;
  }
  Entry* victim = oldest_;
  while (victim != nullptr && IsInUse(*victim)) {
    victim = victim->newer;
  }
  if (victim == nullptr) {
    return nullptr;
  }
  if (victim->state == State::kReady) {
    Unhash(*victim);
  }
  Unlink(*victim);
  Hold(*victim);
  return victim;
}

void TableCache::Hold(Entry& entry) {
  if (entry.bytes == nullptr) {
    entry.bytes.reset(NewBlock(block_bytes_));
  }
  held_ += entry.held ? 0 : 1;
  entry.held = true;
  entry.period = period_;
}

void TableCache::GiveBack(Entry& entry) {
  if (!GivePagesBack(entry.bytes.get(), block_bytes_)) {
    entry.bytes.reset();
  }
  --held_;
  entry.held = false;
}

void TableCache::ReleaseUnused() {
  std::size_t next = 0;
  bool done = false;
  while (!done) {
    const std::lock_guard lock(mutex_);
    const std::size_t end = std::min(next + kReleaseBatch, entries_.size());
    for (; next < end; ++next) {
      Entry& entry = entries_[next];
      if (!entry.held || entry.period == period_ || IsInUse(entry)) {
        continue;
      }
      if (entry.state == State::kReady) {
        Clear(entry);
      }
      GiveBack(entry);
    }
    done = next == entries_.size();
    period_ += done ? 1 : 0;
  }
}

std::size_t TableCache::held_blocks() {
  const std::lock_guard lock(mutex_);
  return held_;
}

// What the block holds is nothing any more.
void TableCache::Clear(Entry& entry) {
  Unhash(entry);
  entry.state = State::kFree;
  Unlink(entry);
  MakeOldest(entry);
}

bool TableCache::IsInUse(const Entry& entry) {
  return entry.state == State::kLoading || entry.dirty || entry.collected ||
         entry.pins.load(std::memory_order_acquire) != 0;
}

void TableCache::MarkDirty(const Pin& pin) {
  const std::lock_guard lock(mutex_);
  FB_ASSERT(pin.entry_->state == State::kReady);
  dirty_ += pin.entry_->dirty ? 0 : 1;
  pin.entry_->dirty = true;
}

std::size_t TableCache::dirty_blocks() {
  const std::lock_guard lock(mutex_);
  return dirty_;
}

std::vector<TableCache::Copy> TableCache::CollectDirty() {
  std::vector<Copy> copies;
  {
    const std::lock_guard lock(mutex_);
    copies.reserve(dirty_);
    for (Entry& entry : entries_) {
      FB_ASSERT(!entry.collected);
      if (entry.dirty) {
        copies.push_back({entry.key, {entry.bytes.get(), entry.bytes.get() + block_bytes_}});
        entry.dirty = false;
        entry.collected = true;
      }
    }
    dirty_ = 0;
  }
  std::sort(copies.begin(), copies.end(),
            [](const Copy& a, const Copy& b) { return a.key < b.key; });
  return copies;
}

void TableCache::Settle(bool written) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.collected && !written && !entry.dirty) {
      entry.dirty = true;
      ++dirty_;
    }
    entry.collected = false;
  }
}

bool TableCache::Forget(std::uint64_t begin, std::uint64_t end) {
  const std::lock_guard lock(mutex_);
  bool gone = true;
  for (std::uint64_t key = begin; key < end; key += block_bytes_) {
    Entry* const entry = Find(key);
    if (entry == nullptr) {
      continue;
    }
    if (IsInUse(*entry)) {
      gone = false;
      continue;
    }
    Clear(*entry);
  }
  return gone;
}

void TableCache::Unhash(Entry& entry) {
  Entry** at = &BucketOf(entry.key);
  while (*at != &entry) {
    FB_ASSERT(*at != nullptr);
    at = &(*at)->next_in_bucket;
  }
  *at = entry.next_in_bucket;
}

void TableCache::MakeNewest(Entry& entry) {
  entry.newer = nullptr;
  entry.older = std::exchange(newest_, &entry);
  (entry.older != nullptr ? entry.older->newer : oldest_) = &entry;
}

void TableCache::MakeOldest(Entry& entry) {
  entry.older = nullptr;
  entry.newer = std::exchange(oldest_, &entry);
  (entry.newer != nullptr ? entry.newer->older : newest_) = &entry;
}

void TableCache::Unlink(Entry& entry) {
  (entry.newer != nullptr ? entry.newer->older : newest_) = entry.older;
  (entry.older != nullptr ? entry.older->newer : oldest_) = entry.newer;
}

}  // namespace fusebay::qcow2
