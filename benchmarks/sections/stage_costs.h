#pragma once
// What each stage of a training step has to compute and to move, by formulas in the shapes of the batch.

#include "benchmarks/sections/staged_pass.h"

#include <array>

namespace ethreed::bench {

/// A matrix product counts two FLOPs a multiply-add, an exponential one. Bytes: each operand once, as if whatever a
/// stage reads came from memory and whatever it writes went there.
struct StageCost {
  double forward_flops = 0, forward_bytes = 0, backward_flops = 0, backward_bytes = 0;
};

/// Of the full model in float.
std::array<StageCost, stages> stage_costs(const ModelConfig& config, const Batch& batch);

/// FLOPs and bytes of the norm of all gradients and of Adam together, for `count` parameters.
struct OptimizerCost {
  double flops = 0, bytes = 0;
};
OptimizerCost optimizer_cost(std::int64_t count);

}  // namespace ethreed::bench
