#pragma once
// What is noted of a launch while it runs, beside its results: how often each instruction is executed, which memory is
// touched, and whether memory that is read as if nobody wrote it is written.

#include "kernels/emulation/ptx/survey.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace ethreed::emulation::ptx {

/// Addresses in pieces of 2^shift bytes. Any thread of the system may call.
class AddressSet {
 public:
  explicit AddressSet(unsigned shift) : shift_(shift) {}
  void add(std::uintptr_t address, std::size_t bytes);
  /// Is a piece of [address, address + bytes) in it?
  bool has(std::uintptr_t address, std::size_t bytes) const;
  std::int64_t pieces() const;

 private:
  static constexpr std::uintptr_t pieces_of_page = 1U << 15;
  struct Page {
    std::array<std::atomic<std::uint64_t>, pieces_of_page / 64> bits{};
  };
  unsigned shift_;
  mutable std::mutex mutex_;
  std::map<std::uintptr_t, std::unique_ptr<Page>> pages_;
};

/// What the launches of one kernel have executed.
struct Executed {
  std::int64_t launches = 0, blocks = 0;
  /// Instructions of warps by unit. A warp is taken to execute an instruction as often as the lane that comes to it
  /// most often: its lanes meet again behind every branch. That is exact where lanes differ in the branches they take,
  /// or in how often they go round a loop; too little where an inner loop is longest for one lane, then for another.
  std::array<std::int64_t, units> warp_instructions{};
  std::int64_t thread_instructions = 0;  ///< of lanes; 32 to one of a warp if none is idle
  /// Instructions of warps by how many blocks their launch had: a block is executed by one multiprocessor.
  std::map<std::int64_t, std::int64_t> by_blocks;
  /// Bytes of device memory that launches touched, in sectors of 32 bytes, as a GPU moves them, each once a launch.
  std::int64_t sector_bytes = 0;

  std::int64_t count(Unit unit) const { return warp_instructions[static_cast<std::size_t>(unit)]; }
  std::int64_t all() const;
  Executed& operator+=(const Executed& other);
};

/// Notes one launch. Threads are counted when they end: a launch that is given up is counted in part.
class LaunchNotes {
 public:
  /// `count`: how often instructions are executed, and which memory is touched. `read_only_loads`: of the kernel has
  /// some, whose memory the launch must not write. `of_instructions`: the unit of each.
  LaunchNotes(bool count, bool read_only_loads, const std::vector<Unit>& of_instructions);

  bool counts() const { return counts_; }
  /// A thread has ended; `lanes` its warp has.
  void thread_ended(std::uint64_t warp, unsigned lanes, std::span<const std::uint32_t> counts);
  /// Device memory is read, by ld.global.nc or else, or written. Of memory that is both read by ld.global.nc and
  /// written in this launch: false.
  bool read(std::uintptr_t address, std::size_t bytes, bool read_only);
  bool written(std::uintptr_t address, std::size_t bytes);

  Executed executed(std::int64_t blocks) const;

 private:
  struct Warp {
    unsigned ended = 0;
    std::vector<std::uint32_t> most;
  };
  bool counts_, watches_;
  const std::vector<Unit>& units_;
  AddressSet sectors_{5}, read_only_{2}, written_{2};
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Warp> warps_;
  Executed so_far_;
};

}  // namespace ethreed::emulation::ptx
