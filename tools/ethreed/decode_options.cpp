#include "tools/ethreed/decode_options.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>

namespace ethreed {

namespace {

// ASCII in lower case, without blanks around it.
std::string forgiving(const std::string& name) {
  const std::size_t first = name.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  std::string text = name.substr(first, name.find_last_not_of(" \t") - first + 1);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

int planned_class(const LoadedRun& run, const std::string& name) {
  const std::string wanted = forgiving(name);
  if (wanted.empty()) return -1;
  const Model& model = run.model();
  ETHREED_CHECK(!model.reply_plan().empty(),
                "the emotion of a reply cannot be set: model '{}', variant {}, plans none; use a run of a model with a "
                "policy (ethreed)",
                model.name(), model.variant());
  const std::vector<std::string> classes = classes_of(run.info, model.reply_plan());
  const auto place =
      std::find_if(classes.begin(), classes.end(), [&](const std::string& one) { return forgiving(one) == wanted; });
  ETHREED_CHECK(place != classes.end(), "the run knows no emotion '{}'; it knows {}", name, fmt::join(classes, ", "));
  return static_cast<int>(place - classes.begin());
}

DecodeOptions DecodeArguments::checked() const {
  DecodeOptions result = options;
  result.method = decode_method_from(method);
  result.top_k = top_k.value_or(options.top_p < 1 ? 0 : options.top_k);
  ETHREED_CHECK(options.top_p == 1 || result.method == DecodeMethod::sample,
                "--top-p: is for --decode sample, this is {}", method);
  result.check();
  return result;
}

ReplyMode DecodeArguments::reply_mode(const LoadedRun& run) const {
  check_latent(*this, run);
  return {.latent = mode(), .planned_class = planned_class(run, emotion), .look = run.model().has_pointer()};
}

void check_latent(const DecodeArguments& arguments, const LoadedRun& run) {
  ETHREED_CHECK(
      arguments.latent != "shuffled" || !run.model().reply_plan().empty(),
      "--latent shuffled: model '{}', variant '{}', plans nothing of its replies that could be another's; use "
      "a run of a model with a policy (ethreed)",
      run.model().name(), run.model().variant());
}

void add_decode_options(CLI::App& command, DecodeArguments& arguments, bool many, bool split) {
  command.add_option("--decode", arguments.method, "How replies are searched")
      ->check(CLI::IsMember({"greedy", "beam", "sample"}))
      ->capture_default_str();
  std::vector<std::string> latent{"sample", "mean"};
  if (split) latent.emplace_back("shuffled");
  command
      .add_option("--latent,--policy", arguments.latent,
                  split ? "Latent variables (the emotion that the policy plans, say): a sample, their mean, or the "
                          "sample of another dialogue, which shows what the words owe to it"
                        : "Latent variables (the emotion that the policy plans, say): a sample, or their mean")
      ->check(CLI::IsMember(latent))
      ->capture_default_str();
  command
      .add_option("--reply-emotion", arguments.emotion,
                  "Every reply has this emotion, in the place of what the policy plans")
      ->type_name("NAME");
  command.add_option("--max-length", arguments.options.max_length, "Longest reply in tokens, end mark included")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command.add_option("--min-length", arguments.options.min_length, "Shortest reply in tokens, end mark not counted")
      ->check(CLI::Range(0, 9999))
      ->capture_default_str();
  command
      .add_option("--no-repeat", arguments.options.no_repeat, "No N words in a row twice in a reply; 0: any may repeat")
      ->check(CLI::Range(0, 10000))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--beam", arguments.options.beam, "Hypotheses of beam search")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--length-power", arguments.options.length_power, "Beam search ranks by log P / length^POWER")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  command
      .add_option("--top-k", arguments.top_k,
                  "Sampling draws from the K likeliest words, 0: from all [20; with --top-p 0]")
      ->check(CLI::Range(0, 1'000'000));
  command
      .add_option("--top-p", arguments.options.top_p,
                  "Sampling draws from the fewest likeliest words that have the share P of the probability")
      ->check(CLI::Range(1e-6, 1.0))
      ->type_name("P")
      ->capture_default_str();
  command.add_option("--temperature", arguments.options.temperature, "Temperature of sampling")
      ->check(CLI::Range(0.01, 100.0))
      ->capture_default_str();
  command.add_option("--seed", arguments.options.seed, "Seed of sampling and of latent variables")
      ->check(check_seed)
      ->capture_default_str();
  command.add_flag("--allow-unknown", arguments.options.allow_unknown, "Let replies hold <unk>");
  if (many)
    command
        .add_option("--n-best", arguments.options.n_best,
                    "Replies to each post: the best of beam search, or so many draws of sampling")
        ->check(CLI::Range(1, 1000))
        ->type_name("N")
        ->capture_default_str();
}

}  // namespace ethreed
