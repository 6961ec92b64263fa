#pragma once
// The machine: its description and its peaks.

#include <cstdint>
#include <string>

namespace ethreed::bench {

/// A rate of one thread and of as many as there are cores, all at once.
struct Peak {
  double one = 0, all = 0;
  double of(int threads) const { return threads <= 1 ? one : all; }
};

struct Machine {
  std::string processor;
  int cores = 0;
  double memory_gib = 0;
  std::string compiler;
  Peak float32, float64;  ///< GFLOP/s
  Peak memory, cache;     ///< GB/s
};

/// Describes this machine and measures its peaks: the best of `rounds` rounds each. Peaks are of the code as compiled:
/// a build for any processor of the family has narrower vectors.
Machine measure_machine(int rounds);

/// GFLOP/s of the same loop of multiply-adds in float now, for about a millisecond: what a shared machine gives at this
/// moment.
double multiply_add_rate(int threads);

/// The most memory that this process has had in use, in MiB, and what it has now of its own (not of mapped files);
/// 0 where the system does not tell.
double peak_memory_mib();
double own_memory_mib();

}  // namespace ethreed::bench
