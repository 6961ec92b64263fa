#pragma once
// The emulated CUDA device: what host code and tests see of it.
//
// The .cu files of the project are compiled unchanged by the host compiler and run here. Every CUDA thread is a fiber:
// it runs until it must wait at a barrier or a shuffle, then another one goes on. Threads that never wait follow each
// other on one stack, at a few nanoseconds each. All threads of a block are fibers of one thread of the system; the
// blocks of a launch are spread over the thread pool of their stream; those of a cooperative launch are alive together
// on one thread of the system. Streams do their work on the calling thread: at once, or when somebody waits for it and
// then as far out of step as their events allow (Settings::queues). What is copied to the host is not there before the
// stream is synchronised: until then its bytes are 0xFF, which is NaN and −1.
//
// It is also a checker. Barriers and shuffles that not all threads reach, and shared memory that is taken twice or does
// not fit, are reported by any build. The rest needs the CHECKED variant: kernels compiled with -fsanitize=thread (the
// flags are in CMakeLists.txt), where every load and store calls a hook of access_hooks.cpp, not libtsan's. Every 4
// bytes of device and shared memory then have a shadow that says which of them are lent, which are written, and who
// touched them last. Reported, each with kernel, block, thread and source line:
//   - access outside of lent memory, behind the end of a piece, to memory given back; misaligned access;
//   - access to host memory, to writable variables of the program, to another thread's locals;
//   - an index beyond the end of a thread's own array;
//   - reading device or shared memory that nobody has written;
//   - two accesses of one address of which one is a write and neither is ordered before the other by a barrier, in one
//     block or in two blocks of a launch.
// In the checked variant blocks run one after another.
//
// What it cannot prove:
//   - Nothing about other inputs than those it ran: it sees the accesses that happen. (Which order of threads they
//     happen in matters little: races are found from the barriers between two accesses, not from their timing.)
//   - Memory ordering through atomics and fences (flags, "last block" patterns) is not known to it: only barriers
//     order. A kernel that relies on such a thing is reported, though it may be right.
//   - Of several atomic accesses, and of several byte writes within 4 bytes, only the last is remembered: such races
//     may be missed, never invented. So may a race among parts of one warp.
//   - Pieces are told apart by a gap behind each: an access that misses its piece by far may hit another one.
//   - memcpy and memset called by a kernel are not seen (struct copies are); nor are accesses the compiler has removed.
//   - Two calls of one barrier function of a header (block_sum) count as one place, so that branches that call it
//     separately pass for one barrier.
//   - Time, registers, occupancy, caches: no. Bank conflicts are counted by the model of 32 banks of 4 bytes.
//   - Rounding is the host compiler's: products and sums may be fused differently from nvcc's.

#include "kernels/emulation/types.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace ethreed {
class ThreadPool;
}

