// TableCache: a bounded cache of blocks of one size, by key, shared by every loop that uses a node.
// One holds slices of L2 tables and one of refcount blocks (key: host offset), one holds inflated
// clusters (key: descriptor).
//
// A hit takes a short lock and no memory. On a miss one caller has the block loaded; whoever else
// wants it meanwhile waits, and is resumed on its own loop. The block used longest ago goes first.
//
// Blocks may be changed in memory. A changed block stays until it has been written: its owner
// collects copies of what has changed, writes them, and says how that went. The owner keeps
// whoever reads or changes a block away while it is changed or copied (ClusterMap by its mutex).
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "core/aio_context.h"

namespace fusebay::qcow2 {

class TableCache {
  struct Entry;

 public:
  // Where blocks come from.
  class Source {
   public:
    virtual ~Source() = default;
    // Fills all of dst. On the loop of the caller that missed; several keys at a time.
    virtual Task<Result<>> Load(std::uint64_t key, MutableByteSpan dst) = 0;
  };

  // A block that stays what it is while this lives. Not to be held across a co_await.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    Pin& operator=(Pin&& other) noexcept {
      std::swap(entry_, other.entry_);
      return *this;
    }
    ~Pin() {
      if (entry_ != nullptr) {
        entry_->pins.fetch_sub(1, std::memory_order_release);
      }
    }
    explicit operator bool() const { return entry_ != nullptr; }
    const std::byte* data() const { return entry_->bytes.get(); }
    std::byte* mutable_data() const { return entry_->bytes.get(); }

   private:
    friend class TableCache;
    explicit Pin(Entry* entry) : entry_(entry) {}
    Entry* entry_ = nullptr;
  };

  // REQUIRES: max_blocks is at least 1; `source` outlives the cache.
  TableCache(Source& source, std::size_t block_bytes, std::size_t max_blocks);
  TableCache(const TableCache&) = delete;
  TableCache& operator=(const TableCache&) = delete;
  ~TableCache();  // REQUIRES: nothing is being loaded or pinned.

  std::size_t block_bytes() const { return block_bytes_; }
  std::size_t max_blocks() const { return max_blocks_; }

  // The block if it is here, else nothing. Any loop.
  Pin TryPin(std::uint64_t key);
  // Has the block loaded. Afterwards TryPin finds it, unless others have pushed it out already:
  // the caller tries, and loads again. Any loop. Errors are the source's, told to all who wait;
  // ENOBUFS: there is no block to load into before changed ones have been written.
  Task<Result<>> Load(std::uint64_t key);
  // Both, until there is the block or an error.
  Task<Result<Pin>> Get(std::uint64_t key);

  // The block has been changed, or is about to be, by whoever keeps others away from it.
  void MarkDirty(const Pin& pin);
  std::size_t dirty_blocks();
  // A copy of a changed block, to be written at `key`.
  struct Copy {
    std::uint64_t key = 0;
    std::vector<std::byte> bytes;
  };
  // Of every changed block, by ascending key. REQUIRES: what was collected before is Settled.
  std::vector<Copy> CollectDirty();
  // The collected blocks have been written, or count as changed again.
  void Settle(bool written);
  // The blocks with keys in [begin, end) are nothing any more. Returns whether all are gone: one
  // that is changed, being loaded or pinned stays.
  [[nodiscard]] bool Forget(std::uint64_t begin, std::uint64_t end);

  // Gives back the memory of the blocks that nobody has used since the last call, those that are
  // changed or in use excepted. Any loop.
  void ReleaseUnused();
  // How many blocks have memory.
  std::size_t held_blocks();

 private:
  enum class State : std::uint8_t { kFree, kLoading, kReady };
  enum class Outcome : std::uint8_t { kTold, kPresent, kMine, kCrowded, kFull };
  // Blocks that a ReleaseUnused looks at in one go.
  static constexpr std::size_t kReleaseBatch = 32;
  struct Waiter : Runnable {
    AioContext* home = nullptr;
    Result<> result = Ok();
  };
  struct FreeBytes {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  struct Entry {
    std::uint64_t key = 0;
    Entry* newer = nullptr;
    Entry* older = nullptr;
    Entry* next_in_bucket = nullptr;
    std::atomic<std::uint32_t> pins{0};
    State state = State::kFree;
    bool dirty = false;        // changed since it was loaded or collected
    bool collected = false;    // a copy is being written
    bool held = false;         // has memory behind `bytes`, which may be null else
    std::uint64_t period = 0;  // in which it was used last
    std::unique_ptr<std::byte, FreeBytes> bytes;
    ReadyQueue waiters;
  };

  // Decides what a caller that missed does: waits for a load in progress, or does it itself.
  class Claim : private Waiter {
   public:
    Claim(TableCache& cache, std::uint64_t key) : cache_(cache), key_(key) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> h);
    Outcome await_resume() const noexcept { return outcome_; }
    Entry& entry() const { return *entry_; }
    const Result<>& told() const { return result; }

   private:
    TableCache& cache_;
    const std::uint64_t key_;
    Outcome outcome_ = Outcome::kTold;
    Entry* entry_ = nullptr;
  };

  // All with mutex_ held.
  Entry*& BucketOf(std::uint64_t key);
  Entry* Find(std::uint64_t key);
  Entry* TakeVictim();
  static bool IsInUse(const Entry& entry);
  void Hold(Entry& entry);
  void GiveBack(Entry& entry);
  void Clear(Entry& entry);
  void Unhash(Entry& entry);
  void MakeNewest(Entry& entry);
  void MakeOldest(Entry& entry);
  void Unlink(Entry& entry);

  void Finish(Entry& entry, const Result<>& result);

  Source& source_;
  const std::size_t block_bytes_;
  const std::size_t max_blocks_;
  const std::uint32_t bucket_shift_;

  std::mutex mutex_;  // short; never held across a suspend
  std::vector<Entry*> buckets_;
  std::deque<Entry> entries_;
  Entry* newest_ = nullptr;
  Entry* oldest_ = nullptr;
  std::size_t loading_ = 0;
  std::size_t dirty_ = 0;
  std::size_t held_ = 0;
  std::uint64_t period_ = 0;  // how often ReleaseUnused has been called
  ReadyQueue crowd_;          // waits for any load to end: there is no block to load into
};

}  // namespace fusebay::qcow2
