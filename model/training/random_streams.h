#pragma once
// Which random numbers are for what. Every draw of a run is a function of (seed, purpose, step, index): nothing has to
// be saved to go on with the same numbers.

#include "core/philox.h"

namespace ethreed {

enum class Draw : std::uint64_t {
  initialisation = 1,  ///< step: fingerprint of the parameter's name
  shuffle = 2,         ///< step: epoch
  dropout_global = 3,  ///< step: training step; the same for the next four
  dropout_party = 4,
  dropout_emotion = 5,
  dropout_content = 6,
  policy_training = 7,
  policy_evaluation = 8,  ///< step: 0; index: turn of the split · D_e
  sampling = 9,           ///< step: turn; index: token
};

inline PhiloxStream random_stream(std::uint64_t seed, Draw draw, std::uint64_t step) {
  return {seed, static_cast<std::uint64_t>(draw) << 56 | (step & 0x00FF'FFFF'FFFF'FFFFULL)};
}

}  // namespace ethreed
