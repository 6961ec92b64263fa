#pragma once
// The faults of tests/mutants/ptx_mutants.json: edits of what nvcc made of the kernels, applied to its text as it is
// read. ETHREED_MUTANT=NUMBER in the environment plants one, for tools/mutation_report.sh --ptx.

#include "kernels/emulation/ptx/library.h"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed::test {

/// One line of the table.
struct PtxFault {
  int id = 0;
  std::string file;        ///< "layer_norm_cuda.ptx"
  std::string kernel;      ///< a part of one mangled name of the file alone; empty: the whole file
  std::string kind, what;  ///< as in "barrier"; in words
  std::string find;        ///< a regular expression, which the kernel's text must hold `of` times
  int at = 1, of = 1;      ///< which of them is the place
  std::string faulty;      ///< a format of std::regex_replace
  std::string operation;   ///< of the table of operations: the first of those that the tests are restricted to
  bool quick = false;      ///< planted by every run of the tests, not only by the report
};
/// All of the table, for the PTX of compute capability 12.0.
const std::vector<PtxFault>& ptx_faults();

/// The text of the fault's file with the fault. Throws Error, with the fault's number, unless there is exactly one
/// place for it.
std::string planted(std::string_view text, const PtxFault& fault);

std::string text_of_file(const std::filesystem::path& path);

/// The names and texts of a folder's files, with the fault that ETHREED_MUTANT names, if it names one of the table.
std::map<std::string, std::string> texts_with_fault(const std::filesystem::path& folder);
/// Library::add_folder() of them.
void add_folder_with_fault(emulation::ptx::Library& library, const std::filesystem::path& folder);

}  // namespace ethreed::test
