#pragma once
// Which random numbers are for what. Every draw of a run is a function of (seed, purpose, step, index): nothing has to
// be saved to go on with the same numbers.

#include "core/philox.h"

namespace ethreed {

/// What a stream is drawn for. The numbers are part of a run's bits: never change one.
enum class Draw : std::uint64_t {
  initialisation = 1,   ///< step: fingerprint of the parameter's name
  shuffle = 2,          ///< step: epoch
  dropout = 3,          ///< the first of four masks (3 to 6); step: training step
  latent_training = 7,  ///< step: training step
  latent_evaluation =
      8,         ///< step: number of the sample, 0 where one is drawn; index: place of the turn in its split · width
  sampling = 9,  ///< step: place of the turn; index: token
  word_dropout = 10,  ///< step: training step
  word_mask = 11,     ///< step: training step; index: place of the dialogue · V + word
  oracle = 12,        ///< step: training step; index 0: does the gold emotion choose MoEL's listener
  more_dropout = 16,  ///< the fifth mask and those after it
};

/// The stream of the i-th dropout mask of a step.
constexpr Draw dropout_draw(int i) {
  return static_cast<Draw>(static_cast<int>(i < 4 ? Draw::dropout : Draw::more_dropout) + (i < 4 ? i : i - 4));
}

inline PhiloxStream random_stream(std::uint64_t seed, Draw draw, std::uint64_t step) {
  return {seed, static_cast<std::uint64_t>(draw) << 56 | (step & 0x00FF'FFFF'FFFF'FFFFULL)};
}

}  // namespace ethreed
