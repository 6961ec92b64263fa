#pragma once
// A prepared data set with a model of the paper's sizes on it: what every measurement of training and decoding starts
// from.

#include "core/context.h"
#include "model/text/dataset.h"
#include "model/training/model_state.h"
#include "model/training/split_batches.h"

#include <filesystem>
#include <span>
#include <vector>

namespace ethreed::bench {

/// A learning rate that hardly changes the parameters: every pass over the batches does the same work.
inline constexpr double still = 1e-9;

class Workbench {
 public:
  /// Throws Error if the data set cannot be read.
  Workbench(const std::filesystem::path& directory, int batch);

  RunConfig config;
  Dataset data;
  ModelState<float> model;  ///< initialised from seed 1
  SplitBatches batches;     ///< of the training split

  int batch_count() const { return batches.dialogues() / config.training.batch; }
  /// The dialogues of the i-th batch of an epoch, and the batch.
  std::span<const std::int32_t> dialogues(int i) const;
  const Batch& batch(int i) { return batches.make(dialogues(i)); }

 private:
  std::vector<std::int32_t> order_;
};

/// The configuration of a run on this data, all else as by default.
RunConfig config_for(const Dataset& data, int batch);

}  // namespace ethreed::bench
