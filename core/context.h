#pragma once
// What every kernel and function is handed instead of reaching for it: device, threads, memory.

#include "core/arena.h"
#include "core/thread_pool.h"

#include <string_view>

namespace ethreed {

enum class Device { cpu };

constexpr std::string_view name_of(Device) { return "cpu"; }

/// A bundle of references; cheap to copy, owns nothing.
struct Context {
  Device device;
  ThreadPool& pool;
  Arena& arena;    ///< lives until the end of the step: values, gradients, tape, saved tensors
  Arena& scratch;  ///< workspace of one kernel call, taken through ArenaScope
};

/// Owns what a Context refers to. One per program (or per test).
class Runtime {
 public:
  /// Throws Error for threads < 1.
  explicit Runtime(int threads = 1) : pool_(threads) {}
  Context context() { return {Device::cpu, pool_, arena_, scratch_}; }
  ThreadPool& pool() { return pool_; }
  Arena& arena() { return arena_; }
  Arena& scratch() { return scratch_; }

 private:
  ThreadPool pool_;
  Arena arena_;
  Arena scratch_;
};

}  // namespace ethreed
