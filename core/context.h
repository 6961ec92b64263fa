#pragma once
// What every kernel and function is handed instead of reaching for it: device, threads, memory.

#include "core/arena.h"
#include "core/device.h"
#include "core/indices.h"
#include "core/instruction_set.h"
#include "core/stage_clock.h"
#include "core/staging.h"
#include "core/thread_pool.h"

#include <algorithm>
#include <memory>
#include <span>

namespace ethreed {

/// To what the CPU's matrix products of float round their operands: not at all, or to bfloat16 (8 bits of mantissa).
/// They are summed in float either way. Matrix products of double never round.
enum class GemmPrecision { full, bf16 };

/// A bundle of references; cheap to copy, owns nothing.
struct Context {
  Device device;
  ThreadPool& pool;
  Arena& arena;    ///< host memory that lives until the end of the step: the tape, copies of index arrays
  Arena& values;   ///< memory of the device that lives until the end of the step: values, gradients, what is saved for
                   ///< the backward; on the CPU it is `arena`
  Arena& scratch;  ///< memory of the device: workspace of one kernel call, taken through ArenaScope
  DeviceRuntime* runtime = nullptr;  ///< null on the CPU
  GemmPrecision gemm_precision = GemmPrecision::full;
  StageClock* clock = nullptr;  ///< of ranges, on the CPU only; null: nothing is timed

  bool on_host() const { return runtime == nullptr; }

  /// Frees everything of the step before. Waits for the device.
  void begin_step() const {
    if (runtime != nullptr) {
      runtime->synchronize();
      runtime->staging().forget();
      values.reset();
    }
    arena.reset();
  }

  /// On a device: stages these host arrays for the kernels of the step, with one upload.
  void stage(std::span<const std::span<const std::byte>> arrays) const {
    if (runtime != nullptr) runtime->staging().stage(arrays);
  }
  /// A copy of an index array that lives as long as the step, for a backward function; on a device it shares the staged
  /// copy of the original.
  template <class T> Span<const T> keep(Span<const T> host) const {
    const Span<const T> copy = arena.copy(std::span<const T>(host));
    if (runtime != nullptr) runtime->staging().same(host.data(), copy.data(), bytes_of<T>(host.size()));
    return copy;
  }
  /// Sets `count` elements of device memory to zero.
  template <class T> void clear(T* data, std::int64_t count) const {
    if (on_host())
      std::fill_n(data, count, T{});
    else
      runtime->clear(data, bytes_of<T>(count));
  }
  /// Copies `count` elements within the memory of the device.
  template <class T> void copy(T* to, const T* from, std::int64_t count) const {
    if (on_host())
      std::copy_n(from, count, to);
    else
      runtime->copy(to, from, bytes_of<T>(count));
  }
  /// `count` elements of a value where the host can read them: themselves on the CPU, a copy in `arena` elsewhere
  /// (zeros while planning). Waits for the device.
  template <class T> const T* to_host(const T* data, std::int64_t count) const {
    if (on_host()) return data;
    T* copy = arena.allocate_zero<T>(count);
    runtime->download(copy, data, bytes_of<T>(count));
    return copy;
  }
  /// `count` host elements where kernels can read them: themselves on the CPU, a copy in `values` elsewhere. `host` may
  /// change as soon as this returns.
  template <class T> const T* to_device(const T* host, std::int64_t count) const {
    return on_host() ? host : runtime->staging().on_device(host, count);
  }
};

/// Names what runs while it lives: for profilers of a device and for the clock of the context. `name` is a constant of
/// the program.
///
/// Made of a tape that records, it marks the tape where it begins and where it ends, so that the clock books the
/// backward pass between the two to the same name. Throws Error where there is a clock on a device: work runs there
/// later than the host hands it over, and waiting at every range would measure another program. A profiler shows the
/// ranges of a device.
class Range {
 public:
  Range(const Context& context, const char* name) : runtime_(context.runtime), clock_(context.clock) {
    if (runtime_ != nullptr) {
      ETHREED_CHECK(clock_ == nullptr, "Range '{}': a clock of stages is for the CPU, this is {}; use a profiler there",
                    name, name_of(context.device));
      runtime_->push_range(name);
    }
    if (clock_ != nullptr) depth_ = clock_->begin(name);
  }
  template <class Tape>
  requires requires(Tape& tape) { tape.recording(); }
  Range(Tape& tape, const char* name) : Range(tape.context(), name) {
    if (clock_ == nullptr || !tape.recording()) return;
    tape.record([clock = clock_, name](Tape&) { clock->end_backward(name); });
    // The other mark gets its memory now: a destructor must not fail.
    mark_ = tape.make_entry([clock = clock_, name](Tape&) { clock->begin_backward(name); });
    tape_ = &tape;
    append_mark_ = [](void* to, void* mark) {
      static_cast<Tape*>(to)->append(static_cast<typename Tape::Entry*>(mark));
    };
  }
  ~Range() {
    if (append_mark_ != nullptr) append_mark_(tape_, mark_);
    if (clock_ != nullptr) clock_->end(depth_);
    if (runtime_ != nullptr) runtime_->pop_range();
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

 private:
  DeviceRuntime* runtime_;
  StageClock* clock_;
  std::size_t depth_ = 0;
  void* tape_ = nullptr;  // what the second mark goes to
  void* mark_ = nullptr;
  void (*append_mark_)(void* tape, void* mark) = nullptr;
};

/// Owns what a Context refers to. One per program (or per test).
class Runtime {
 public:
  /// On the CPU. Throws Error for threads < 1, and if ETHREED_CPU names a set of instructions that is not here.
  explicit Runtime(int threads = 1) : pool_(threads) { instruction_set(); }
  /// On the device, with arenas in its memory. (kernels/device opens devices.)
  Runtime(int threads, std::unique_ptr<DeviceRuntime> device) : Runtime(threads) { use(std::move(device)); }

  /// Moves to this device; nothing of an earlier context may be in use.
  void use(std::unique_ptr<DeviceRuntime> device) {
    values_.reset();
    device_scratch_.reset();
    device_ = std::move(device);
    if (!device_) return;
    values_ = std::make_unique<Arena>(std::size_t{1} << 20, device_->memory());
    device_scratch_ = std::make_unique<Arena>(std::size_t{1} << 20, device_->memory());
  }

  /// Of contexts on the CPU from now on. What the processor can do, the caller has asked (kernels/gemm/gemm.h).
  void set_gemm_precision(GemmPrecision precision) { gemm_precision_ = precision; }

  Context context() {
    if (!device_) return {Device::cpu, pool_, arena_, arena_, scratch_, nullptr, gemm_precision_};
    return {device_->device(), pool_, arena_, *values_, *device_scratch_, device_.get()};
  }
  ThreadPool& pool() { return pool_; }
  Arena& arena() { return arena_; }
  Arena& values() { return device_ ? *values_ : arena_; }
  Arena& scratch() { return device_ ? *device_scratch_ : scratch_; }
  DeviceRuntime* device() { return device_.get(); }

 private:
  ThreadPool pool_;
  Arena arena_;
  Arena scratch_;
  GemmPrecision gemm_precision_ = GemmPrecision::full;
  std::unique_ptr<DeviceRuntime> device_;
  std::unique_ptr<Arena> values_, device_scratch_;  // in the memory of device_, so destroyed before it
};

}  // namespace ethreed
