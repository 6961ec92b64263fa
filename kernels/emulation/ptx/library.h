#pragma once
// Kernels in PTX, by the names under which the emulated device launches the same kernels compiled by the host compiler.
//
//   ptx::Library library;
//   library.add_folder("build/cpu/ptx");
//   const ptx::InPlaceOfKernels ptx(library);   // every launch until its end runs PTX
//
// What is different from the GPU: emulation.h says it of the emulated device, and all of it holds here. ptxas, which
// makes machine code of PTX, may fuse products and sums that are not marked .rn; here they are rounded one by one.

#include "kernels/emulation/emulation.h"
#include "kernels/emulation/ptx/profile.h"

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed::emulation::ptx {

class Library {
 public:
  Library();
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  /// Adds the kernels of a module; `file` is its name in reports. Throws Error "FILE:LINE: …" for what is not PTX or
  /// not known here: the text at once, instructions when their kernel is first used.
  void add(std::string file, std::string_view text);
  /// Adds all files *.ptx of a folder. Throws Error if there are none.
  void add_folder(const std::filesystem::path& folder);

  /// The names of all kernels: "layer_norm_forward_kernel<float>", the mangled name of one that is no C++.
  std::vector<std::string> names() const;
  /// Makes a kernel ready to run, as its first launch would. Throws Error for an instruction that is not known here.
  void prepare(std::string_view name);
  /// How many instructions of it there are.
  std::size_t instructions(std::string_view name);
  /// What its text shows.
  Survey survey(std::string_view name);

  /// What a launch of this kernel runs. Throws Error if there is none of this name, or if the arguments are not of the
  /// number, sizes and alignments of its parameters. `blocks` of the launch: for executed().
  std::shared_ptr<const Work> work(std::string_view name, std::span<const Argument> arguments, std::int64_t blocks = 1);
  /// The kernels for which work() was called.
  const std::set<std::string>& launched() const;

  /// From now on launches count what they execute, from zero, or do not. Not to be changed while something runs.
  void count_executed(bool on);
  /// By kernel, of all launches that have ended since. (A launch recorded in a graph counts when the graph is gone.)
  std::map<std::string, Executed> executed() const;

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

/// While it lives, every launch of a kernel runs the PTX of the library, which must live longer. A kernel that the
/// library lacks is an Error.
class InPlaceOfKernels {
 public:
  explicit InPlaceOfKernels(Library& library);
  ~InPlaceOfKernels();
  InPlaceOfKernels(const InPlaceOfKernels&) = delete;
  InPlaceOfKernels& operator=(const InPlaceOfKernels&) = delete;
};

/// How far approximate instructions (ex2.approx, rcp.approx, …) are from the exact results. The ISA bounds the error, a
/// kernel's results must hold anywhere within. Exact at first; not to be changed while something runs.
enum class Approximation {
  exact,  ///< the exact result, rounded
  low,    ///< as far below it as documented
  high,   ///< as far above
};
Approximation& approximation();

}  // namespace ethreed::emulation::ptx
