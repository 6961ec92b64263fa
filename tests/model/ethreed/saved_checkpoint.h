#pragma once
// A checkpoint on disk that tests may damage.

#include "core/safetensors.h"
#include "model/training/checkpoint.h"
#include "tests/model/tiny_model.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>

namespace ethreed::test {

/// A checkpoint of a random model, without a data set.
struct Saved {
  TemporaryFolder folder;
  std::filesystem::path directory = folder / "last";
  ModelState<float> model;
  CheckpointInfo info;

  explicit Saved(Ablation ablation = Ablation::none) : model(make_state<float>(tiny_config(ablation), true)) {
    randomise(model, 8);
    Random random(9);
    for (const auto& entry : model.layout.entries())
      for (std::int64_t i = 0; i < entry.shape.count(); ++i) {
        model.first_moment[entry.offset + i] = static_cast<float>(random.uniform(-1e-3, 1e-3));
        model.second_moment[entry.offset + i] = static_cast<float>(random.uniform(0, 1e-6));
      }
    EthreedConfig config = tiny_config(ablation);
    config.weights.policy = 0.1 + 0.7;  // no short decimal
    info.config.model = make_model(config);
    info.config.recipe.seed = 0xFFFF'FFFF'FFFF'FFFFULL;
    info.config.recipe.learning_rate = 0.1 + 0.2;
    info.progress = {.epoch = 2, .next_batch = 17, .step = 123456789012, .finished = false};
    info.progress.last = {.epoch = 1,
                          .values = {{"speaker_accuracy", 0.1},
                                     {"listener_accuracy", 0.2},
                                     {"perplexity_token", 30.000000000000004},
                                     {"perplexity_macro", 10.0 / 3.0},
                                     {"coverage", 5e-324}}};
    info.progress.best = {.epoch = 0,
                          .values = {{"speaker_accuracy", 0.3},
                                     {"listener_accuracy", 0.0},
                                     {"perplexity_token", 29.5},
                                     {"perplexity_macro", 1.0},
                                     {"coverage", 0.0}}};
    info.progress.running = {
        .term = {2.2, 3.3, 4.4, 5.5, 6.6}, .total = 1.1, .gradient_norm = 7.7, .steps = 3, .tokens = 99};
    info.data_name = "some where, data";
    info.data_fingerprint = "0123456789abcdef";
    for (const std::string_view word : special_words) info.vocabulary.emplace_back(word);
    for (int i = special_count; i < config.vocabulary; ++i) info.vocabulary.push_back("wörd" + std::to_string(i));
    save_checkpoint(directory, model, info);
  }

  std::filesystem::path path(const char* name) const { return directory / name; }
  void write(const char* name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
  }
  /// Applies an edit to a JSON file.
  template <class Edit> void edit(const char* name, Edit edit_json) const {
    nlohmann::json json = nlohmann::json::parse(content_of(path(name)));
    edit_json(json);
    write(name, json.dump(2));
  }
  /// From now on nothing vouches for the files, as in a checkpoint that another program wrote.
  void forget_fingerprints() const {
    edit("state.json", [](nlohmann::json& json) { json.erase("fingerprints"); });
  }
  /// Writes model.safetensors anew; `wanted` says which tensors and may change their values.
  template <class Wanted> void rewrite_model(Wanted wanted) {
    ModelState<float> copy(model.layout, false);
    std::copy(model.values.span().begin(), model.values.span().end(), copy.values.span().begin());
    SafetensorsWriter writer;
    for (const auto& entry : copy.layout.entries())
      if (wanted(entry.name, copy.values.data() + entry.offset))
        writer.add(entry.name, View<const float>(copy.values.data() + entry.offset, entry.shape));
    writer.write(path("model.safetensors"));
  }
  void load() {
    const CheckpointInfo read = load_checkpoint_info(directory);
    ModelState<float> fresh(read.config.model->layout(), true);
    load_checkpoint_tensors(directory, fresh);
  }
};

}  // namespace ethreed::test
