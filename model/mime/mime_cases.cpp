// MIME's cases: whose sample the decoder learns from, and what else can be switched.

#include "model/blocks/random_streams.h"
#include "model/interface/model_cases.h"
#include "model/mime/mime_textbook.h"

#include <algorithm>
#include <array>

namespace ethreed {

namespace {

using Json = nlohmann::json;

// In the shortest context that is cut, four positions, CLS is one of them.
std::vector<ModelCase> tiny_cases() {
  const auto sizes = [](int width, int heads, int depth, int inner, int layers) {
    return Json{{"width", width}, {"heads", heads}, {"depth", depth}, {"inner", inner}, {"layers", layers}};
  };
  ModelCase released{.name = "prior, shared log variance, short contexts",
                     .keys = {{"model", sizes(8, 2, 4, 5, 1)}, {"training", {{"label_smoothing", 0.2}}}}};
  released.keys["model"].update({{"decoder_sample", "prior"}, {"shared_log_variance", true}, {"max_context", 4}});
  ModelCase paper{.name = "prior, one encoder of two layers, no sample in training, no smoothing",
                  .keys = {{"model", sizes(4, 1, 3, 5, 2)},
                           {"training", {{"sample_in_training", false}, {"label_smoothing", 0.0}}}}};
  paper.keys["model"].update(
      {{"decoder_sample", "prior"}, {"one_mimicry_encoder", true}, {"positive_emotions", "afraid sad joyful"}});
  ModelCase posterior{.name = "posterior", .keys = {{"model", sizes(8, 3, 6, 4, 1)}}};
  posterior.keys["model"]["decoder_sample"] = "posterior";
  return {released, paper, posterior};
}

// --- the textbook ----------------------------------------------------------------------------------------------------

using reference::Vector;

// r of z_+ and z_− of the turn at this place; the posterior's come after the prior's.
reference::MimeNoises noise_at(const TextbookInput& input, std::int64_t place, bool posterior) {
  reference::MimeNoises noise;
  if (!input.sample_latent) return noise;
  const std::int64_t width = input.config.at("model").at("width");
  for (std::uint64_t g = 0; g < noise.size(); ++g) {
    const PhiloxStream random = random_stream(input.seed, Draw::latent_evaluation, (posterior ? 2U : 0U) + g);
    for (std::int64_t j = 0; j < width; ++j)
      noise[g].push_back(random.normal(static_cast<std::uint64_t>(place * width + j)));
  }
  return noise;
}

// What is added up over the replies of all dialogues.
struct Sums {
  reference::Mean emotion_loss, right, right_group, nll, gold_nll, macro, gold_macro, of_reply, gold_of_reply;
  double generation = 0;
  std::array<double, 2> divergence{};
  int turns = 0, unknown = 0;
};

void read_dialogue(const TextbookInput& input, const reference::Parameters& p, const reference::MimeSwitches& s,
                   const Example& dialogue, Sums& sums) {
  reference::History history;
  reference::Mean of_dialogue, gold_of_dialogue;
  for (std::size_t t = 0; t < dialogue.turns.size(); ++t, ++sums.turns) {
    const TurnInput& turn = dialogue.turns[t];
    const std::int64_t place = dialogue.place + static_cast<std::int64_t>(t);
    const std::vector<int> reply(turn.response.begin(), turn.response.end());
    history.emplace_back(turn.post.begin(), turn.post.end());
    const reference::MimeContextReading read = reference::read_mime_context(p, s, history);
    const auto likeliest =
        static_cast<std::size_t>(std::max_element(read.logits.begin(), read.logits.end()) - read.logits.begin());
    const bool labelled = turn.emotion >= 0, predicted = s.groups[likeliest] == '+';
    const bool gold = labelled ? s.groups[static_cast<std::size_t>(turn.emotion)] == '+' : predicted;
    const auto emotions = reference::emotions_of(p, s.groups, read.prior, noise_at(input, place, false));
    const auto of_gold = reference::mimicry_of(p, s, read.states, emotions, gold);
    const auto of_predicted = reference::mimicry_of(p, s, read.states, emotions, predicted);
    if (labelled) {
      sums.emotion_loss.add(reference::cross_entropy(read.logits, turn.emotion));
      sums.right.add(static_cast<int>(likeliest) == turn.emotion);
      sums.right_group.add(predicted == gold);
      const reference::MimeNormals posterior = reference::posterior_of(p, s, read.states.front(), of_gold, gold);
      for (std::size_t g = 0; g < 2; ++g) sums.divergence[g] += reference::divergence(posterior[g], read.prior[g]);
      const auto drawn = reference::emotions_of(p, s.groups, posterior, noise_at(input, place, true));
      sums.generation +=
          reference::say(p, s, s.posterior_sample ? reference::mimicry_of(p, s, read.states, drawn, gold) : of_gold,
                         reply)
              .loss;
    }
    reference::Mean of_turn, gold_of_turn;
    for (const double nll : reference::say(p, s, of_predicted, reply).nll) {
      sums.nll.add(nll);
      of_turn.add(nll);
    }
    for (const double nll : reference::say(p, s, of_gold, reply).nll) {
      sums.gold_nll.add(nll);
      gold_of_turn.add(nll);
    }
    of_dialogue.add(of_turn.value());
    sums.of_reply.add(of_turn.value());
    gold_of_dialogue.add(gold_of_turn.value());
    sums.gold_of_reply.add(gold_of_turn.value());
    for (const int word : reply)
      sums.unknown += word == reference::unknown || word >= p.at("embedding.weight").shape[0];
    history.push_back(reply);
  }
  sums.macro.add(of_dialogue.value());
  sums.gold_macro.add(gold_of_dialogue.value());
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters p = reference::parameters_of(*input.parameters);
  const Json& model = input.config.at("model");
  const reference::MimeSwitches switches{.groups = model.at("emotion_groups"),
                                         .layers = model.at("layers"),
                                         .heads = model.at("heads"),
                                         .most = model.at("max_context"),
                                         .posterior_sample = model.at("decoder_sample") == "posterior",
                                         .shared_log_variance = model.at("shared_log_variance"),
                                         .one_encoder = model.at("one_mimicry_encoder"),
                                         .smoothing = input.config.at("training").at("label_smoothing")};
  Sums sums;
  for (const Example& dialogue : input.examples) read_dialogue(input, p, switches, dialogue, sums);
  const auto share = [](const reference::Mean& mean) { return mean.count == 0 ? std::nan("") : mean.value(); };
  TextbookPass pass{.losses = {{"generation", sums.generation},
                               {"divergence_positive", sums.divergence[0]},
                               {"divergence_negative", sums.divergence[1]}}};
  if (sums.emotion_loss.count > 0) pass.losses["emotion_speaker"] = sums.emotion_loss.value();
  for (const auto& [name, loss] : pass.losses) pass.total += loss;
  const double divergence = sums.divergence[0] + sums.divergence[1];
  pass.figures = {
      {"perplexity_token", std::exp(sums.nll.value())},
      {"perplexity_macro", std::exp(sums.macro.value())},
      {"perplexity_reply", std::exp(sums.of_reply.value())},
      {"perplexity_gold_group", std::exp(sums.gold_nll.value())},
      {"perplexity_gold_group_macro", std::exp(sums.gold_macro.value())},
      {"perplexity_gold_group_reply", std::exp(sums.gold_of_reply.value())},
      {"speaker_accuracy", share(sums.right)},
      {"group_accuracy", share(sums.right_group)},
      {"divergence_per_reply", sums.emotion_loss.count == 0 ? std::nan("") : divergence / sums.emotion_loss.count},
      {"dialogues", static_cast<double>(input.examples.size())},
      {"turns", sums.turns},
      {"target_tokens", sums.nll.count},
      {"unk_share", static_cast<double>(sums.unknown) / sums.nll.count}};
  return pass;
}

}  // namespace

ModelCases mime_cases() {
  return {.model = "mime",
          .cases = tiny_cases(),
          .textbook = textbook,
          .sums = {"generation", "divergence_positive", "divergence_negative"}};
}

}  // namespace ethreed
