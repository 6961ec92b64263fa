#include "model/ethreed/parameters.h"

#include <fmt/format.h>

namespace ethreed {

ParameterLayout::ParameterLayout(const ModelConfig& config) {
  config.check();
  constexpr std::int64_t granule = alignment_bytes / sizeof(float);  // 16 elements: 64 bytes of float, 128 of double
  ModelParameters<char> handles;
  visit_parameters(config, handles,
                   [&](std::string_view prefix, std::string_view suffix, const Shape& shape,
                       Initialisation initialisation, int fan_in, char&) {
                     entries_.push_back({std::string(prefix).append(suffix), shape, size_, initialisation, fan_in});
                     size_ += (shape.count() + granule - 1) / granule * granule;
                   });
}

std::int64_t ParameterLayout::encoder_end() const {
  const auto behind = std::find_if(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return !entry.name.starts_with("embedding.") && !entry.name.starts_with("encoder.");
  });
  return behind == entries_.end() ? size_ : behind->offset;
}

std::int64_t ParameterLayout::parameter_count() const {
  std::int64_t total = 0;
  for (const Entry& entry : entries_) total += entry.shape.count();
  return total;
}

const ParameterLayout::Entry* ParameterLayout::find(std::string_view name) const {
  for (const Entry& entry : entries_)
    if (entry.name == name) return &entry;
  return nullptr;
}

std::string parameter_table(const ParameterLayout& layout) {
  std::vector<std::pair<std::string, std::int64_t>> modules;
  for (const auto& entry : layout.entries()) {
    const std::string module = entry.name.substr(0, entry.name.rfind('.'));
    if (modules.empty() || modules.back().first != module) modules.emplace_back(module, 0);
    modules.back().second += entry.shape.count();
  }
  std::string table;
  for (const auto& [module, count] : modules) table += fmt::format("  {:<28}{:>12}\n", module, count);
  return table + fmt::format("  {:<28}{:>12}\n", "total", layout.parameter_count());
}

}  // namespace ethreed
