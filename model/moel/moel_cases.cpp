// MoEL's cases: over which listeners the gate goes, and what else can be switched.

#include "model/interface/model_cases.h"
#include "model/moel/moel_textbook.h"

namespace ethreed {

namespace {

using Json = nlohmann::json;

// In the steps that the properties ask for, the oracle's coin falls heads: there only a reply to a post without an
// emotion has listeners by its logits. Without the oracle every reply has.
std::vector<ModelCase> tiny_cases() {
  const auto sizes = [](int width, int heads, int depth, int inner, int layers) {
    return Json{{"width", width}, {"heads", heads}, {"depth", depth}, {"inner", inner}, {"layers", layers}};
  };
  ModelCase top{.name = "top 3, never the oracle, mean query, two layers, no smoothing",
                .keys = {{"model", sizes(4, 1, 3, 5, 2)}, {"training", {{"oracle", false}, {"label_smoothing", 0.0}}}}};
  top.keys["model"].update({{"top_k", 3}, {"query", "mean"}});
  ModelCase all{.name = "softmax over all listeners, oracle, short contexts",
                .keys = {{"model", sizes(8, 2, 8, 4, 1)}, {"training", {{"label_smoothing", 0.2}}}}};
  all.keys["model"].update({{"gate", "softmax"}, {"max_context", 4}});
  return {top, all};
}

// What is added up over the replies of all dialogues.
struct Sums {
  reference::Mean emotion_loss, right, right_of_3, right_of_5, nll, macro, of_reply;
  double generation = 0;
  int turns = 0, unknown = 0;
};

void read_dialogue(const reference::Parameters& p, const reference::MoelSwitches& s, const Example& dialogue,
                   Sums& sums) {
  reference::History history;
  reference::Mean of_dialogue;
  for (const TurnInput& turn : dialogue.turns) {
    ++sums.turns;
    const std::vector<int> reply(turn.response.begin(), turn.response.end());
    history.emplace_back(turn.post.begin(), turn.post.end());
    const reference::MoelReading read = reference::read_moel_context(p, s, history);
    if (turn.emotion >= 0) {
      sums.emotion_loss.add(reference::cross_entropy(read.logits, turn.emotion));
      const int rank = reference::rank_of(read.logits, static_cast<std::size_t>(turn.emotion));
      sums.right.add(rank == 0);
      sums.right_of_3.add(rank < 3);
      sums.right_of_5.add(rank < 5);
    }
    const reference::SaidReply said = reference::said(p, reference::moel_states(p, s, read, reply), reply, s.smoothing);
    sums.generation += said.loss;
    reference::Mean of_turn;
    for (const double nll : said.nll) {
      sums.nll.add(nll);
      of_turn.add(nll);
    }
    of_dialogue.add(of_turn.value());
    sums.of_reply.add(of_turn.value());
    for (const int word : reply)
      sums.unknown += word == reference::unknown || word >= p.at("embedding.weight").shape[0];
    history.push_back(reply);
  }
  sums.macro.add(of_dialogue.value());
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters p = reference::parameters_of(*input.parameters);
  const Json& model = input.config.at("model");
  const reference::MoelSwitches switches{
      .layers = model.at("layers"),
      .heads = model.at("heads"),
      .most = model.at("max_context"),
      .kept = model.at("gate") == "softmax" ? model.at("emotions").get<int>() : model.at("top_k").get<int>(),
      .mean_query = model.at("query") == "mean",
      .smoothing = input.config.at("training").at("label_smoothing")};
  Sums sums;
  for (const Example& dialogue : input.examples) read_dialogue(p, switches, dialogue, sums);
  const auto share = [](const reference::Mean& mean) { return mean.count == 0 ? std::nan("") : mean.value(); };
  TextbookPass pass{.losses = {{"generation", sums.generation}}};
  if (sums.emotion_loss.count > 0) pass.losses["emotion_speaker"] = sums.emotion_loss.value();
  for (const auto& [name, loss] : pass.losses) pass.total += loss;
  pass.figures = {{"perplexity_token", std::exp(sums.nll.value())},
                  {"perplexity_macro", std::exp(sums.macro.value())},
                  {"perplexity_reply", std::exp(sums.of_reply.value())},
                  {"speaker_accuracy", share(sums.right)},
                  {"speaker_accuracy_top_3", share(sums.right_of_3)},
                  {"speaker_accuracy_top_5", share(sums.right_of_5)},
                  {"dialogues", static_cast<double>(input.examples.size())},
                  {"turns", sums.turns},
                  {"target_tokens", sums.nll.count},
                  {"unk_share", static_cast<double>(sums.unknown) / sums.nll.count}};
  return pass;
}

}  // namespace

ModelCases moel_cases() {
  return {.model = "moel", .cases = tiny_cases(), .textbook = textbook, .sums = {"generation"}};
}

}  // namespace ethreed
