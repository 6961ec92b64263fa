#include "core/error.h"
#include "kernels/emulation/checker.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

namespace ethreed::emulation {

std::string source_line(std::uintptr_t offset) {
  std::array<char, 4096> path{};
  if (readlink("/proc/self/exe", path.data(), path.size() - 1) <= 0) return fmt::format("code {:#x}", offset);
  // -i: the innermost inlined function comes first, the one that is really there last.
  const std::string command = fmt::format("addr2line -i -e '{}' {:#x} 2>/dev/null", path.data(), offset);
  std::string innermost, in_kernel_file;
  if (std::FILE* pipe = popen(command.c_str(), "r"); pipe != nullptr) {
    std::array<char, 4096> line{};
    while (std::fgets(line.data(), static_cast<int>(line.size()), pipe) != nullptr) {
      const std::string_view text = line.data();
      const std::string here = std::filesystem::path(text.substr(0, text.find_first_of("\n ("))).lexically_normal();
      if (innermost.empty()) innermost = here;
      if (in_kernel_file.empty() && here.find(".cu:") != std::string::npos) in_kernel_file = here;
    }
    pclose(pipe);
  }
  if (innermost.empty() || innermost.front() == '?') return fmt::format("code {:#x}", offset);
  return in_kernel_file.empty() || in_kernel_file == innermost ? innermost
                                                               : fmt::format("{} (in {})", innermost, in_kernel_file);
}

}  // namespace ethreed::emulation
