// EmpHi's cases: the whole model, its ablations and switches, and a textbook of each.

#include "model/blocks/random_streams.h"
#include "model/emphi/config.h"
#include "model/emphi/emphi_textbook.h"
#include "model/interface/model_cases.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

using Json = nlohmann::json;
using reference::Vector;

Json tiny_keys(std::string_view variant) {
  return {{"model", {{"keywords", 3}, {"variant", variant}}},
          {"training", {{"weight_intent", 0.7}, {"weight_emotion", 0.6}, {"weight_copy", 1.3}}}};
}

std::vector<ModelCase> tiny_cases() {
  std::vector<ModelCase> cases;
  for (const std::string_view variant : EmphiConfig::variant_names)
    cases.push_back({.name = std::string(variant), .keys = tiny_keys(variant)});
  ModelCase& switches =
      cases.emplace_back(ModelCase{.name = "released states, neutral, short context", .keys = tiny_keys("emphi")});
  switches.keys["model"].update({{"states", "released"}, {"context_tokens", 4}, {"keywords", 2}});
  switches.keys["training"].update({{"unlabelled", "neutral"}, {"update_gate_bias", 0.5}});
  for (const std::string variant : {"emphi", "no_explicit"}) {
    ModelCase& soft =
        cases.emplace_back(ModelCase{.name = "probabilities of a classifier, " + variant, .keys = tiny_keys(variant)});
    soft.keys["training"]["unlabelled"] = "classifier";
  }
  return cases;
}

// --- the textbook ----------------------------------------------------------------------------------------------------

// log p_z(k) + Gumbel noise is largest.
int drawn(const TextbookInput& input, const Vector& logits, std::int64_t place) {
  const PhiloxStream random = random_stream(input.seed, Draw::latent_evaluation, 0);
  const Vector p = reference::softmax(logits);
  Vector noisy;
  for (std::size_t k = 0; k < p.size(); ++k) {
    const double u = random.uniform(static_cast<std::uint64_t>(place) * p.size() + k);
    noisy.push_back(std::log(p[k]) - std::log(-std::log(u)));
  }
  return static_cast<int>(std::max_element(noisy.begin(), noisy.end()) - noisy.begin());
}

