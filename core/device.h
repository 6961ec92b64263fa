#pragma once
// Where kernels run, and what the engine needs of such a place beyond the kernels themselves: memory, copies, order.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// `cuda`: kernels of the .cu files on an NVIDIA GPU. `emulated`: the very same files compiled by the host compiler,
/// their threads run one by one on the CPU (kernels/emulation).
enum class Device { cpu, emulated, cuda };

/// "cpu", "emulated", "cuda".
std::string_view name_of(Device device);
/// Throws Error naming the three if `name` is none of them.
Device device_from(std::string_view name);

/// The same as types, by which the backends of an operation are told apart. That of the CPU says for which
/// instructions, too: core/instruction_set.h.
struct Emulated {
  static constexpr Device device = Device::emulated;
};
struct Cuda {
  static constexpr Device device = Device::cuda;
};

/// Where memory comes from. Blocks are aligned to 256 bytes at least on a device, to 64 on the host.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  /// Throws Error saying how much was asked for and how much there is if it cannot be had.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory, std::size_t bytes) noexcept = 0;

  /// Bytes to keep unused after every piece of a block, so that a checker sees an access beyond its end.
  virtual std::size_t guard_bytes() const { return 0; }
  /// A piece of a block was handed out, or all from `begin` to `end` was given back: for a checker.
  virtual void lent(void* /*piece*/, std::size_t /*bytes*/) {}
  virtual void returned(void* /*begin*/, void* /*end*/) {}
};

/// operator new, aligned.
MemorySource& host_memory();

/// How often each kernel was launched.
struct LaunchCount {
  std::string_view kernel;
  std::int64_t launches = 0;
};

class Staging;

/// One device in use: its memory and its streams. Work is done in the order in which it was handed over, on stream 0;
/// stream 1 is for work that a kernel's launcher forks off and joins again. Every function but synchronize() and
/// download() may return before the work is done. All throw Error with what CUDA says if it fails.
class DeviceRuntime {
 public:
  DeviceRuntime();
  virtual ~DeviceRuntime();
  DeviceRuntime(const DeviceRuntime&) = delete;
  DeviceRuntime& operator=(const DeviceRuntime&) = delete;

  virtual Device device() const = 0;
  /// One line: what the device is, how much memory it has.
  virtual std::string description() const = 0;
  /// Bytes free on the device, and in all.
  virtual std::size_t free_bytes() const = 0;
  virtual std::size_t total_bytes() const = 0;
  virtual int multiprocessors() const = 0;
  virtual std::size_t shared_bytes_per_block() const = 0;  ///< the most that a kernel can opt in to
  virtual bool tf32() const = 0;                           ///< may matrix products round their inputs to TF32

  virtual MemorySource& memory() = 0;   ///< device memory: only kernels and copies may touch it
  virtual MemorySource& pinned() = 0;   ///< host memory from which and to which copies run at full speed
  virtual MemorySource& managed() = 0;  ///< memory that both sides may touch while no kernel runs: for tests

  /// Host to device. `host` must not change until the copy is done, unless it is pinned() memory of the staging.
  virtual void upload(void* device, const void* host, std::size_t bytes) = 0;
  /// Device to host; returns when the bytes are there.
  virtual void download(void* host, const void* device, std::size_t bytes) = 0;
  /// Device to host without waiting: the bytes are there after synchronize(). `host` must be pinned() memory.
  virtual void download_later(void* host, const void* device, std::size_t bytes) = 0;
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;  ///< device to device
  virtual void clear(void* device, std::size_t bytes) = 0;               ///< zeros
  virtual void synchronize() = 0;

  /// Stream 1 waits for what stream 0 has been given so far; stream 0 waits for stream 1.
  virtual void fork() = 0;
  virtual void join() = 0;
  /// The cudaStream_t of stream 0 or 1.
  virtual void* stream(int index) = 0;

  /// Between the two, work is recorded; end_capture() does it as one graph, download() what came before it. One graph
  /// is kept per sequence of launches, copies and clears: work of the same sequence only updates its parameters.
  virtual void begin_capture() = 0;
  virtual void end_capture() = 0;
  virtual void abandon_capture() noexcept = 0;   ///< after an error: what was recorded is forgotten
  virtual std::int64_t graphs_made() const = 0;  ///< graphs instantiated so far; the others were updates

  /// A name for what follows, for profilers (NVTX); nothing on the emulated device.
  virtual void push_range(const char* name) = 0;
  virtual void pop_range() = 0;

  // --- planning: the step itself, with nothing behind it
  // ---------------------------------------------------------------

  /// While planning, nothing is launched, copied or cleared: host code runs, and arenas count what it asks for.
  void plan(bool on) { planning_ = on; }
  bool planning() const { return planning_; }

  // --- counts
  // ----------------------------------------------------------------------------------------------------------

  /// A kernel is about to be launched; `kernel` must be one constant of the program for every kernel.
  void note_launch(std::string_view kernel);
  void forget_launches() { launches_.clear(); }
  /// In the order of their first launch.
  std::span<const LaunchCount> launches() const { return launches_; }
  std::int64_t launch_count() const;

  /// What the launcher of matrix products keeps with the device: its handle, the algorithm of every shape.
  std::shared_ptr<void>& plans() { return plans_; }

  /// Small host arrays on their way to the device.
  Staging& staging() { return *staging_; }

 protected:
  /// Adds to the fingerprint of what is being recorded.
  void note_sequence(std::uint64_t item) { sequence_ = (sequence_ ^ item) * 0x100000001B3ULL; }
  std::uint64_t sequence() const { return sequence_; }
  void start_sequence() { sequence_ = 0xCBF29CE484222325ULL; }
  /// Gives back what the base holds of memory(), pinned(): to be called by the destructor of whoever owns those.
  void release_staging();

 private:
  std::unique_ptr<Staging> staging_;
  std::shared_ptr<void> plans_;
  bool planning_ = false;
  std::uint64_t sequence_ = 0;
  std::vector<LaunchCount> launches_;
};

}  // namespace ethreed
