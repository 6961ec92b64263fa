#pragma once
// The kernels' PTX: what its text shows, and what the model's real shapes execute of it.

#include "kernels/emulation/ptx/library.h"
#include "tools/kernel_report/gru_on_gpus.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ethreed::report {

/// What nvcc made of the kernels for one architecture.
struct PtxOfArchitecture {
  int architecture = 0;
  std::map<std::string, emulation::ptx::Survey> surveys;     ///< by kernel
  std::map<std::string, emulation::ptx::Executed> executed;  ///< of those that the model's shapes launch, in float
  std::map<std::string, int> machine_instructions;           ///< of ptxas's code, by kernel; empty if there is none
};

/// Reads FOLDER/compute_ARCHITECTURE and runs all cases that are not tiny, of the operations whose name contains
/// `filter`, once forward and once backward in float, on a device like that architecture's GPU (multiprocessors: at
/// most `most_multiprocessors`, since all threads of a cooperative launch live at once). Throws Error for what the
/// executor finds: an access out of bounds, memory that is read by ld.global.nc and written.
PtxOfArchitecture run_ptx(const std::filesystem::path& folder, int architecture, const std::string& filter);
inline constexpr int most_multiprocessors = 40;

/// The least time of what was executed, by issue slots and by bytes.
struct IssueTime {
  double issue = 0;   ///< seconds: PTX's instructions of warps at four a clock and multiprocessor, launch by launch
  double memory = 0;  ///< seconds: bytes of the sectors touched, each once a launch, at the bandwidth
};
IssueTime issue_time(const emulation::ptx::Executed& executed, const RealGpu& gpu);

}  // namespace ethreed::report
