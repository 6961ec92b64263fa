// ETHREED's cases: the whole model, every ablation, and what else of it can be switched.

#include "model/blocks/random_streams.h"
#include "model/ethreed/config.h"
#include "model/ethreed/ethreed_textbook.h"
#include "model/interface/model_cases.h"

#include <algorithm>

namespace ethreed {

namespace {

using Json = nlohmann::json;

Json tiny_keys(std::string_view ablation) {
  // no_emotion takes the party state for the emotion state.
  const int party = 7, emotion = ablation == "no_emotion" ? party : 8;
  return {{"model",
           {{"encoder", 3},
            {"global_state", 4},
            {"party_state", party},
            {"emotion_state", emotion},
            {"content_state", 9},
            {"decoder_state", 11},
            {"bottleneck", 10},
            {"ablation", ablation}}},
          {"training",
           {{"dropout", 0.3},
            {"weight_emotion", 0.7},
            {"weight_policy", 1.3},
            {"weight_generation", 0.9},
            {"weight_coverage", 1.6}}}};
}

std::vector<ModelCase> tiny_cases() {
  std::vector<ModelCase> cases;
  for (const std::string_view ablation : EthreedConfig::variant_names)
    cases.push_back({.name = std::string(ablation), .keys = tiny_keys(ablation)});
  ModelCase& labels =
      cases.emplace_back(ModelCase{.name = "no listener labels, no dropout", .keys = tiny_keys("none")});
  labels.keys["model"]["listener_labels"] = false;
  labels.keys["training"]["dropout"] = 0.0;
  ModelCase& constraint = cases.emplace_back(ModelCase{.name = "constraint gradient", .keys = tiny_keys("none")});
  constraint.keys["model"]["constraint_gradient"] = true;
  ModelCase& pointer = cases.emplace_back(ModelCase{.name = "pointer options", .keys = tiny_keys("none")});
  pointer.keys["model"]["unbounded_energies"] = true;
  pointer.keys["training"].update(
      {{"weight_copy", 0.8}, {"generation_gate_bias", -1.0}, {"mask_words", 0.3}, {"mask_words_from", 4}});
  ModelCase& recipe = cases.emplace_back(ModelCase{.name = "recipe options", .keys = tiny_keys("none")});
  recipe.keys["model"].update({{"pooling", "attention"}, {"emotion_input", true}});
  recipe.keys["training"].update({{"weight_situation", 0.6},
                                  {"policy_direction", "p_to_q"},
                                  {"policy_anneal_steps", 3},
                                  {"noise_scale", 0.6},
                                  {"emotion_smoothing", 0.2},
                                  {"listener_distributions", true},
                                  {"dropout_words", 0.2},
                                  {"dropout_encoder", 0.3},
                                  {"dropout_output", 0.25},
                                  {"sample_in_training", false}});
  ModelCase& content = cases.emplace_back(ModelCase{.name = "content input", .keys = tiny_keys("none")});
  content.keys["model"]["content_input"] = true;
  ModelCase& both = cases.emplace_back(ModelCase{.name = "emotion and content input", .keys = tiny_keys("none")});
  both.keys["model"].update({{"emotion_input", true}, {"content_input", true}});
  ModelCase& deep = cases.emplace_back(ModelCase{.name = "deep output", .keys = tiny_keys("none")});
  deep.keys["model"]["deep_output"] = true;
  deep.keys["training"].update({{"dropout_words", 0.2}, {"dropout_output", 0.25}});
  // p of (12) is a constant of the loss, which then is not what its gradient is the gradient of.
  for (ModelCase& one : cases) one.gradient_keys = {{"model", {{"constraint_gradient", true}}}};
  return cases;
}

// --- the textbook ----------------------------------------------------------------------------------------------------

reference::Switches switches_of(const Json& model, const Json& training) {
  const std::string ablation = model.at("ablation");
  return {.policy = ablation != "no_policy",
          .divergence = ablation != "no_gps",
          .party = ablation != "no_party",
          .emotion_cell = ablation != "no_emotion",
          .two_chains = ablation != "no_tracking",
          .unbounded = model.value("unbounded_energies", false),
          .pooling = model.value("pooling", "last") == "attention",
          .emotion_input = model.value("emotion_input", false),
          .content_input = model.value("content_input", false),
          .deep_output = model.value("deep_output", false),
          .reversed = training.value("policy_direction", "q_to_p") == "p_to_q",
          .distributions = training.value("listener_distributions", false),
          .smoothing = training.value("emotion_smoothing", 0.0),
          .noise_scale = training.value("noise_scale", 1.0),
          .listener_labels = model.at("listener_labels")};
}

// ε of the turn at this place: (11).
reference::Vector noise_at(const TextbookInput& input, std::int64_t place) {
  if (!input.sample_latent) return {};
  const std::int64_t width = input.config.at("model").at("emotion_state");
  const PhiloxStream random = random_stream(input.seed, Draw::latent_evaluation, 0);
  reference::Vector noise;
  for (std::int64_t j = 0; j < width; ++j)
    noise.push_back(random.normal(static_cast<std::uint64_t>(place * width + j)));
  return noise;
}

std::vector<reference::Dialogue> dialogues_of(const TextbookInput& input) {
  std::vector<reference::Dialogue> dialogues;
  for (const Example& example : input.examples) {
    reference::Dialogue& dialogue = dialogues.emplace_back();
    for (const TurnInput& turn : example.turns)
      dialogue.push_back(
          {.post = {turn.post.begin(), turn.post.end()},
           .response = {turn.response.begin(), turn.response.end()},
           .emotion = turn.emotion,
           .listener_label = turn.listener_label,
           .listener_distribution = {turn.listener_distribution.begin(), turn.listener_distribution.end()},
           .noise = noise_at(input, example.place + static_cast<std::int64_t>(dialogue.size()))});
  }
  return dialogues;
}

bool is_likeliest(const reference::Vector& logits, int label) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin() == label;
}

// The figures of section 8.
std::map<std::string, double> figures_of(const std::vector<reference::Dialogue>& dialogues,
                                         const reference::Result& result) {
  reference::Mean speaker, listener, nll, macro, coverage, unknown;
  int turns = 0;
  for (std::size_t d = 0; d < dialogues.size(); ++d) {
    reference::Mean of_dialogue;
    for (std::size_t t = 0; t < dialogues[d].size(); ++t, ++turns) {
      const reference::Turn& turn = dialogues[d][t];
      const reference::TurnState& state = result.states[d][t];
      const reference::DecodedTurn& decoded = result.decoded[d][t];
      if (turn.emotion >= 0) speaker.add(is_likeliest(state.speaker_logits, turn.emotion));
      if (turn.listener_label >= 0) listener.add(is_likeliest(state.listener_logits, turn.listener_label));
      reference::Mean of_turn;
      for (std::size_t i = 0; i < decoded.targets.size(); ++i) {
        of_turn.add(-decoded.log_probability[i]);
        nll.add(-decoded.log_probability[i]);
        coverage.add(decoded.steps[i].coverage_loss);
        unknown.add(decoded.targets[i] == reference::unknown);
      }
      of_dialogue.add(of_turn.value());
    }
    macro.add(of_dialogue.value());
  }
  const auto share = [](const reference::Mean& mean) { return mean.count == 0 ? std::nan("") : mean.value(); };
  return {{"speaker_accuracy", share(speaker)},
          {"listener_accuracy", share(listener)},
          {"perplexity_token", std::exp(nll.value())},
          {"perplexity_macro", std::exp(macro.value())},
          {"coverage", coverage.value()},
          {"policy_divergence", result.losses.policy.value_or(std::nan(""))},
          {"dialogues", static_cast<double>(dialogues.size())},
          {"turns", turns},
          {"listener_turns", listener.count},
          {"target_tokens", nll.count},
          {"unk_share", unknown.value()}};
}

TextbookPass textbook(const TextbookInput& input) {
  const Json& training = input.config.at("training");
  const reference::Weights weights{.emotion = training.at("weight_emotion"),
                                   .policy = training.at("weight_policy"),
                                   .generation = training.at("weight_generation"),
                                   .coverage = training.at("weight_coverage"),
                                   .copy = training.value("weight_copy", 0.0),
                                   .situation = training.value("weight_situation", 0.0)};
  const std::vector<reference::Dialogue> dialogues = dialogues_of(input);
  std::vector<reference::Situation> situations;
  for (const Example& example : input.examples)
    situations.push_back({.words = {example.text.begin(), example.text.end()}, .emotion = example.label});
  const reference::Result result =
      reference::forward(reference::parameters_of(*input.parameters), switches_of(input.config.at("model"), training),
                         weights, dialogues, weights.situation > 0 ? situations : std::vector<reference::Situation>{});
  const reference::Losses& losses = result.losses;
  TextbookPass pass{.losses = {{"generation", losses.generation}, {"coverage", losses.coverage}},
                    .total = losses.total,
                    .figures = figures_of(dialogues, result)};
  const auto add = [&](const char* name, std::optional<double> loss) {
    if (loss) pass.losses[name] = *loss;
  };
  add("emotion_speaker", losses.emotion_speaker);
  add("emotion_listener", losses.emotion_listener);
  add("policy", losses.policy);
  add("copy", losses.copy);
  add("emotion_situation", losses.situation);
  return pass;
}

}  // namespace

ModelCases ethreed_cases() { return {.model = "ethreed", .cases = tiny_cases(), .textbook = textbook}; }

}  // namespace ethreed
