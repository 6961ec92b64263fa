#include "tools/kernel_report/machine_code.h"

#include "core/error.h"
#include "kernels/emulation/kernel_names.h"

#include <cstring>
#include <fstream>
#include <iterator>

#include <elf.h>

namespace ethreed::report {

namespace {

constexpr std::uint64_t instruction_bytes = 16;

// A struct of the file, copied out of it.
template <class T> T read(std::string_view file, std::string_view bytes, std::uint64_t at) {
  ETHREED_CHECK(at <= bytes.size() && sizeof(T) <= bytes.size() - at, "{}: an ELF file that is cut off", file);
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

}  // namespace

std::map<std::string, int> machine_instructions(std::string_view file, std::string_view cubin) {
  const auto header = read<Elf64_Ehdr>(file, cubin, 0);
  ETHREED_CHECK(std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64,
                "{}: no ELF file of 64 bits", file);
  const auto section = [&](std::uint64_t number) {
    return read<Elf64_Shdr>(file, cubin, header.e_shoff + number * sizeof(Elf64_Shdr));
  };
  const Elf64_Shdr names = section(header.e_shstrndx);
  std::map<std::string, int> found;
  for (std::uint64_t s = 0; s < header.e_shnum; ++s) {
    const Elf64_Shdr one = section(s);
    const std::uint64_t name_at = names.sh_offset + one.sh_name;
    ETHREED_CHECK(name_at < cubin.size(), "{}: an ELF file that is cut off", file);
    const std::string_view name = cubin.substr(name_at, cubin.find('\0', name_at) - name_at);
    constexpr std::string_view code = ".text.";
    if (!name.starts_with(code)) continue;
    const std::string kernel(name.substr(code.size()));
    found[emulation::tidy_name(emulation::kernel_name(kernel))] = static_cast<int>(one.sh_size / instruction_bytes);
  }
  return found;
}

std::map<std::string, int> machine_instructions(const std::filesystem::path& folder) {
  std::map<std::string, int> all;
  std::error_code none;
  for (const auto& path : std::filesystem::directory_iterator(folder, none)) {
    if (path.path().extension() != ".cubin") continue;
    std::ifstream stream(path.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    all.merge(machine_instructions(path.path().filename().string(), bytes));
  }
  ETHREED_CHECK(!all.empty(), "kernel report: there is no code in {}/*.cubin", folder.string());
  return all;
}

}  // namespace ethreed::report
