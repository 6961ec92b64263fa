#include "model/interface/initial_state.h"
#include "model/interface/split_examples.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

struct TraceArguments {
  std::string data, run, out;
  ConfigArguments config;
  std::string checkpoint = "best";
  std::string split = "train";
  std::string dtype = "float64";
  int batch = 8;
  std::uint64_t seed = 1;
  DeviceArguments device;
};

template <class T> void trace_as(const TraceArguments& arguments, const Dataset& data) {
  RunConfig config;
  fs::path checkpoint;
  if (arguments.run.empty()) {
    ConfigArguments asked = arguments.config;
    asked.seed = arguments.seed;
    config = configuration_for(data, asked);
  } else {
    checkpoint = checkpoint_in(arguments.run, arguments.checkpoint);
    const CheckpointInfo info = load_checkpoint_info(checkpoint);
    config = info.config;
    const std::string variant(config.model->variant());
    check_fits(info, data, arguments.run);
    ETHREED_CHECK(arguments.config.variant.value_or(variant) == variant,
                  "{}: the run was trained as variant {}, not {}; leave --variant out", arguments.run, variant,
                  *arguments.config.variant);
  }
  const Model& model = *config.model;
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.device);
  Context context = runtime->context();
  ModelState<T> state(model.layout(), true);
  if (checkpoint.empty())
    initialise_state(context.pool, model, data, arguments.seed, state);
  else
    load_checkpoint_tensors(checkpoint, state);
  if (state.average.count() > 0) state.values = std::move(state.average);
  const Split& split = data.split(arguments.split);
  std::vector<std::int32_t> order;
  shuffle_examples(SplitExamples(split, example_kind(model)).count(), arguments.seed, 0, order);
  order.resize(std::min(order.size(), static_cast<std::size_t>(arguments.batch)));
  model.steps<T>().write_trace(context, state, split, order, arguments.seed, arguments.out);
  fmt::print("wrote {}: {} examples of {}, {}, model {}, variant {}\n", arguments.out, order.size(), arguments.split,
             arguments.dtype, model.name(), model.variant());
}

}  // namespace

void add_trace_command(CLI::App& app) {
  const auto a = std::make_shared<TraceArguments>();
  CLI::App* command = app.add_subcommand("trace", "Write one batch's forward and backward to a safetensors file");
  command->add_option("--data", a->data, "Folder that `ethreed prepare --out` wrote")->required()->type_name("DIR");
  command->add_option("--out", a->out, "File to write")->required()->type_name("FILE");
  command->add_option("--run", a->run, "Parameters of a trained run; without: fresh ones from --seed")
      ->type_name("RUN");
  command->add_option("--checkpoint", a->checkpoint, "Which checkpoint of the run")
      ->check(CLI::IsMember({"best", "last"}))
      ->capture_default_str();
  add_model_options(*command, a->config);
  command->get_option("--config")->excludes("--run");
  command->get_option("--model")->excludes("--run");
  command->add_option("--split", a->split, "Split the batch comes from")
      ->check(CLI::IsMember({"train", "valid", "test"}))
      ->capture_default_str();
  command->add_option("--batch", a->batch, "Dialogues")->check(CLI::Range(1, 65536))->capture_default_str();
  command->add_option("--seed", a->seed, "Seed of the parameters, the choice of dialogues and the noise")
      ->check(check_seed)
      ->capture_default_str();
  command->add_option("--dtype", a->dtype, "Type of every float tensor")
      ->check(CLI::IsMember({"float32", "float64"}))
      ->capture_default_str();
  add_device_options(*command, a->device);
  command->callback([a] {
    check_output_file(a->out);
    const Dataset data = Dataset::open(a->data);
    if (a->dtype == "float64")
      trace_as<double>(*a, data);
    else
      trace_as<float>(*a, data);
  });
}

}  // namespace ethreed
