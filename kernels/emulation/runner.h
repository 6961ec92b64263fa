#pragma once
// Runs blocks: all their threads as fibers of one thread of the system. Inside of the emulation only.

#include "kernels/emulation/device_functions.h"
#include "kernels/emulation/emulation.h"
#include "kernels/emulation/fiber.h"
#include "kernels/emulation/shadow.h"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <span>

namespace ethreed::emulation {

/// What all blocks of a launch share; constant while they run.
struct Launch {
  Launch(const LaunchInfo& info, const Work& work);
  std::int64_t blocks() const { return std::int64_t{grid.x} * grid.y * grid.z; }

  std::string kernel;
  dim3 grid, block;
  std::size_t shared_bytes;
  bool cooperative;
  const Work& work;
  Settings settings;
  bool checked;
  unsigned threads;  // of a block
  std::vector<uint3> thread_indices;
};

/// A place in a program: of a source, or of PTX. The name of the file must live as long as anything here.
struct Site {
  const char* file = "";
  unsigned line = 0, column = 0;
  Site() = default;
  Site(const char* file_, unsigned line_, unsigned column_) : file(file_), line(line_), column(column_) {}
  Site(const Place& place)  // implicit: every Place is one
      : Site(place.file_name(), static_cast<unsigned>(place.line()), static_cast<unsigned>(place.column())) {}
};

/// spinning: asks again and again for a word that other blocks write.
enum class State : std::uint8_t { fresh, ready, running, at_warp, at_block, at_grid, spinning, done };

/// A thread of a block that is alive.
struct Thread {
  Fiber* fiber = nullptr;
  Site site;  // where it waits
  // While it waits for its warp:
  WarpOperation operation = WarpOperation::sync;
  unsigned mask = 0;
  int source = 0;
  std::uint64_t value = 0, result = 0;
  // For the checker: its present segment, or 0; operations with a part of its warp.
  std::uint32_t segment = 0;
  std::uint32_t clock = 0;
};

/// An access to shared memory by one lane, kept to find out who asked for what together.
struct SharedRequest {
  std::uint32_t location, offset;
  std::uint16_t bytes, lane;
  std::uint32_t occurrence;  // the how manieth of its lane and location
};

struct Warp {
  unsigned existing = 0;  // lanes that the block has
  unsigned waiting = 0;   // lanes at a warp operation
  unsigned start = 0;     // its first place in Block::order
  // For the checker: operations of the whole warp since the last barrier of the block, and whether some of only a part
  // of it have been since the last of the whole.
  std::uint32_t epoch = 0;
  bool parts = false;
  // seen[a][b]: so many of the operations of lane b with a part of the warp come before what lane a does now.
  using Seen = std::array<std::array<std::uint32_t, lanes_per_warp>, lanes_per_warp>;
  std::unique_ptr<Seen> seen;
  std::vector<SharedRequest> requests;  // since the last barrier of the block
};

struct SharedArray {
  const void* key;
  std::byte* begin;
  std::size_t bytes;
};

/// A block that is alive, and its shared memory.
class Block {
 public:
  Block();
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  void start(const Launch& launch, std::int64_t index);
  /// The static array of this key: null if there is none yet; a new one, null if it does not fit.
  std::byte* find_array(const void* key) const;
  std::byte* make_array(const void* key, std::size_t bytes, std::size_t alignment, const Launch& launch);
  bool owns(std::uintptr_t address) const { return address - shared_begin < shared_capacity; }

  static constexpr std::size_t shared_capacity = 512 * 1024;  // with gaps between the arrays
  static constexpr std::size_t shared_gap = 128;

  uint3 index{};
  std::uint32_t linear_index = 0;
  std::vector<Thread> threads;
  std::vector<State> states;
  std::vector<unsigned> order;
  std::vector<Warp> warps;
  unsigned cursor = 0;  // all before it in `order` cannot run
  unsigned done = 0, at_barrier = 0, at_grid = 0, spinning = 0;
  BlockOperation barrier_operation = BlockOperation::sync;
  unsigned barrier_thread = 0;  // the first that came
  int votes = 0, vote_result = 0;
  std::uint32_t epoch = 0;  // barriers passed

  std::byte* shared = nullptr;
  std::uintptr_t shared_begin = 0;
  std::size_t shared_used = 0, shared_counted = 0;  // with gaps, without
  std::vector<SharedArray> arrays;
  const void* dynamic_type = nullptr;
  // For the checker:
  std::optional<Cells> cells;  // of the shared memory
  std::size_t dirty = 0;       // so many bytes of it have been in use
};

class Checker;

/// What one thread of the system needs to run blocks; fibers and shared memory stay for the next launch.
class Runner {
 public:
  static Runner& of_this_thread();
  ~Runner();

