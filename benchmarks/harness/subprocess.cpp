#include "benchmarks/harness/subprocess.h"

#include "core/error.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>

namespace ethreed::bench {

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string output_of(const std::vector<std::string>& arguments) {
  std::string command;
  for (const std::string& argument : arguments) {
    command += command.empty() ? "'" : " '";
    for (const char c : argument) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += "'";
  }
  std::FILE* pipe = ::popen(command.c_str(), "r");
  ETHREED_CHECK(pipe != nullptr, "cannot start {}", command);
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  ETHREED_CHECK(status == 0, "{} failed", command);
  return text;
}

}  // namespace ethreed::bench
