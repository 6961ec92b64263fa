#pragma once
// The faults of a build with -DETHREED_MUTANTS=ON. Sources of the project never name this: cmake/mutants.cmake weaves
// it into copies of them.

namespace ethreed {

/// Is this the fault asked for by the environment's ETHREED_MUTANT? Constant for the life of the program.
[[gnu::const]] bool mutant(int number) noexcept;

}  // namespace ethreed
