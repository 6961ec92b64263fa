// Our side of a comparison with another program (peers/alternate.py interleaves runs of both):
//   bench_partner step DATA_DIR --batches 20 --write FILE     training steps; FILE gets parameters and batches
//   bench_partner step DATA_DIR --model mime …                of MIME
//   bench_partner gru --sequences 34 --steps 18               a bidirectional GRU with its input projections
// serve.h has the protocol.

#include "autograd/functions/gru_sequence_function.h"
#include "autograd/functions/linear_function.h"
#include "benchmarks/harness/measure.h"
#include "benchmarks/harness/workbench.h"
#include "benchmarks/peers/serve.h"
#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "kernels/gemm/gemm.h"
#include "model/ethreed/ethreed.h"
#include "model/mime/mime.h"
#include "model/training/trainer.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdio>
#include <deque>
#include <exception>

namespace {

using namespace ethreed;
using namespace ethreed::bench;

struct Arguments {
  std::string data, write, precision = "float32";
  std::string model{EthreedModel::name};
  int threads = 1, batch = 8, batches = 20;
  int sequences = 34, steps = 18, input = 300, hidden = 300;
};

std::string name(const Arguments& a) {
  return fmt::format(
      "ETHREED{}{}{}", a.model == MimeModel::name ? "'s MIME" : "", a.precision == "bf16" ? ", bf16" : "",
      instruction_set() == InstructionSet::native ? "" : fmt::format(", kernels for {}", name_of(instruction_set())));
}

// Parameters and batches in the names and the layout of the interchange format, a batch's with its number in front.
class PeerFile {
 public:
  void add_parameters(const ModelState<float>& state) {
    for (const auto& entry : state.layout.entries())
      writer_.add("param." + entry.name, View<const float>(state.values.data() + entry.offset, entry.shape));
  }
  void add_batch(int number, const DialogueBatch& batch, const Split& split, std::span<const std::int32_t> dialogues,
                 std::int32_t vocabulary) {
    const auto b = static_cast<std::int64_t>(dialogues.size());
    std::int64_t turns = 0, length = 0;
    for (const std::int32_t d : dialogues) {
      turns = std::max(turns, split.turns(d));
      for (std::int64_t t = 0; t < split.turns(d); ++t)
        length = std::max({length, std::int64_t(split.post(d, t).size()), std::int64_t(split.response(d, t).size())});
    }
    const std::string prefix = std::to_string(number) + ".batch.";
    const auto tensor = [&](const char* name, Shape shape) -> Tensor<std::int64_t>& {
      Tensor<std::int64_t>& made = tensors_.emplace_back(shape);
      names_.push_back(prefix + name);
      return made;
    };
    auto& count = tensor("turns", {b});
    auto &post = tensor("post", {b, turns, length}), &response = tensor("response", {b, turns, length});
    auto &extended = tensor("post_extended", {b, turns, length}), &target = tensor("target", {b, turns, length});
    auto &post_length = tensor("post_length", {b, turns}), &response_length = tensor("response_length", {b, turns});
    auto &emotion = tensor("emotion_post", {b, turns}), &label = tensor("emotion_response", {b, turns});
    const RowLayout rows = batch.rows();
    for (int i = 0; i < batch.turns(); ++i) {
      const auto turn_row = static_cast<std::size_t>(i);
      const std::int64_t d = batch.turn_dialogue[turn_row], t = batch.turn_time[turn_row], place = d * turns + t;
      const int r = batch.row_of_turn[turn_row];
      const std::int32_t dialogue = dialogues[d];
      const auto copy = [&](Tensor<std::int64_t>& to, std::span<const std::int32_t> ids, bool as_unknown) {
        for (std::size_t j = 0; j < ids.size(); ++j)
          to[place * length + static_cast<std::int64_t>(j)] = as_unknown && ids[j] >= vocabulary ? unk_id : ids[j];
      };
      const auto part = [](const std::vector<std::int32_t>& ids, int begin, int end) {
        return std::span(ids).subspan(begin, end - begin);
      };
      ++count[d];
      copy(post, split.post(dialogue, t), true);
      copy(response, split.response(dialogue, t), true);
      copy(extended, part(batch.source_ids, rows.source(r), rows.source(r + 1)), false);
      copy(target, part(batch.targets, rows.target(r), rows.target(r + 1)), false);
      post_length[place] = static_cast<std::int64_t>(split.post(dialogue, t).size());
      response_length[place] = static_cast<std::int64_t>(split.response(dialogue, t).size());
      emotion[place] = batch.emotion[turn_row];
      label[place] = batch.listener_label[turn_row];
    }
  }
  void add_batch(int number, const MimeConfig& config, const ContextBatch& batch) {
    for (auto& [name, values] : mime_trace_inputs(config, batch)) {
      names_.push_back(std::to_string(number) + "." + name);
      tensors_.push_back(std::move(values));
    }
  }
  /// What a reader needs of MIME's configuration.
  void add_settings(const MimeConfig& config) {
    writer_.add_metadata("config", ModelOf<MimeModel>(config).model_config().dump());
    writer_.add_metadata("label_smoothing", fmt::format("{}", config.label_smoothing));
    writer_.add_metadata("pad", std::to_string(pad_id));
  }
  void write(const std::string& path) {
    for (std::size_t i = 0; i < names_.size(); ++i) writer_.add(names_[i], std::as_const(tensors_[i]).view());
    writer_.write(path);
  }

