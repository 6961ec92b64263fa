#pragma once
// What every fuzz target shares. A target is one source file of this folder:
//
//   ETHREED_FUZZ_TARGET(vectors) {
//     static const fuzz::InputFile file("vectors.txt");
//     read_word_vectors(file.hold(input), vocabulary);
//   }
//
// With -fsanitize=fuzzer (preset `fuzz`) it is a program of its own, which looks for inputs that break the reader. In
// every other build it is an entry of test_fuzz, which replays the inputs in corpora/NAME.

#include "tests/temporary_folder.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace ethreed::fuzz {

/// `input` belongs to the target: it may be of any length, also 0, and end without a NUL.
using Target = void (*)(std::string_view input);

/// Gives one input to a target. Error is what a reader owes to bad input; its message must be a short text. Ends the
/// program on such a message that is not, and on every other exception, with a line that says what was thrown.
void run(Target target, std::string_view input);

/// Ends the program with a message if a claim about the result does not hold: a wrong success is a finding, too.
void require(bool claim, const char* what);

/// Enters a target into the list of test_fuzz.
bool enter(const char* name, Target target);

/// Readers take paths: a file with the input in it, in a folder of its own that goes when the program ends.
class InputFile {
 public:
  explicit InputFile(const char* name) : path_(folder_ / name) {}
  /// Writes the input and returns the file's path.
  const std::filesystem::path& hold(std::string_view input) const;
  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  std::filesystem::path path_;
};

/// Applies patches to the bytes of a good file, so that inputs can be small and the structure around them is right.
/// A patch is a line "OFFSET BYTES": BYTES (anything but a line feed) go over what stands at OFFSET (decimal, counted
/// from the end if it is negative). A line "= N" cuts the file to N bytes. Other lines are passed over.
std::string patched(std::string good, std::string_view patches);

}  // namespace ethreed::fuzz

#ifdef ETHREED_FUZZ_ENGINE
#define ETHREED_FUZZ_TARGET(name)                                                                   \
  static void fuzz_##name(std::string_view input);                                                  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {               \
    ::ethreed::fuzz::run(fuzz_##name, std::string_view(reinterpret_cast<const char*>(data), size)); \
    return 0;                                                                                       \
  }                                                                                                 \
  static void fuzz_##name(std::string_view input)
#else
#define ETHREED_FUZZ_TARGET(name)                                                                 \
  static void fuzz_##name(std::string_view input);                                                \
  [[maybe_unused]] static const bool entered_##name = ::ethreed::fuzz::enter(#name, fuzz_##name); \
  static void fuzz_##name(std::string_view input)
#endif
