#include "model/training/trace.h"

#include "model/training/initialisation.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>

namespace ethreed {

namespace {

struct TraceArguments {
  std::string data, run, out, config;
  std::string checkpoint = "best";
  std::string split = "train";
  std::string dtype = "float64";
  std::string ablation;
  int batch = 8;
  std::uint64_t seed = 1;
  DeviceArguments device;
};

RunConfig trace_configuration(const TraceArguments& arguments, const Dataset& data) {
  RunConfig config = configuration_for(data, arguments.config);
  if (!arguments.ablation.empty()) config.model.ablation = ablation_from(arguments.ablation);
  config.training.seed = arguments.seed;
  check_configuration(config);
  return config;
}

template <class T> void trace_as(const TraceArguments& arguments, const Dataset& data) {
  RunConfig config;
  std::filesystem::path checkpoint;
  if (arguments.run.empty()) {
    config = trace_configuration(arguments, data);
  } else {
    checkpoint = checkpoint_in(arguments.run, arguments.checkpoint);
    const CheckpointInfo info = load_checkpoint_info(checkpoint);
    ETHREED_CHECK(info.data_fingerprint == data.fingerprint(),
                  "{}: the run was trained on other data than {}; give the data it was made from", arguments.run,
                  arguments.data);
    ETHREED_CHECK(arguments.ablation.empty() || ablation_from(arguments.ablation) == info.config.model.ablation,
                  "{}: the run was trained with ablation {}, not {}; leave --ablation out", arguments.run,
                  name_of(info.config.model.ablation), arguments.ablation);
    config = info.config;
  }
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.device);
  Context context = runtime->context();
  ModelState<T> model(config.model, true);
  if (checkpoint.empty())
    initialise_parameters(context.pool, model.layout, data.vectors(), config.training.update_gate_bias, arguments.seed,
                          model.values.data());
  else
    load_checkpoint_tensors(checkpoint, model);
  SplitBatches batches(data.split(arguments.split), data.vocabulary_size());
  std::vector<std::int32_t> order;
  shuffle_dialogues(batches.dialogues(), arguments.seed, 0, order);
  order.resize(std::min(order.size(), static_cast<std::size_t>(arguments.batch)));
  write_trace(context, model, config.training.weights, batches, order, arguments.seed, arguments.out);
  fmt::print("wrote {}: {} dialogues of {}, {}, ablation {}\n", arguments.out, order.size(), arguments.split,
             arguments.dtype, name_of(config.model.ablation));
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
  command->add_option("--config", a->config, "JSON file with keys of 'model' and 'training', without --run")
      ->type_name("FILE")
      ->excludes("--run");
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
  command->add_option("--ablation", a->ablation, "What to take out of the model")
      ->check(CLI::IsMember({"none", "no_policy", "no_gps", "no_party", "no_emotion", "no_tracking"}));
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
