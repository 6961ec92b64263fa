#pragma once
// Bump allocator for everything that lives as long as one step (values, gradients, tape) or one kernel call (scratch).

#include "core/device.h"
#include "core/indices.h"
#include "core/tensor.h"

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace ethreed {

/// Memory grows in blocks; reset() keeps it and, if the last round needed several blocks, replaces them by one that
/// would have held everything, so that a repeated round allocates nothing. Not thread-safe: allocate before a parallel
/// region.
class Arena {
 public:
  /// The first block has at least `initial_bytes`, taken at the first allocation from `source` (kept by reference).
  explicit Arena(std::size_t initial_bytes = std::size_t{1} << 20, MemorySource& source = host_memory())
      : initial_bytes_(initial_bytes), source_(source) {}
  ~Arena() { release(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// `count` elements of a trivial type, 64-byte aligned, not initialised. Throws Error on a negative count. (Of the
  /// functions that follow only this one makes sense on memory of a device: the others write what they return.)
  template <class T> T* allocate(std::int64_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "arena memory is never destroyed");
    ETHREED_CHECK(count >= 0, "Arena::allocate: negative count {}", count);
    return static_cast<T*>(allocate_bytes(bytes_of<T>(count)));
  }
  template <class T> T* allocate_zero(std::int64_t count) {
    T* data = allocate<T>(count);
    std::fill_n(data, count, T{});
    return data;
  }
  template <class T> std::span<T> allocate_span(std::int64_t count) { return std::span<T>(allocate<T>(count), count); }
  /// A copy of `values` in the arena.
  template <class T> std::span<T> copy(std::span<const T> values) {
    auto out = allocate_span<T>(static_cast<std::int64_t>(values.size()));
    std::copy(values.begin(), values.end(), out.begin());
    return out;
  }
  /// An object in the arena; its destructor never runs (and must be trivial).
  template <class T, class... Args> T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>, "arena objects are never destroyed");
    return ::new (allocate_bytes(sizeof(T))) T{std::forward<Args>(args)...};
  }

  /// A place to which rewind() can return.
  struct Mark {
    std::size_t block = 0;
    std::size_t offset = 0;
  };
  Mark mark() const { return {block_, offset_}; }
  /// Frees everything allocated since the mark.
  void rewind(Mark mark);
  /// Frees everything; keeps (and merges) the memory.
  void reset();
  /// Gives all memory back to the source; the next allocation takes a block of at least `initial_bytes`.
  void release(std::size_t initial_bytes);
  void release() { release(initial_bytes_); }

  /// Bytes held from the system, and the most bytes in use at any time since construction.
  std::size_t reserved_bytes() const;
  std::size_t peak_bytes() const { return peak_; }

 private:
  struct Block {
    std::byte* memory = nullptr;
    std::size_t size = 0;
  };
  void* allocate_bytes(std::size_t bytes);

  std::vector<Block> blocks_;
  std::size_t block_ = 0;   // index of the block in use
  std::size_t offset_ = 0;  // first free byte in it
  std::size_t peak_ = 0;
  std::size_t initial_bytes_;
  MemorySource& source_;
};

/// Rewinds an arena at the end of a scope: kernels take scratch memory with it.
class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~ArenaScope() { arena_.rewind(mark_); }
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;
  template <class T> T* allocate(std::int64_t count) { return arena_.allocate<T>(count); }

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace ethreed
