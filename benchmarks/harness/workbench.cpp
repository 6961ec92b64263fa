#include "benchmarks/harness/workbench.h"

#include "core/error.h"
#include "model/blocks/initialisation.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace ethreed::bench {

void add_model_options(CLI::App& app, ModelChoice& choice) {
  app.add_option("--model", choice.name,
                 fmt::format("Which model: {} [{}]", model_names(), model_kinds().front().name));
  std::string variants;
  for (const ModelKind& kind : model_kinds())
    variants += fmt::format("{}{}: {}", variants.empty() ? "" : "; ", kind.name, fmt::join(kind.variants(), ", "));
  app.add_option("--variant", choice.variant, "Variant of the model (" + variants + ")");
}

RunConfig config_for(const DataDescription& data, const ModelChoice& choice, int batch) {
  nlohmann::json keys;
  keys["training"]["batch"] = batch;
  if (!choice.variant.empty()) {
    const ModelKind& kind = choice.name.empty() ? model_kinds().front() : model_kind(choice.name);
    keys["model"][std::string(kind.variant_key)] = choice.variant;
  }
  const ConfigPatch patch{&keys, "command line"};
  return make_run_config(choice.name, &data, {&patch, 1});
}

const char* examples_of(const Model& model) { return model.unit() == Unit::dialogue ? "dialogues" : "texts"; }
const char* targets_of(const Model& model) { return model.unit() == Unit::dialogue ? "target tokens" : "texts"; }
const char* target_of(const Model& model) { return model.unit() == Unit::dialogue ? "target token" : "text"; }

Workbench::Workbench(const std::filesystem::path& directory, const ModelChoice& choice, int batch)
    : data(Dataset::open(directory)),
      config(config_for(describe(data), choice, batch)),
      state(config.model->layout(), true),
      examples(data.split("train"), example_kind(*config.model)),
      batch_(config.model->new_batch()) {
  ETHREED_CHECK(batch <= examples.count(), "a batch of {} examples, the training split has {}", batch,
                examples.count());
  ThreadPool pool(1);
  initialise_parameters(pool, state.layout, data.vectors(), 1, state.values.data());
  model().start_from_data(data, state.values.data());
  shuffle_examples(examples.count(), 1, 0, order_);
}

Indices Workbench::numbers(int i) const {
  const int size = config.recipe.batch;
  return std::span(order_).subspan(static_cast<std::size_t>(i % batch_count()) * static_cast<std::size_t>(size),
                                   static_cast<std::size_t>(size));
}

const ModelBatch& Workbench::batch(int i) {
  batch_->build(examples.make(numbers(i)));
  return *batch_;
}

}  // namespace ethreed::bench