int likeliest(const Vector& logits) {
  return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

struct Sums {
  reference::Mean generation, intent, emotion, copy;  // losses
  reference::Mean likeliest_intent;                   // −log p_z(z*)
  reference::Mean reply, argmax, gold, macro, right;  // of tokens, of dialogues, of turns
  std::array<reference::Mean, 3> top;                 // of labelled replies
  double marginal = 0;
  int turns = 0, unknown = 0;
};

std::vector<int> keywords_of(const reference::Parameters& p, int z) {
  const auto table = p.find("intent.keywords");
  if (table == p.end()) return {};
  std::vector<int> words;
  for (const double id : reference::row(table->second, z)) words.push_back(static_cast<int>(std::lround(id)));
  return words;
}

void answer(const TextbookInput& input, const reference::Parameters& p, const reference::EmphiSwitches& switches,
            const std::vector<int>& said, const TurnInput& turn, std::int64_t place, reference::Mean& of_dialogue,
            Sums& sums) {
  const Json& training = input.config.at("training");
  const int vocabulary = p.at("embedding.weight").shape[0], intents = p.at("intent.output.weight").shape[0];
  const reference::EmphiRead read = reference::emphi_read(p, switches, said);
  std::vector<int> reply;
  for (const std::int32_t word : turn.response) reply.push_back(word < vocabulary ? word : reference::unknown);
  const int label = turn.reply_class < 0 && training.at("unlabelled") == "neutral" ? 8 : turn.reply_class;
  const reference::EmphiIntent known =
      reference::emphi_intent(switches, label, {turn.reply_distribution.begin(), turn.reply_distribution.end()},
                              static_cast<std::size_t>(intents));
  const int own = known.likeliest;
  const int best = likeliest(read.intent_logits), written = own < 0 ? best : own;
  const int chosen = input.sample_latent ? drawn(input, read.intent_logits, place) : best;
  const Vector prior = reference::softmax(read.intent_logits);
  if (turn.emotion >= 0) {
    sums.emotion.add(reference::cross_entropy(read.emotion_logits, turn.emotion));
    sums.right.add(likeliest(read.emotion_logits) == turn.emotion);
  }
  if (own >= 0) {
    sums.intent.add(reference::emphi_divergence(known.q, prior));
    sums.likeliest_intent.add(-std::log(prior[own]));
    const auto better = std::count_if(prior.begin(), prior.end(), [&](double x) { return x > prior[own]; });
    for (std::size_t k = 0; k < sums.top.size(); ++k) sums.top[k].add(better <= static_cast<std::ptrdiff_t>(k));
  }
  double whole = 0;
  reference::Mean of_turn;
  for (int z = 0; z < intents; ++z) {
    const std::vector<int> keywords = keywords_of(p, z);
    const reference::EmphiReply said_by = reference::emphi_reply(p, switches, read, reply, z, keywords);
    double probability = prior[z];
    for (std::size_t i = 0; i < reply.size(); ++i) {
      const double log_p = said_by.log_probability[i];
      probability *= std::exp(log_p);
      if (z == written) sums.generation.add(-log_p);
      if (z == written) sums.gold.add(-log_p);
      if (z == best) sums.argmax.add(-log_p);
      if (z == chosen) sums.reply.add(-log_p);
      if (z == chosen) of_turn.add(-log_p);
      if (z != own || !switches.copying) continue;
      const bool keyword = std::find(keywords.begin(), keywords.end(), reply[i]) != keywords.end();
      sums.copy.add(-std::log(keyword ? said_by.copy[i] : 1 - said_by.copy[i]));
    }
    whole += probability;
  }
  of_dialogue.add(of_turn.value());
  sums.marginal -= std::log(whole);
  for (const int word : reply) sums.unknown += word == reference::unknown;
  ++sums.turns;
}

// U_1, a separator, U_2, …, without EOS, the last ones of it; one separator where there is nothing.
std::vector<int> context_of(const Example& dialogue, std::size_t t, std::size_t most) {
  std::vector<int> words;
  const auto add = [&](std::span<const std::int32_t> utterance) {
    words.insert(words.end(), utterance.begin(), utterance.end() - 1);
  };
  for (std::size_t k = 0; k < t; ++k) {
    add(dialogue.turns[k].post);
    words.push_back(0);
    add(dialogue.turns[k].response);
    words.push_back(0);
  }
  add(dialogue.turns[t].post);
  if (words.empty()) words.push_back(0);
  if (words.size() > most) words.erase(words.begin(), words.end() - static_cast<std::ptrdiff_t>(most));
  return words;
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters p = reference::parameters_of(*input.parameters);
  const Json &model = input.config.at("model"), &training = input.config.at("training");
  const std::string variant = model.at("variant");
  const reference::EmphiSwitches switches{.implicit = variant != "no_implicit",
                                          .gates = variant != "no_gates",
                                          .copying = variant != "no_explicit",
                                          .released_states = model.at("states") == "released",
                                          .distributions = training.at("unlabelled") == "classifier"};
  Sums sums;
  for (const Example& dialogue : input.examples) {
    reference::Mean of_dialogue;
    for (std::size_t t = 0; t < dialogue.turns.size(); ++t)
      answer(input, p, switches, context_of(dialogue, t, model.at("context_tokens")), dialogue.turns[t],
             dialogue.place + static_cast<std::int64_t>(t), of_dialogue, sums);
    sums.macro.add(of_dialogue.value());
  }
  const auto share = [](const reference::Mean& mean) { return mean.count == 0 ? std::nan("") : mean.value(); };
  const double tokens = sums.generation.count;
  TextbookPass pass{.losses = {{"generation", sums.generation.value()}}, .total = sums.generation.value()};
  const auto add = [&](const char* name, const reference::Mean& mean, const char* weight) {
    if (mean.count == 0) return;
    pass.losses[name] = mean.value();
    pass.total += training.at(weight).get<double>() * mean.value();
  };
  add("intent", sums.intent, "weight_intent");
  add("emotion_speaker", sums.emotion, "weight_emotion");
  add("copy", sums.copy, "weight_copy");
  pass.figures = {{"perplexity_token", std::exp(sums.reply.value())},
                  {"perplexity_macro", std::exp(sums.macro.value())},
                  {"perplexity_marginal", std::exp(sums.marginal / tokens)},
                  {"perplexity_prior_argmax", std::exp(sums.argmax.value())},
                  {"perplexity_gold_intent", std::exp(sums.gold.value())},
                  {"speaker_accuracy", share(sums.right)},
                  {"intent_accuracy", share(sums.top[0])},
                  {"intent_accuracy_top_2", share(sums.top[1])},
                  {"intent_accuracy_top_3", share(sums.top[2])},
                  {"intent_cross_entropy", share(sums.likeliest_intent)},
                  {"dialogues", static_cast<double>(input.examples.size())},
                  {"turns", sums.turns},
                  {"intent_turns", sums.intent.count},
                  {"target_tokens", tokens},
                  {"unk_share", sums.unknown / tokens}};
  return pass;
}

}  // namespace

ModelCases emphi_cases() { return {.model = "emphi", .cases = tiny_cases(), .textbook = textbook}; }

}  // namespace ethreed
