#pragma once
// Follows every access of the kernels of one launch: is it allowed, was it written, does it race? Inside of the
// emulation only; kernels/emulation/emulation.h says what is found and what is not.

#include "kernels/emulation/device_memory.h"
#include "kernels/emulation/runner.h"

#include <mutex>
#include <unordered_map>
#include <vector>

namespace ethreed::emulation {

/// What a thread does between two points at which it may be ordered with others. Accesses remember the number of their
/// segment; numbers below Checker::first_ are of segments after which everything that runs now comes.
struct Segment {
  std::uint32_t block;
  std::uint32_t epoch;       // barriers of the block before it
  std::uint32_t warp_epoch;  // operations of its whole warp before it
  std::uint32_t clock;       // operations with a part of its warp since
  std::uint32_t thread;
};

/// Where in the program an access is: an offset of its code, or the number of a Place.
using Location = std::uint32_t;

class Checker {
 public:
  static Checker& instance();

  /// Until the result is destroyed, this launch is the only one that is checked.
  std::unique_lock<std::recursive_mutex> begin(const Launch& launch);

  void block_starts(Block& block);
  void block_ends(Block& block, Runner& runner);
  void block_passes_barrier(Block& block, Runner& runner);
  void warp_passes(Block& block, unsigned warp, unsigned mask);
  void grid_passes_barrier();
  void array_made(Block& block, const std::byte* begin, std::size_t bytes);

  /// An access of the running thread. `aligned`: its address must be a multiple of its size.
  void access(Runner& runner, std::uintptr_t address, std::size_t bytes, Access kind, bool aligned, Location location);
  void atomic_access(Runner& runner, const void* address, std::size_t bytes, const Site& site);
  Location location_of(const void* return_address) const;
  /// Not while a launch is checked by another thread: with DeviceMemory locked.
  Location location_of(const Site& site);

 private:
  Checker();
  std::uint32_t segment_of_running(Runner& runner);
  bool before_running(const Segment& segment, Runner& runner) const;
  bool reads_before_running(const Cell& cell, Runner& runner) const;
  void check_race(Runner& runner, Cell& cell, std::uint8_t mask, Access kind, Location location, std::uintptr_t address,
                  std::size_t bytes, bool is_shared);
  void remember_read(Runner& runner, Cell& cell, std::uint8_t mask, std::uint32_t segment, Location location);
  void check_elsewhere(Runner& runner, std::uintptr_t address, std::size_t bytes, Access kind, Location location);
  [[noreturn]] void report(Runner& runner, std::uintptr_t address, std::size_t bytes, Access kind, Location location,
                           const char* what);
  [[noreturn]] void report_race(Runner& runner, std::uintptr_t address, std::size_t bytes, Access kind,
                                Location location, std::uint32_t other_segment, Location other_location,
                                const char* other_does, bool is_shared);
  std::string text_of_location(Location location) const;
  std::string text_of_memory(Runner& runner, std::uintptr_t address) const;

  std::uint32_t first_ = 1, next_ = 1;
  std::vector<Segment> segments_;  // numbers first_ to next_ - 1
  Allocation* last_ = nullptr;     // the allocation found last
  std::vector<Site> places_;       // of atomics, and of PTX
  std::unordered_map<std::uint64_t, Location> place_numbers_;
  struct Range {
    std::uintptr_t begin, end;
  };
  std::vector<Range> constants_;  // read-only data of the program
  std::uintptr_t program_ = 0;    // where it is loaded
};

/// The hooks are there: said by every file compiled with them, before main.
void note_instrumented();

/// "file:line" of an address of code, by addr2line; "header:line (in file.cu:line)" for what a kernel has inlined from
/// a header. `offset` counts from where the program is loaded.
std::string source_line(std::uintptr_t offset);

/// Adds the shared-memory requests of a warp since its last barrier to the counts, and forgets them.
void count_bank_conflicts(std::vector<SharedRequest>& requests, Counters& counters);

}  // namespace ethreed::emulation
