// A pretrained encoder on a file of texts, a line each, for a comparison with another program:
//   encoder_partner states MODEL_DIR TEXTS FILE
//     writes hidden states of all layers as a safetensors file, for encoders/check_states.py
//   encoder_partner forward MODEL_DIR TEXTS
//     rounds of the last hidden states of all texts, timed
//   encoder_partner update MODEL_DIR TEXTS
//     rounds of one update of fine-tuning, timed, where a text's label is the number of its line modulo 32
// The protocol of the last two is that of peers/alternate.py.

#include "benchmarks/harness/machine.h"
#include "benchmarks/harness/measure.h"
#include "benchmarks/peers/serve.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "kernels/gemm/gemm.h"
#include "model/encoders/classifier_folder.h"
#include "model/encoders/fine_tuning.h"
#include "model/encoders/text_encoder.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace ethreed;
using namespace ethreed::bench;

struct Arguments {
  std::string model, texts, file, precision = "float32";
  int threads = 1, batch = 32;
};

constexpr int label_count = 32;

std::vector<SubwordRow> rows_of(const Arguments& a, const EncoderConfig& config) {
  std::ifstream file(a.texts);
  ETHREED_CHECK(file.is_open(), "{}: cannot be opened", a.texts);
  const SubwordTokenizer tokenizer = SubwordTokenizer::open(a.model);
  const auto longest = static_cast<std::size_t>(config.longest());
  std::vector<SubwordRow> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(tokenizer.encode(line, {.max_length = longest}));
  ETHREED_CHECK(!rows.empty(), "{}: holds no line", a.texts);
  return rows;
}

std::int64_t token_count(const std::vector<SubwordRow>& rows) {
  std::int64_t tokens = 0;
  for (const SubwordRow& row : rows) tokens += count_of(row.ids);
  return tokens;
}

// "ids" and "offsets" of all rows one behind the other, and "layer.N" [tokens, d]; layer 0 are the embeddings.
void write_states(const Arguments& a, Context& context, TextEncoder& encoder, const std::vector<SubwordRow>& rows) {
  const std::int64_t tokens = token_count(rows), width = encoder.config().width;
  std::vector<std::int64_t> ids, offsets{0};
  for (const SubwordRow& row : rows) {
    ids.insert(ids.end(), row.ids.begin(), row.ids.end());
    offsets.push_back(static_cast<std::int64_t>(ids.size()));
  }
  std::vector<std::vector<float>> layers;
  for (int layer = 0; layer <= encoder.config().layers; ++layer) {
    std::vector<float>& states = layers.emplace_back(static_cast<std::size_t>(tokens * width));
    encoder.encode(context, rows, layer, [&](int row, std::span<const float> of_row) {
      std::copy(of_row.begin(), of_row.end(), states.begin() + offsets[static_cast<std::size_t>(row)] * width);
    });
  }
  SafetensorsWriter writer;
  writer.add("ids", std::span<const std::int64_t>(ids));
  writer.add("offsets", std::span<const std::int64_t>(offsets));
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    writer.add(fmt::format("layer.{}", layer), View<const float>(layers[layer].data(), Shape{tokens, width}));
  writer.write(a.file);
  fmt::print("wrote {}: {} texts, {} tokens, {} layers\n", a.file, rows.size(), tokens, encoder.config().layers);
}

void describe(const Arguments& a, const EncoderConfig& config, const std::vector<SubwordRow>& rows) {
  print_line({{"name", fmt::format("ETHREED, {}", a.precision)},
              {"threads", a.threads},
              {"texts", rows.size()},
              {"tokens", token_count(rows)},
              {"layers", config.layers}});
}

void serve_forward(const Arguments& a, Context& context, TextEncoder& encoder, const std::vector<SubwordRow>& rows) {
  double sum = 0;  // whoever computes nothing has none
  const auto round = [&] {
    const double start = now_in_milliseconds();
    encoder.encode(context, rows, encoder.config().layers,
                   [&](int, std::span<const float> states) { sum += static_cast<double>(states.back()); });
    return Times{{"forward", now_in_milliseconds() - start}};
  };
  round();
  describe(a, encoder.config(), rows);
  serve(round);
  std::fprintf(stderr, "checksum %g, peak memory %.0f MiB\n", sum, peak_memory_mib());
}

void serve_updates(const Arguments& a, Context& context, const EncoderConfig& config,
                   const std::vector<SubwordRow>& rows) {
  std::vector<std::string> names;
  for (int i = 0; i < label_count; ++i) names.push_back(std::to_string(i));
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < rows.size(); ++i) labels.push_back(static_cast<std::int32_t>(i % label_count));
  FineTuneRecipe recipe = usual_recipe(config);
  recipe.batch = a.batch;
  recipe.epochs = 100000;
  FineTuning training(with_new_head(a.model, names, recipe.seed), rows, labels, recipe);
  const auto round = [&] {
    const double start = now_in_milliseconds();
    training.update(context);
    const double end = now_in_milliseconds();
    if (training.epoch_is_done()) training.next_epoch();
    return Times{{"update", end - start}};
  };
  for (int i = 0; i < 2; ++i) round();
  describe(a, config, rows);
  serve(round);
  std::fprintf(stderr, "loss %g, peak memory %.0f MiB\n", training.mean_loss(), peak_memory_mib());
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app{"A pretrained encoder on a file of texts, written down for or timed against another program."};
  app.require_subcommand(1);
  CLI::App* states = app.add_subcommand("states", "Write hidden states of all layers to a safetensors file");
  CLI::App* forward = app.add_subcommand("forward", "Hidden states of all texts, round by round: peers/alternate.py");
  CLI::App* update = app.add_subcommand("update", "Updates of fine-tuning, round by round: peers/alternate.py");
  for (CLI::App* command : {states, forward, update}) {
    command->add_option("model", a.model, "Folder of the encoder")->required();
    command->add_option("texts", a.texts, "File with a text a line")->required();
    command->add_option("--threads", a.threads)->check(CLI::Range(1, 1024))->capture_default_str();
    command->add_option("--precision", a.precision)->check(CLI::IsMember({"float32", "bf16"}))->capture_default_str();
  }
  states->add_option("file", a.file, "File to write")->required();
  update->add_option("--batch", a.batch, "Texts of an update")->check(CLI::Range(1, 65536))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    Runtime runtime(a.threads);
    runtime.set_gemm_precision(gemm_precision_from(a.precision));
    Context context = runtime.context();
    const EncoderConfig config = read_encoder_config(a.model);
    const std::vector<SubwordRow> rows = rows_of(a, config);
    if (update->parsed()) {
      serve_updates(a, context, config, rows);
      return 0;
    }
    TextEncoder encoder(a.model);
    if (states->parsed())
      write_states(a, context, encoder, rows);
    else
      serve_forward(a, context, encoder, rows);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "encoder_partner: %s\n", error.what());
    return 1;
  }
}