  /// Runs these blocks together. Throws what a thread threw or the checker found.
  void run(const Launch& launch, std::span<const std::int64_t> blocks);

  // --- for the functions that kernels call ---
  int block_operation(BlockOperation operation, int predicate, const Site& site);
  std::uint64_t warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value, int source,
                               const Site& site);
  void grid_barrier(const Site& site);
  /// The barrier of the grid as nvcc compiles it, atomics on a word of all blocks: the running thread waits for that
  /// word, so the other blocks go on as far as they can. Stops a thread that waits for blocks that never come.
  void let_other_blocks_run(const Site& site);
  /// The last block came to that word, and all threads of all blocks wait: what they did comes before what they do
  /// next.
  void blocks_have_met(const Site& site);
  /// Ends the launch with the Error "kernel K, block (…), thread (…): " and what describe() returns; the running thread
  /// never goes on. describe() is called on the stack of the launch, because nothing on this one will be destroyed: the
  /// caller may own nothing.
  template <class Describe> [[noreturn]] void stop(const Describe& describe) {
    description_ = &describe;
    describe_ = [](const void* one) { return (*static_cast<const Describe*>(one))(); };
    leave();
  }
  /// One more access of the running thread since it last waited: stops a thread that spins. where() says the place.
  template <class Where> void count_turn(const Where& where) {
    if (++turn_ > launch_->settings.spin_limit)
      stop([&] {
        return fmt::format(
            "spins at {}: {} accesses without a barrier; threads take turns at barriers and shuffles only, so nobody "
            "can "
            "write what it waits for",
            where(), launch_->settings.spin_limit);
      });
  }
  std::string name_of(unsigned thread) const { return name_of(*block_, thread); }
  std::string name_of(const Block& block, unsigned thread) const;

  const Launch& launch() const { return *launch_; }
  Block& block() { return *block_; }
  unsigned thread() const { return thread_; }
  bool active() const { return fiber_ != nullptr && fiber_ != &host_; }
  const Fiber& fiber() const { return *fiber_; }
  Checker* checker() { return checker_; }
  const std::vector<std::unique_ptr<Block>>& blocks() const { return blocks_; }
  std::size_t alive() const { return alive_; }

  Counters counted;  // since the launch began, by this runner

 private:
  Runner();
  static void fiber_main();
  void run_threads();
  [[noreturn]] void leave();
  bool pick();
  void wait();
  void go(Fiber& fiber);
  void complete(Block& block, Warp& warp, unsigned warp_index, unsigned mask);
  [[noreturn]] void report_stuck();
  std::string whereabouts(const Block& block, unsigned thread) const;
  void abandon();

  const Launch* launch_ = nullptr;
  std::vector<std::unique_ptr<Block>> blocks_;  // the first alive_ are in use
  std::size_t alive_ = 0, block_at_ = 0;
  Block* block_ = nullptr;
  unsigned thread_ = 0;
  std::int64_t turn_ = 0;   // accesses of the running thread since it got its turn
  std::int64_t spins_ = 0;  // turns that spinning threads gave away since the blocks met
  Fiber host_;
  Fiber* fiber_ = nullptr;  // that runs
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  std::exception_ptr error_;  // thrown by a thread
  std::string (*describe_)(const void* description) = nullptr;
  const void* description_ = nullptr;
  Checker* checker_ = nullptr;
};

/// Is the code that runs now a kernel's? False inside of the emulation's own functions, whose inline parts may share
/// instrumented code with kernels.
extern constinit thread_local bool in_kernel;

/// In every function that kernels call.
class OutsideKernel {
 public:
  OutsideKernel() : was_(in_kernel) { in_kernel = false; }
  ~OutsideKernel() { in_kernel = was_; }
  OutsideKernel(const OutsideKernel&) = delete;
  OutsideKernel& operator=(const OutsideKernel&) = delete;

 private:
  bool was_;
};

/// "file:line".
std::string text_of(const Site& site);
std::string text_of(uint3 index);

/// Blocks of the grid in the order in which they get their turn.
std::vector<std::int64_t> order_of_blocks(const Launch& launch);

/// Throws Error, naming the kernel, if the device cannot run this shape.
void check_shape(const LaunchInfo& info);
/// Blocks of this shape that a multiprocessor holds at once.
int blocks_at_once(int threads, std::size_t shared_bytes);
/// What a launch runs in the place of this, by replace_kernels().
std::shared_ptr<const Work> replaced(const LaunchInfo& info, std::shared_ptr<const Work> work);
/// Runs the whole grid, on the pool if there is one.
void run_launch(const Launch& launch, ThreadPool* pool);

}  // namespace ethreed::emulation
