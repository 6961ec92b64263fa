#include "core/instruction_set.h"

#include "core/error.h"
#include "core/set_of_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace ethreed {

namespace {

using Sets = std::vector<InstructionSet>;

constexpr std::array<std::string_view, 6> set_names{"native", "sse2", "avx2", "avx512", "avx512_bf16", "neon"};

const Sets& sets_of_program() {
  static const Sets sets = [] {
    Sets all;
    for (std::size_t i = 0; i < set_names.size(); ++i)
      if (in_program(static_cast<InstructionSet>(i))) all.push_back(static_cast<InstructionSet>(i));
    return all;
  }();
  return sets;
}

// An instruction set is offered if the processor has every extension that its flags in cmake/instruction_sets.cmake
// allow, and the operating system keeps its registers: the compiler's function asks both.
Sets sets_of_processor() {
#if defined(__x86_64__)
  Sets sets{InstructionSet::sse2};
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2"))
    sets.push_back(InstructionSet::avx2);
  else
    return sets;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    sets.push_back(InstructionSet::avx512);
  else
    return sets;
  if (__builtin_cpu_supports("avx512bf16")) sets.push_back(InstructionSet::avx512_bf16);
  return sets;
#elif defined(__aarch64__)
  return {InstructionSet::neon};
#else
  return {InstructionSet::native};
#endif
}

bool contains(std::span<const InstructionSet> sets, InstructionSet set) {
  return std::find(sets.begin(), sets.end(), set) != sets.end();
}

std::string list_of(std::span<const InstructionSet> sets) {
  std::vector<std::string_view> names;
  for (const InstructionSet set : sets) names.push_back(name_of(set));
  return fmt::format("{}", fmt::join(names, ", "));
}

bool is_native(const InstructionSets& here) { return contains(here.program, InstructionSet::native); }

struct Here {
  Sets processor = sets_of_processor();
  InstructionSets sets{sets_of_program(), processor, InstructionSet::ETHREED_SET_OF_FLAGS};
  std::string wanted;
  InstructionSet chosen;

  Here() {
    if (const char* value = std::getenv("ETHREED_CPU"); value != nullptr) wanted = value;
    chosen = choose_instruction_set(sets, wanted);
  }
};

const Here& here() {
  static const Here once;
  return once;
}

}  // namespace

std::string_view name_of(InstructionSet set) { return set_names[static_cast<std::size_t>(set)]; }

InstructionSet choose_instruction_set(const InstructionSets& here, std::string_view wanted) {
  if (is_native(here)) {
    ETHREED_CHECK(wanted.empty() || wanted == "native" || wanted == name_of(here.native),
                  "ETHREED_CPU={}: this program has one set of kernels, for the processor that it was built on; give "
                  "native or {}, "
                  "leave it out, or build with the preset portable",
                  wanted, name_of(here.native));
    return InstructionSet::native;
  }
  if (wanted.empty()) {
    for (std::size_t i = here.program.size(); i-- > 0;)
      if (contains(here.processor, here.program[i])) return here.program[i];
    fail(
        "this program has kernels for {}, and this processor (or its operating system) offers {} only; build it with "
        "others "
        "(ETHREED_INSTRUCTION_SETS)",
        list_of(here.program), list_of(here.processor));
  }
  const auto named = std::find_if(here.program.begin(), here.program.end(),
                                  [&](InstructionSet set) { return name_of(set) == wanted; });
  ETHREED_CHECK(named != here.program.end(),
                "ETHREED_CPU={}: this program has no kernels of that name; it has {}, and this processor offers {}",
                wanted, list_of(here.program), list_of(here.processor));
  ETHREED_CHECK(
      contains(here.processor, *named),
      "ETHREED_CPU={}: this processor (or its operating system) does not offer it; this program has {}, and the "
      "processor offers {}",
      wanted, list_of(here.program), list_of(here.processor));
  return *named;
}

std::string describe_choice(const InstructionSets& here, std::string_view wanted, InstructionSet chosen) {
  if (is_native(here))
    return fmt::format("kernels for the processor that this program was built on (native: {}){}", name_of(here.native),
                       wanted.empty() ? "" : ", as ETHREED_CPU says");
  return fmt::format("kernels for {}, {} {}; this processor offers {}", name_of(chosen),
                     wanted.empty() ? "the widest that runs here of" : "as ETHREED_CPU says, of", list_of(here.program),
                     list_of(here.processor));
}

InstructionSet instruction_set() { return here().chosen; }

std::string describe_instruction_set() {
  const Here& now = here();
  return describe_choice(now.sets, now.wanted, now.chosen);
}

}  // namespace ethreed