namespace ethreed::emulation {

// --- the device ------------------------------------------------------------------------------------------------------

inline constexpr int lanes_per_warp = 32;
inline constexpr int threads_per_block = 1024;
inline constexpr int blocks_per_multiprocessor = 32;
inline constexpr std::size_t shared_bytes_default = 48 * 1024;  ///< static, or dynamic without a word to the driver

/// In which order threads of a block and blocks of a grid get their turn. Right kernels give the same bits under all.
enum class Order { forward, reversed, shuffled };

/// When streams do what they are given outside of a capture. Right host code gives the same bits under all.
enum class Queues {
  at_once,       ///< when it is issued
  needed_only,   ///< when a stream is waited for: its own work, and of other streams what it waits for by an event
  others_first,  ///< likewise, but before every piece of it all other streams go as far as their events let them
};

/// There is one emulated device in a process, as there is one driver; these are its switches. Not to be changed while
/// something runs.
struct Settings {
  Order order = Order::forward;
  std::uint64_t seed = 1;             ///< of Order::shuffled
  bool check = true;                  ///< the checked variant checks; no effect in the fast one
  bool count_bank_conflicts = false;  ///< checked variant only
  std::size_t memory_bytes = std::size_t{8} << 30;
  int multiprocessors = 8;  ///< few, because a cooperative grid has all its threads alive at once
  int threads_per_multiprocessor = 2048;
  std::size_t shared_bytes_per_block = 227 * 1024;  ///< static and dynamic together; 64 KiB on a T4
  std::size_t shared_bytes_per_multiprocessor = 228 * 1024;
  std::size_t shared_bytes_reserved = 1024;  ///< of each block, by the system
  Queues queues = Queues::at_once;
  /// Accesses and atomics (of the fast variant: atomics) after which a thread that waits at no barrier counts as one
  /// that spins: nobody else gets a turn while it does.
  std::int64_t spin_limit = std::int64_t{1} << 27;
};
Settings& settings();

/// Was any kernel of this program compiled with the hooks (the checked variant)?
bool checked_variant();

/// Blocks launched on this stream run on the pool, which must outlive the stream's use; serially before.
void bind(cudaStream_t stream, ThreadPool& pool);

// --- launching (kernels/common/launch.h does) ------------------------------------------------------------------------

struct LaunchInfo {
  std::string_view kernel;
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  bool cooperative = false;
};

/// An argument of a kernel, as its launch has it.
struct Argument {
  const void* data = nullptr;
  std::size_t bytes = 0, alignment = 1;
};

/// What every thread of a launch runs. `bytes` is the size of the object, which holds the kernel's arguments: the only
/// host memory that a kernel may read.
class Work {
 public:
  explicit Work(std::size_t bytes) : bytes_(bytes) {}
  virtual ~Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual void run() const = 0;
  /// Of the kernel, in the order of its parameters; empty if it is no kernel of launch_kernel().
  virtual std::vector<Argument> arguments() const { return {}; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_;
};

/// Runs body() as every thread of the grid, or records it if the stream is being captured. Throws Error, with the
/// kernel's name, for a shape that the device cannot run and for everything the checker finds.
void launch_work(cudaStream_t stream, const LaunchInfo& info, std::shared_ptr<const Work> work);

template <class Body> void launch(cudaStream_t stream, const LaunchInfo& info, Body body) {
  struct Typed final : Work {
    explicit Typed(Body&& b) : Work(sizeof(Typed)), body(std::move(b)) {}
    void run() const override { body(); }
    Body body;
  };
  launch_work(stream, info, std::make_shared<Typed>(std::move(body)));
}

/// Runs Kernel(values…) as every thread of the grid.
template <auto Kernel, class... Values>
void launch_kernel(cudaStream_t stream, const LaunchInfo& info, std::tuple<Values...> values) {
  struct Typed final : Work {
    explicit Typed(std::tuple<Values...>&& v) : Work(sizeof(Typed)), values(std::move(v)) {}
    void run() const override { std::apply(Kernel, values); }
    std::vector<Argument> arguments() const override {
      return std::apply(
          [](const Values&... value) {
            return std::vector<Argument>{{&value, sizeof(Values), alignof(Values)}...};
          },
          values);
    }
    std::tuple<Values...> values;
  };
  launch_work(stream, info, std::make_shared<Typed>(std::move(values)));
}

/// From now on every launch runs what this makes of it, in the place of the kernel; nothing: the kernel. Not to be
/// called while something runs. What the function throws is thrown by the launch.
using Replacement = std::function<std::shared_ptr<const Work>(const LaunchInfo&, std::shared_ptr<const Work>)>;
void replace_kernels(Replacement replacement);

/// Host code in the place of a kernel (a library's product): done now, or recorded. It says by mark_read() and
/// mark_written() which memory of the device it touches.
void run_on_host(cudaStream_t stream, std::string_view name, std::function<void()> body);

// --- memory, for whoever lends pieces of it --------------------------------------------------------------------------

/// Bytes to leave free behind every piece: 0 in the fast variant.
std::size_t guard_bytes();
/// A piece of a device allocation was handed out: nothing is written there yet. From the first such call on, only
/// pieces that were handed out may be touched in this allocation. (An allocation nobody cuts up is one piece.)
void mark_lent(const void* piece, std::size_t bytes);
/// All from `begin` to `end`, within one allocation, was given back.
void mark_returned(const void* begin, const void* end);
/// The host has read or written device memory for the stream, as a library kernel would (the GEMM that stands in for
/// cuBLAS). Throws Error if a byte is not lent, or, when read, was never written.
void mark_read(const void* data, std::size_t bytes);
void mark_written(const void* data, std::size_t bytes);

// --- counts ----------------------------------------------------------------------------------------------------------

struct Counters {
  std::string kernel;
  std::int64_t launches = 0, blocks = 0, threads = 0;
  std::int64_t largest_block = 0;                                           ///< in threads
  std::int64_t dynamic_shared_bytes = 0;                                    ///< the most a launch asked for
  std::int64_t block_barriers = 0, warp_operations = 0, grid_barriers = 0;  ///< completed, each counted once
  // The checked variant only:
  std::int64_t accesses = 0;  ///< instrumented loads and stores, of whatever memory
  std::int64_t global_bytes_read = 0, global_bytes_written = 0;
  std::int64_t shared_bytes_read = 0, shared_bytes_written = 0;
  std::int64_t shared_requests = 0;  ///< of warps, counted with bank conflicts
  std::int64_t bank_conflicts = 0;   ///< wavefronts beyond the first of each request
};
/// By kernel, in the order of their first launch since the last reset.
std::vector<Counters> counters();
void reset_counters();

/// What kernels, matrix products, clears and copies on the device have touched of one kind of its memory.
struct Traffic {
  std::int64_t read = 0;      ///< bytes that were read before anything wrote them, each once
  std::int64_t written = 0;   ///< bytes that were written, each once
  std::int64_t accessed = 0;  ///< bytes of every access
};
/// Begins to record, from zero, or ends it. The checked variant only: in the other nothing is recorded.
void record_traffic(bool on);
/// Recorded so far: of managed memory, or of all other memory of the device.
Traffic recorded_traffic(bool managed);

}  // namespace ethreed::emulation
