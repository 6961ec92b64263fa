#pragma once
// What the text of a kernel in PTX shows without running it: its instructions by kind, its accesses by space, and
// whether its barriers of the grid order memory. The executor cannot say the last: it runs threads in turns, so that
// every thread sees what others wrote, with or without a fence.

#include "kernels/emulation/ptx/source.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed::emulation::ptx {

/// By which unit of a multiprocessor an instruction is executed, roughly, and for memory by the space of its address.
enum class Unit : std::uint8_t {
  single_precision,
  double_precision,
  special,    ///< quotients, roots, exponentials and the like of either precision
  integer,    ///< addresses, too
  predicate,  ///< comparisons, selections, moves, logic of predicates
  conversion,
  global,
  shared,
  local,
  generic,  ///< loads and stores whose address may be of any space
  atomic,
  constant,  ///< parameters and constants
  warp,      ///< shuffles and votes
  barrier,   ///< of block, warp or memory (fences)
  control,   ///< branches, ends, calls
};
inline constexpr std::size_t units = 15;
std::string_view name_of(Unit unit);
/// Of "ld.global.f32", with all its modifiers.
Unit unit_of(std::string_view opcode);

struct Survey {
  std::array<int, units> instructions{};  ///< statements of each unit
  std::size_t local_bytes = 0;            ///< variables in local memory: arrays indexed at run time (spills come later)
  int read_only_loads = 0;                ///< ld.global.nc: of memory that the kernel must not write
  int grid_barriers = 0;                  ///< arrivals at the barrier of the grid
  /// What its barriers of the grid lack, each with its line; empty if each of them is, on every path:
  ///   a barrier of the block; an atomic with release at the scope of the GPU, or a fence of that scope before it; a
  ///   loop that loads the same word with acquire at the scope of the GPU, or a fence behind it; a barrier of the
  ///   block;
  /// and touches no other memory in between. (PTX ISA, "Memory Consistency Model": release, acquire, scope.)
  std::vector<std::string> unordered;

  int count(Unit unit) const { return instructions[static_cast<std::size_t>(unit)]; }
  int all() const;
};
Survey survey(const Function& function);

}  // namespace ethreed::emulation::ptx
