#include "benchmarks/harness/subprocess.h"
#include "benchmarks/harness/workbench.h"
#include "benchmarks/sections/points.h"
#include "benchmarks/sections/sections.h"
#include "benchmarks/sections/stage_costs.h"
#include "core/error.h"
#include "core/philox.h"
#include "model/blocks/initialisation.h"
#include "model/text/emotions.h"
#include "model/text/prepare.h"
#include "model/text/vocabulary.h"
#include "model/training/trainer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace ethreed::bench {

namespace {

namespace fs = std::filesystem;

void add_memory(Row& row) {
  row.figures.emplace_back("peak memory, MiB", peak_memory_mib());
  row.figures.emplace_back("of its own at the end, MiB", own_memory_mib());
}

fs::path corpus_of(const Options& options, std::int64_t dialogues) {
  return options.work / fmt::format("corpus-{}", dialogues);
}
fs::path data_of(const Options& options, std::int64_t dialogues) {
  return options.work / fmt::format("data-{}", dialogues);
}

std::int64_t tokens_of(const Split& split) {
  std::int64_t tokens = 0;
  for (std::int64_t d = 0; d < split.dialogues(); ++d)
    for (std::int64_t t = 0; t < split.turns(d); ++t)
      tokens += static_cast<std::int64_t>(split.post(d, t).size() + split.response(d, t).size());
  return tokens;
}

// A step measured on batches that `make(i)` returns, which must be valid until the next call.
template <class Make>
Row measure_steps(std::string name, const Options& options, const RunConfig& config, ModelState<float>& state,
                  int batches, Make make) {
  Runtime runtime(options.threads.front());
  Context context = runtime.context();
  StepTimes times;
  for (int pass = -1; pass < options.passes; ++pass) {
    times.begin_pass(pass >= 0);
    for (int i = 0; i < batches; ++i)
      times.add([&] {
        return training_step(context, *config.model, state, config.recipe, make(i), {.step = i, .learning_rate = still})
            .targets;
      });
  }
  Row row = times.row(std::move(name), target_of(*config.model));
  row.figures.emplace_back("step arena, MiB", static_cast<double>(runtime.values().reserved_bytes()) / (1 << 20));
  add_memory(row);
  return row;
}

// --- by the number of dialogues
// -----------------------------------------------------------------------------------------------------------

std::vector<Row> prepare_point(const Options& options, std::int64_t dialogues) {
  const double start = now_in_milliseconds();
  prepare({.corpus_directory = corpus_of(options, dialogues),
           .output_directory = data_of(options, dialogues),
           .vectors = {},
           .labels = corpus_of(options, dialogues) / "labels.csv",
           // As often for a dialogue as 3 times in 1,000 of them: the vocabulary, and with it a step, does not grow.
           .min_frequency = std::max<std::int64_t>(3, 3 * dialogues / 1000)});
  const double time = now_in_milliseconds() - start;
  Row row{.name = "prepare", .time = quantiles_of({time}), .figures = {}};
  add_memory(row);
  const Dataset data = Dataset::open(data_of(options, dialogues));
  row.figures.insert(row.figures.begin(),
                     {"µs a token", time * 1e3 / static_cast<double>(tokens_of(data.split("train")))});
  return {row};
}

std::vector<Row> train_point(const Options& options, std::int64_t dialogues) {
  std::vector<Row> rows;
  const fs::path directory = data_of(options, dialogues);
  const Effort effort{
      .seconds = options.quick ? 0.2 : 2.0, .least_samples = 3, .most_samples = 15, .least_sample_ms = 0};
  rows.push_back({.name = "open", .time = time_of(effort, [&] { Dataset::open(directory); }), .figures = {}});
  Workbench bench(directory, options.model, options.batch);
  const auto tokens = static_cast<double>(tokens_of(bench.data.split("train")));
  rows.back().figures.emplace_back("µs a token", rows.back().time.median * 1e3 / tokens);
  std::vector<std::int32_t> order;
  const auto make_epoch = [&] {
    shuffle_examples(bench.examples.count(), 1, 1, order);
    for (int i = 0; i < bench.batch_count(); ++i) bench.batch(i);
  };
  rows.push_back({.name = "order and batches of an epoch", .time = time_of(effort, make_epoch), .figures = {}});
  rows.back().figures.emplace_back("µs a token", rows.back().time.median * 1e3 / tokens);
  const int stride = std::max(1, bench.batch_count() / options.batches);  // from everywhere in the corpus
  rows.push_back(measure_steps("training step", options, bench.config, bench.state,
                               std::min(options.batches, bench.batch_count()),
                               [&](int i) -> const ModelBatch& { return bench.batch(i * stride); }));
  // Parameters, gradients and moments grow with the vocabulary, not with the data.
  const double blocks = 4.0 * sizeof(float) * static_cast<double>(bench.state.layout.size()) / (1 << 20);
  rows.back().figures.emplace_back("less the parameters' blocks, MiB", own_memory_mib() - blocks);
  rows.back().figures.emplace_back("V", bench.data.vocabulary_size());
  return rows;
}

// --- by the size of the batch and of the vocabulary
// ---------------------------------------------------------------------

// The same number of examples in every point, in larger and larger batches.
std::vector<Row> batch_point(const Options& options, int batch) {
  Workbench bench(options.data, options.model, batch);
  const int batches = std::max(1, std::min(options.batches * options.batch / batch, bench.batch_count()));
  return {measure_steps(fmt::format("batch of {} {}", batch, examples_of(bench.model())), options, bench.config,
                        bench.state, batches, [&](int i) -> const ModelBatch& { return bench.batch(i); })};
}

// Random words in dialogues of two turns or in texts, with the lengths of EmpatheticDialogues: 16 tokens in the mean,
// 40 at most.
class RandomExamples {
 public:
  RandomExamples(Unit unit, int classes, std::int32_t vocabulary, int count, std::uint64_t seed)
      : random_(seed, 0), vocabulary_(vocabulary) {
    if (unit == Unit::text) {
      for (int i = 0; i < count; ++i) utterances_.push_back(utterance());
      for (int i = 0; i < count; ++i) examples_.push_back({.text = utterances_[i], .label = i % classes, .place = i});
      return;
    }
    for (int u = 0; u < 4 * count; ++u) utterances_.push_back(utterance());
    for (int t = 0; t < 2 * count; ++t)
      turns_.push_back({.post = utterances_[2 * t],
                        .response = utterances_[2 * t + 1],
                        .emotion = t % emotion_count,
                        .listener_label = emotion_count - 1 - t % emotion_count});
    for (int d = 0; d < count; ++d) examples_.push_back({.turns = std::span(turns_).subspan(2 * d, 2), .place = 2 * d});
  }
  std::span<const Example> examples() const { return examples_; }

