#pragma once
// What each stage of a training step of ETHREED or MIME has to compute and to move, by formulas in the shapes of the
// batch. Other models have times by stage, too, but no such formulas.

#include "model/ethreed/ethreed.h"
#include "model/mime/mime.h"

#include <string_view>
#include <vector>

namespace ethreed::bench {

/// A matrix product counts two FLOPs a multiply-add, an exponential one. Bytes: each operand once, as if whatever a
/// stage reads came from memory and whatever it writes went there.
struct StageCost {
  double forward_flops = 0, forward_bytes = 0, backward_flops = 0, backward_bytes = 0;
};
struct CostOfStage {
  std::string_view stage;  ///< the name of its range in the model's forward.cpp
  StageCost cost;
};

/// Of the whole model in float.
std::vector<CostOfStage> ethreed_stage_costs(const EthreedConfig& config, const DialogueBatch& batch);
/// Of MIME in float, its decoder learning from the prior's sample.
std::vector<CostOfStage> mime_stage_costs(const MimeConfig& config, const ContextBatch& batch);
/// The same if `model` is one of these two and `batch` its own; empty for any other model and for variants, which have
/// no formulas.
std::vector<CostOfStage> stage_costs(const Model& model, const ModelBatch& batch);

/// FLOPs and bytes of the norm of all gradients and of Adam together, for `count` parameters of any model.
struct OptimizerCost {
  double flops = 0, bytes = 0;
};
OptimizerCost optimizer_cost(std::int64_t count);

}  // namespace ethreed::bench
