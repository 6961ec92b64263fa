#include "benchmarks/harness/workbench.h"

#include "core/error.h"
#include "model/training/initialisation.h"

namespace ethreed::bench {

RunConfig config_for(const Dataset& data, int batch) {
  RunConfig config;
  config.model.vocabulary = data.vocabulary_size();
  config.model.embedding = static_cast<int>(data.vectors().columns());
  config.model.listener_labels = data.has_listener_labels();
  config.training.batch = batch;
  return config;
}

Workbench::Workbench(const std::filesystem::path& directory, int batch)
    : data(Dataset::open(directory)),
      model(config_for(data, batch).model, true),
      batches(data.split("train"), data.vocabulary_size()) {
  config = config_for(data, batch);
  ETHREED_CHECK(batch <= batches.dialogues(), "benchmark: a batch of {} dialogues, the training split has {}", batch,
                batches.dialogues());
  ThreadPool pool(1);
  initialise_parameters(pool, model.layout, data.vectors(), config.training.update_gate_bias, 1, model.values.data());
  shuffle_dialogues(batches.dialogues(), 1, 0, order_);
}

std::span<const std::int32_t> Workbench::dialogues(int i) const {
  const int size = config.training.batch;
  return std::span(order_).subspan(static_cast<std::size_t>(i % batch_count()) * static_cast<std::size_t>(size),
                                   static_cast<std::size_t>(size));
}

}  // namespace ethreed::bench