 private:
  // A gamma distribution of shape 3: the sum of three exponential ones.
  std::vector<std::int32_t> utterance() {
    double length = 0;
    for (int k = 0; k < 3; ++k) length -= 16.0 / 3 * std::log(1 - random_.uniform(next_++));
    std::vector<std::int32_t> words(static_cast<std::size_t>(std::clamp(length, 2.0, 40.0)));
    const std::int32_t first = eos_id + 1;
    for (std::int32_t& word : words)
      word = first + static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(vocabulary_ - first), next_++));
    words.back() = eos_id;
    return words;
  }
  PhiloxStream random_;
  std::int32_t vocabulary_;
  std::uint64_t next_ = 0;
  std::vector<std::vector<std::int32_t>> utterances_;
  std::vector<TurnInput> turns_;
  std::vector<Example> examples_;
};

// 0 where there are no formulas for it.
double step_flops(const Model& model, const ModelBatch& batch) {
  const auto costs = stage_costs(model, batch);
  double flops = costs.empty() ? 0 : optimizer_cost(model.layout().size()).flops;
  for (const auto& [stage, cost] : costs) flops += cost.forward_flops + cost.backward_flops;
  return flops;
}

std::vector<Row> vocabulary_point(const Options& options, std::int32_t vocabulary) {
  constexpr int word_vectors = 300;
  const DataDescription data{.vocabulary = vocabulary,
                             .embedding = word_vectors,
                             .listener_labels = true,
                             .situations = true,
                             .labels = {{"emotion", {emotion_names.begin(), emotion_names.end()}}}};
  const RunConfig config = config_for(data, options.model, options.batch);
  const Model& model = *config.model;
  ModelState<float> state(model.layout(), true);
  Tensor<float> vectors({vocabulary, word_vectors});
  const PhiloxStream random(1, 1);
  for (std::int64_t i = 0; i < vectors.count(); ++i)
    vectors[i] = static_cast<float>(random.uniform(static_cast<std::uint64_t>(i)) - 0.5);
  ThreadPool pool(1);
  initialise_parameters(pool, state.layout, std::as_const(vectors).view(), 1, state.values.data());
  vectors = Tensor<float>();
  for (const ParameterLayout::Entry& entry : state.layout.entries())  // there are no data to start these from
    if (entry.start.how == Initialisation::from_data)
      std::fill_n(state.values.data() + entry.offset, entry.shape.count(), 1.0F);
  std::vector<RandomExamples> inputs;
  const int batches = std::max(1, options.batches / 4);
  for (int i = 0; i < batches; ++i)
    inputs.emplace_back(model.unit(), emotion_count, vocabulary, options.batch, static_cast<std::uint64_t>(i + 1));
  const std::unique_ptr<ModelBatch> batch = model.new_batch();
  const auto make = [&](int i) -> const ModelBatch& {
    batch->build(inputs[i].examples());
    return *batch;
  };
  Row row = measure_steps(fmt::format("V = {}", vocabulary), options, config, state, batches, make);
  double flops = 0;
  for (int i = 0; i < batches; ++i) flops += step_flops(model, make(i)) / batches;
  if (flops > 0) row.figures.emplace_back("GFLOP a step", flops * 1e-9);
  row.figures.emplace_back("million parameters", static_cast<double>(model.layout().parameter_count()) * 1e-6);
  return {row};
}

