#pragma once
// How many instructions ptxas made of each kernel: from the sizes of the sections of a cubin, which is an ELF file.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace ethreed::report {

/// By kernel, as launch() calls it. An instruction of compute capability 7.0 or later has 16 bytes; the few that fill
/// up a section, which are never executed, count, too. Throws Error for what is no ELF file of 64 bits.
std::map<std::string, int> machine_instructions(std::string_view file, std::string_view cubin);
/// Of all files *.cubin in a folder. Throws Error if there are none.
std::map<std::string, int> machine_instructions(const std::filesystem::path& folder);

}  // namespace ethreed::report
