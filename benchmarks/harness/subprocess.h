#pragma once
// Runs a program and reads what it prints.

#include <string>
#include <vector>

namespace ethreed::bench {

/// This program's own file.
std::string own_path();
/// Its standard output. Throws Error if it cannot be started or does not end with exit status 0.
std::string output_of(const std::vector<std::string>& arguments);

}  // namespace ethreed::bench