// Runs a point in a process of its own.
std::vector<Row> rows_of(const Options& options, const std::string& point, const std::string& ending = "") {
  std::vector<std::string> arguments{own_path(), "--point", point, "--work", options.work.string()};
  const auto add = [&](const char* option, const std::string& value) {
    arguments.push_back(option);
    arguments.push_back(value);
  };
  add("--threads", std::to_string(options.threads.back()));
  add("--batch", std::to_string(options.batch));
  add("--batches", std::to_string(options.batches));
  add("--passes", std::to_string(options.passes));
  if (!options.model.name.empty()) add("--model", options.model.name);
  if (!options.model.variant.empty()) add("--variant", options.model.variant);
  if (options.quick) arguments.push_back("--quick");
  if (!options.data.empty()) arguments.push_back(options.data);
  std::vector<Row> rows;
  for (const auto& json : nlohmann::ordered_json::parse(output_of(arguments))) {
    rows.push_back(row_from(json));
    rows.back().name += ending;
  }
  return rows;
}

std::string threads_note(const Options& options) {
  return fmt::format("{} thread(s). Every size is measured in a process of its own.", options.threads.back());
}

}  // namespace

void print_point(const Options& options, const std::string& point) {
  const auto colon = point.find(':');
  ETHREED_CHECK(colon != std::string::npos, "--point {} is not KIND:N", point);
  const std::string kind = point.substr(0, colon);
  const std::int64_t n = std::stoll(point.substr(colon + 1));
  const std::vector<Row> rows = kind == "prepare" ? prepare_point(options, n)
                                : kind == "train" ? train_point(options, n)
                                : kind == "batch" ? batch_point(options, static_cast<int>(n))
                                                  : vocabulary_point(options, static_cast<std::int32_t>(n));
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const Row& row : rows) json.push_back(to_json(row));
  fmt::print("{}\n", json.dump());
}

Section measure_data(const Options& options) {
  Section section{
      .id = "data",
      .title = "From corpus to step, by the number of dialogues",
      .notes =
          {"Corpora of the sample generator, random vectors of 300; words that occur 3 times in 1,000 dialogues are "
           "kept, so that the vocabulary does not grow. `prepare` is measured once. " +
           threads_note(options)},
      .rows = {}};
  for (const std::int64_t n : options.dialogues) {
    output_of({options.generator, "--dialogues", std::to_string(n), "--valid", "100", "--out",
               corpus_of(options, n).string()});
    for (const char* kind : {"prepare", "train"})
      for (Row& row : rows_of(options, fmt::format("{}:{}", kind, n), fmt::format(", {} dialogues", n)))
        section.rows.push_back(std::move(row));
    fs::remove_all(corpus_of(options, n));
    fs::remove_all(data_of(options, n));
  }
  return section;
}

Section measure_growth(const Options& options) {
  Section section{.id = "growth",
                  .title = "A training step by the size of the batch and of the vocabulary",
                  .notes = {"Batches of the data given; vocabularies of random words in random dialogues of two turns, "
                            "word vectors of 300, batches of " +
                            std::to_string(options.batch) + ". " + threads_note(options)},
                  .rows = {}};
  for (const std::int64_t n : options.batch_sizes)
    for (Row& row : rows_of(options, fmt::format("batch:{}", n))) section.rows.push_back(std::move(row));
  for (const std::int64_t n : options.vocabularies)
    for (Row& row : rows_of(options, fmt::format("vocabulary:{}", n))) section.rows.push_back(std::move(row));
  return section;
}

}  // namespace ethreed::bench