 private:
  SafetensorsWriter writer_;
  std::deque<Tensor<std::int64_t>> tensors_;
  std::vector<std::string> names_;
};

void serve_steps(const Arguments& arguments) {
  Workbench bench(arguments.data, {.name = arguments.model}, arguments.batch);
  Runtime runtime(arguments.threads);
  runtime.set_gemm_precision(gemm_precision_from(arguments.precision));
  Context context = runtime.context();
  const int batches = std::min(arguments.batches, bench.batch_count());
  if (!arguments.write.empty()) {
    PeerFile file;
    file.add_parameters(bench.state);
    const auto* mime = dynamic_cast<const ModelOf<MimeModel>*>(&bench.model());
    if (mime != nullptr) file.add_settings(mime->config());
    for (int i = 0; i < batches; ++i) {
      const ModelBatch& batch = bench.batch(i);
      if (mime != nullptr)
        file.add_batch(i, mime->config(), dynamic_cast<const BatchOf<MimeModel>&>(batch).value);
      else
        file.add_batch(i, dynamic_cast<const BatchOf<EthreedModel>&>(batch).value, bench.examples.split(),
                       bench.numbers(i), bench.data.vocabulary_size());
    }
    file.write(arguments.write);
  }
  std::int64_t tokens = 0;
  int next = 0;
  // Data are prepared before the clock starts on the other side, too, so the batch counts as data.
  const auto step = [&] {
    const ModelBatch& batch = bench.batch(next);
    const double start = now_in_milliseconds();
    const StepArguments step_arguments{.step = next, .learning_rate = bench.config.recipe.learning_rate};
    tokens += training_step(context, bench.model(), bench.state, bench.config.recipe, batch, step_arguments).targets;
    next = (next + 1) % batches;
    return now_in_milliseconds() - start;
  };
  for (int i = 0; i < batches; ++i) step();
  print_line({{"name", name(arguments)},
              {"threads", arguments.threads},
              {"batches", batches},
              {"target_tokens", static_cast<double>(tokens) / batches},
              {"parameters", bench.state.layout.parameter_count()}});
  serve([&] { return Times{{"step", step()}}; });
}

void serve_gru(const Arguments& a) {
  Runtime runtime(a.threads);
  runtime.set_gemm_precision(gemm_precision_from(a.precision));
  Context context = runtime.context();
  std::vector<std::int32_t> offsets;
  for (int t = 0; t <= a.steps; ++t) offsets.push_back(t * a.sequences);
  const int rows = a.steps * a.sequences;
  std::deque<Tensor<float>> values, gradients;
  const auto parameter = [&](Tape<float>& tape, std::size_t i) {
    return tape.parameter(View<float>(values[i].data(), values[i].shape()), gradients[i].data());
  };
  const auto make = [&](Shape shape, double scale) {
    const PhiloxStream random(1, values.size());
    Tensor<float>& tensor = values.emplace_back(shape);
    gradients.emplace_back(shape);
    for (std::int64_t i = 0; i < tensor.count(); ++i)
      tensor[i] = static_cast<float>(scale * (2 * random.uniform(static_cast<std::uint64_t>(i)) - 1));
  };
  const double bound = 1 / std::sqrt(a.hidden);
  make({rows, a.input}, 1);
  for (int lane = 0; lane < 2; ++lane) {
    make({3 * a.hidden, a.input}, bound);
    make({3 * a.hidden, a.hidden}, bound);
    make({3 * a.hidden}, bound);
    make({3 * a.hidden}, bound);
  }
  Tensor<float> cotangent({rows, a.hidden});
  for (std::int64_t i = 0; i < cotangent.count(); ++i) cotangent[i] = static_cast<float>(i % 7) / 7 - 0.5F;
  const auto round = [&] {
    context.begin_step();
    Tape<float> tape(context);
    const double start = now_in_milliseconds();
    const Variable<float> x = parameter(tape, 0);
    std::array<GruLane<float>, 2> lanes;
    for (std::size_t k = 0; k < 2; ++k)
      lanes[k] = {.input_gates = linear<float>(tape, {x}, parameter(tape, 4 * k + 1), parameter(tape, 4 * k + 3)),
                  .weight_hh = parameter(tape, 4 * k + 2),
                  .bias_hh = parameter(tape, 4 * k + 4),
                  .reverse = k == 1};
    const auto states = gru_sequence<float>(tape, Packing{offsets}, lanes);
    const double middle = now_in_milliseconds();
    for (const Variable<float>& h : states) tape.seed(h, cotangent.data());
    tape.run();
    const double end = now_in_milliseconds();
    return Times{{"forward", middle - start}, {"backward", end - middle}, {"both", end - start}};
  };
  for (int i = 0; i < 5; ++i) round();
  print_line({{"name", name(a)}, {"threads", a.threads}, {"rows", rows}});
  serve(round);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app{
      "Our side of a comparison that peers/alternate.py runs: reads a number of rounds a line, prints milliseconds a "
      "round."};
  app.require_subcommand(1);
  CLI::App* step = app.add_subcommand("step", "Training steps on a prepared data set");
  step->add_option("data", a.data, "Folder that `ethreed prepare --out` wrote")->required();
  step->add_option("--model", a.model, "What is trained")
      ->check(CLI::IsMember({std::string(EthreedModel::name), std::string(MimeModel::name)}))
      ->capture_default_str();
  step->add_option("--batch", a.batch, "Dialogues")->check(CLI::Range(1, 4096))->capture_default_str();
  step->add_option("--batches", a.batches, "Different batches")->check(CLI::Range(1, 10'000))->capture_default_str();
  step->add_option("--write", a.write, "File for the parameters and the batches, for the other side")
      ->type_name("FILE");
  CLI::App* gru = app.add_subcommand("gru", "A bidirectional GRU with its input products, forward and backward");
  const CLI::Range sizes(1, 100'000);
  gru->add_option("--sequences", a.sequences)->check(sizes)->capture_default_str();
  gru->add_option("--steps", a.steps, "Tokens of each")->check(sizes)->capture_default_str();
  gru->add_option("--input", a.input)->check(sizes)->capture_default_str();
  gru->add_option("--hidden", a.hidden)->check(sizes)->capture_default_str();
  for (CLI::App* command : {step, gru}) {
    command->add_option("--threads", a.threads)->check(CLI::Range(1, 1024))->capture_default_str();
    command->add_option("--precision", a.precision, "Of the inputs of matrix products")
        ->check(CLI::IsMember({"float32", "bf16"}))
        ->capture_default_str();
  }
  CLI11_PARSE(app, argc, argv);
  try {
    if (step->parsed())
      serve_steps(a);
    else
      serve_gru(a);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_partner: {}\n", error.what());
    return 1;
  }
  return 0;
}
