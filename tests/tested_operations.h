#pragma once
// Which operations and cases the tests over the whole table run: all, but where the environment says otherwise.

#include "core/error.h"
#include "kernels/common/operation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string_view>
#include <vector>

namespace ethreed::test {

inline constexpr std::uint64_t seed = 1;

/// The operations to test: all of the table, or those of the environment's ETHREED_TEST_OPERATIONS ("adam,linear"),
/// which a test then says it left the others out. Throws Error for a name that the table lacks.
inline std::vector<Operation> tested_operations() {
  const std::span<const Operation> all = operations();
  const char* wanted = std::getenv("ETHREED_TEST_OPERATIONS");
  if (wanted == nullptr) return {all.begin(), all.end()};
  std::vector<Operation> tested;
  std::string_view rest = wanted;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const auto found = std::find_if(all.begin(), all.end(), [&](const Operation& one) { return one.name == name; });
    ETHREED_CHECK(found != all.end(), "ETHREED_TEST_OPERATIONS: there is no operation '{}'", name);
    tested.push_back(*found);
  }
  fmt::print("only {} (ETHREED_TEST_OPERATIONS), {} operations left out\n", wanted, all.size() - tested.size());
  return tested;
}

/// The cases of an operation to test: all, or those of at most ETHREED_TEST_FLOPS ("1e6", forward and backward
/// together), for builds in which an emulated kernel takes seconds; of an operation without such a case its cheapest.
/// How many are left out is said, once. Throws Error for what is no number above 0.
inline const std::vector<OpCase>& tested_cases(const Operation& operation) {
  static std::map<std::string_view, std::vector<OpCase>> chosen;  // a section of a test asks again and again
  if (const auto known = chosen.find(operation.name); known != chosen.end()) return known->second;
  std::vector<OpCase> all = operation.cases();
  const char* wanted = std::getenv("ETHREED_TEST_FLOPS");
  if (wanted == nullptr) return chosen[operation.name] = std::move(all);
  char* end = nullptr;
  const double limit = std::strtod(wanted, &end);
  ETHREED_CHECK(end != wanted && *end == '\0' && limit > 0, "ETHREED_TEST_FLOPS: '{}' is no number of FLOPs", wanted);
  std::vector<double> flops;
  for (const OpCase& op_case : all) {
    const Cost cost = op_case.make_float(seed)->cost();
    flops.push_back(cost.forward_flops + cost.backward_flops);
  }
  const double cheapest = *std::min_element(flops.begin(), flops.end());
  std::vector<OpCase>& tested = chosen[operation.name];
  for (std::size_t i = 0; i < all.size(); ++i)
    if (flops[i] <= std::max(limit, cheapest)) tested.push_back(std::move(all[i]));
  if (tested.size() < all.size())
    fmt::print("{}: {} cases of more than {:.3g} FLOPs left out (ETHREED_TEST_FLOPS)\n", operation.name,
               all.size() - tested.size(), limit);
  return tested;
}

}  // namespace ethreed::test
