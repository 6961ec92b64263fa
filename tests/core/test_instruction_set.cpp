// Which kernels of the CPU a program uses: by the processor, and by name.

#include "core/instruction_set.h"

#include "core/error.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>
#include <string>

using namespace ethreed;
using enum InstructionSet;
using Catch::Matchers::Contains;

namespace {

constexpr std::array program{sse2, avx2, avx512, avx512_bf16};
constexpr std::array zen3{sse2, avx2};
constexpr std::array old{sse2};
constexpr std::array only_native{native};

}  // namespace

TEST_CASE("without a name the widest kernels of the program that the processor offers are chosen") {
  CHECK(choose_instruction_set({program, program}, "") == avx512_bf16);
  CHECK(choose_instruction_set({program, zen3}, "") == avx2);
  CHECK(choose_instruction_set({program, old}, "") == sse2);
  CHECK(choose_instruction_set({std::span(program).first(3), program}, "") == avx512);
  CHECK_THROWS_WITH(choose_instruction_set({std::span(program).last(2), zen3}, ""),
                    Contains("avx512, avx512_bf16") && Contains("sse2, avx2"));
}

TEST_CASE("kernels are chosen by name where both the program and the processor have them") {
  for (const InstructionSet set : program) CHECK(choose_instruction_set({program, program}, name_of(set)) == set);
  CHECK(choose_instruction_set({program, zen3}, "sse2") == sse2);
}

TEST_CASE("a name that the program or the processor lacks is an error that lists what there is") {
  for (const char* wrong : {"avx3", "AVX2", "native", "neon", "avx2 ", "cpu"})
    CHECK_THROWS_WITH(choose_instruction_set({program, zen3}, wrong),
                      Contains(std::string("ETHREED_CPU=") + wrong + ":") &&
                          Contains("it has sse2, avx2, avx512, avx512_bf16") && Contains("offers sse2, avx2"));
  CHECK_THROWS_WITH(choose_instruction_set({program, zen3}, "avx512"),
                    Contains("ETHREED_CPU=avx512:") && Contains("does not offer it") && Contains("offers sse2, avx2"));
  CHECK_THROWS_WITH(choose_instruction_set({std::span(program).first(1), zen3}, "avx2"),
                    Contains("it has sse2, and this processor offers sse2, avx2"));
}

TEST_CASE("a program for the processor at hand goes by two names, and every other is an error") {
  const InstructionSets here{only_native, zen3, avx2};
  for (const char* name : {"", "native", "avx2"}) CHECK(choose_instruction_set(here, name) == native);
  for (const char* wrong : {"sse2", "avx512", "nonsense"})
    CHECK_THROWS_WITH(choose_instruction_set(here, wrong), Contains(std::string("ETHREED_CPU=") + wrong) &&
                                                               Contains("native or avx2") && Contains("portable"));
}

TEST_CASE("the choice is told with its reason and with what else there is") {
  CHECK(describe_choice({program, zen3}, "", avx2) ==
        "kernels for avx2, the widest that runs here of sse2, avx2, avx512, avx512_bf16; this processor offers sse2, "
        "avx2");
  CHECK_THAT(describe_choice({program, zen3}, "sse2", sse2), Contains("kernels for sse2, as ETHREED_CPU says"));
  CHECK_THAT(describe_choice({only_native, zen3, avx2}, "", native), Contains("(native: avx2)"));
}

TEST_CASE("the kernels that run here are in the program, and those that ETHREED_CPU names") {
  CHECK(in_program(instruction_set()));
  const char* wanted = std::getenv("ETHREED_CPU");
  if (wanted != nullptr && *wanted != '\0' && instruction_set() != native) CHECK(name_of(instruction_set()) == wanted);
}
