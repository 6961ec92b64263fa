#include "model/blocks/parameter_layout.h"

#include "core/arena.h"

#include <fmt/format.h>

#include <utility>

namespace ethreed {

namespace {

// Numbers of the data stand in the block as parameters do, and are none.
bool is_learned(const ParameterLayout::Entry& entry) { return entry.start.how != Initialisation::from_data; }

}  // namespace

void ParameterLayout::add(std::string name, const Shape& shape, const InitialValues& start) {
  constexpr std::int64_t granule = alignment_bytes / sizeof(float);  // 16 elements: 64 bytes of float, 128 of double
  entries_.push_back({std::move(name), shape, size_, start});
  size_ += (shape.count() + granule - 1) / granule * granule;
}

std::int64_t ParameterLayout::parameter_count() const {
  std::int64_t total = 0;
  for (const Entry& entry : entries_)
    if (is_learned(entry)) total += entry.shape.count();
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
    if (!is_learned(entry)) continue;
    const std::string module = entry.name.substr(0, entry.name.rfind('.'));
    if (modules.empty() || modules.back().first != module) modules.emplace_back(module, 0);
    modules.back().second += entry.shape.count();
  }
  std::string table;
  for (const auto& [module, count] : modules) table += fmt::format("  {:<28}{:>12}\n", module, count);
  return table + fmt::format("  {:<28}{:>12}\n", "total", layout.parameter_count());
}

}  // namespace ethreed
