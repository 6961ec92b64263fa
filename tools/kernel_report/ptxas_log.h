#pragma once
// What ptxas -v says of each kernel.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed::report {

/// One kernel on one architecture.
struct CompiledKernel {
  std::string name;      ///< "linear_tanh_kernel<float>", as launch() calls it
  int architecture = 0;  ///< 75, 80, …
  int registers = 0;     ///< of a thread
  int barriers = 0;
  int static_shared_bytes = 0;
  int stack_bytes = 0;  ///< of a thread, in local memory; its callees' included
  int spill_store_bytes = 0, spill_load_bytes = 0;

  bool spills() const { return spill_store_bytes > 0 || spill_load_bytes > 0; }
};

/// Throws Error if a line that should give figures does not.
std::vector<CompiledKernel> read_ptxas_log(std::string_view log);
/// Of all files *.log below a folder, ordered by name and architecture. Throws Error if there are none.
std::vector<CompiledKernel> read_ptxas_logs(const std::filesystem::path& folder);

}  // namespace ethreed::report
