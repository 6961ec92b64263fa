#pragma once
// forward_pass of model/ethreed/ethreed.cpp with a clock between its stages, forward and backward.

#include "model/ethreed/ethreed.h"

#include <array>
#include <string_view>

namespace ethreed::bench {

inline constexpr std::size_t stages = 11;
inline constexpr std::array<std::string_view, stages> stage_names{"word look-up",
                                                                  "encoder",
                                                                  "tracker",
                                                                  "policy and classifiers",
                                                                  "decoder memory",
                                                                  "decoder GRU",
                                                                  "coverage attention",
                                                                  "gate and bottleneck",
                                                                  "vocabulary product",
                                                                  "pointer and mixture",
                                                                  "losses"};

/// When each stage began and ended, in milliseconds. [k] is before stage k, [stages] after the last one. The backward's
/// are written while the tape is walked, so in falling order: stage k runs from backward[k + 1] to backward[k].
struct StageClock {
  std::array<double, stages + 1> forward{}, backward{};
};

/// Calls the functions that forward_pass calls, in its order, with marks on the tape in between. On the CPU only.
/// `clock` must live until the backward has run. What it returns is forward_pass's to the bit, as check_staged_pass()
/// makes sure.
template <class T>
ForwardPass<T> staged_pass(Tape<T>& tape, const ModelConfig& config, const LossWeights& weights,
                           const ModelParameters<Variable<T>>& parameters, const Batch& batch,
                           const StepNoise<T>& noise, StageClock& clock);

}  // namespace ethreed::bench
