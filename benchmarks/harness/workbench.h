#pragma once
// A prepared data set with a model on it as its paper sizes it: what every measurement of training and of replies
// starts from.

#include "core/context.h"
#include "core/indices.h"
#include "model/interface/model_state.h"
#include "model/interface/run_config.h"
#include "model/interface/split_examples.h"
#include "model/text/dataset.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed::bench {

/// A learning rate that hardly changes the parameters: every pass over the batches does the same work.
inline constexpr double still = 1e-9;

/// Which model is measured.
struct ModelChoice {
  std::string name;     ///< of model_kinds(); empty: the first
  std::string variant;  ///< empty: the whole model
};
/// --model and --variant. `choice` must outlive the parsing.
void add_model_options(CLI::App& app, ModelChoice& choice);
/// The configuration of a run on this data, all else as by default. Throws Error if there is no such model or variant,
/// or if the data lacks what it needs.
RunConfig config_for(const DataDescription& data, const ModelChoice& choice, int batch);

/// What one example of a model is, and what its steps count: "dialogues" and "target tokens", or "texts" twice.
const char* examples_of(const Model& model);
const char* targets_of(const Model& model);
const char* target_of(const Model& model);  ///< one of them

class Workbench {
 public:
  /// Throws Error as config_for(), if the data set cannot be read, and if the batch has more examples than the split.
  Workbench(const std::filesystem::path& directory, const ModelChoice& choice, int batch);

  Dataset data;
  RunConfig config;
  ModelState<float> state;  ///< initialised from seed 1
  SplitExamples examples;   ///< of the training split

  const Model& model() const { return *config.model; }
  int batch_count() const { return examples.count() / config.recipe.batch; }
  /// Numbers of the examples of the i-th batch of an epoch, and the batch, valid until the next call.
  Indices numbers(int i) const;
  const ModelBatch& batch(int i);

 private:
  std::unique_ptr<ModelBatch> batch_;
  std::vector<std::int32_t> order_;
};

}  // namespace ethreed::bench
