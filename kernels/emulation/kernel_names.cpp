#include "kernels/emulation/kernel_names.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <regex>

namespace ethreed::emulation {

std::string tidy_name(std::string name) {
  static const std::regex scopes("ethreed::|on_gpu::|emulated::|\\{anonymous\\}::|\\(anonymous namespace\\)::");
  name = std::regex_replace(name, scopes, "");
  for (auto space = name.find("> >"); space != std::string::npos; space = name.find("> >")) name.erase(space + 1, 1);
  return name;
}

std::string kernel_name(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status),
                                                    std::free);
  if (status != 0 || !text) return mangled;
  // "void ethreed::(anonymous namespace)::name<arguments>(parameters)"
  std::string name = text.get();
  const auto kernel = name.find("kernel");
  if (kernel == std::string::npos) return name;
  if (const auto scope = name.rfind("::", kernel); scope != std::string::npos) name.erase(0, scope + 2);
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    depth += name[i] == '<' ? 1 : name[i] == '>' ? -1 : 0;
    if (name[i] == '(' && depth == 0) return name.substr(0, i);
  }
  return name;
}

}  // namespace ethreed::emulation
