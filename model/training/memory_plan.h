#pragma once
// How much memory of a device training takes, known before its first step.

#include "core/context.h"
#include "model/interface/run_config.h"
#include "model/text/dataset.h"

#include <string>
#include <vector>

namespace ethreed {

/// Bytes of device memory by owner.
struct MemoryPlan {
  struct Line {
    std::string owner;
    std::size_t bytes = 0;
  };
  std::vector<Line> lines;
  std::size_t free_bytes = 0;  ///< on the device, when the plan was made

  std::size_t total() const;
  /// A line per owner, the total and what is free.
  std::string table() const;
};

/// Runs a training step and an evaluation step with nothing behind them (DeviceRuntime::plan) on batches that no batch
/// of the data exceeds: as many turns as the dialogues with the most turns have, every utterance (or text) as long as
/// the longest, and as many different words as there can be. Then sizes the arenas of the context by what that asked
/// for, so that they take their memory once. On the CPU there is nothing to plan: the plan is empty. Throws Error, with
/// the table, if the device has too little memory.
MemoryPlan plan_training_memory(Context& context, const RunConfig& config, const Dataset& data);

}  // namespace ethreed
