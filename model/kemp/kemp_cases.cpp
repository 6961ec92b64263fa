// KEMP's cases: both masks, the ablations, with and without knowledge.

#include "model/interface/model_cases.h"
#include "model/kemp/kemp_textbook.h"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace ethreed {

namespace {

using Json = nlohmann::json;

// The knowledge of a case is read from files when its state is made: they are there as long as the program runs. Words
// of the tests' data sets are called word4, word5, …
class CaseFiles {
 public:
  CaseFiles() : folder_(std::filesystem::temp_directory_path() / ("ethreed-kemp-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    // Intense words: 4, 5, 8, 9, 20. Words 9 and 20 are equally intense. Word 30 and those after it are outside V.
    std::ofstream(lexicon()) << "word\tvalence\tarousal\tdominance\n"
                                "word4\t0.95\t0.8\t0.5\nword5\t0.05\t0.9\t0.4\nword6\t0.5\t0.3\t0.2\n"
                                "word7\t0.3\t0.1\t0.2\nword8\t0.9\t0.7\t0.1\nword9\t0.1\t0.6\t0.9\n"
                                "word12\t0.6\t0.5\t0.5\nword20\t0.9\t0.6\t0.3\nword30\t0.9\t0.9\t0.9\n";
    std::ofstream(concepts()) << "word4 word5\nword4 word8\nword5 word4\nword6 word9\nword6 word8\nword8 word20\n"
                                 "word9 word4\nword10 word20\nword13 word9\nword15 word7\nword16 word20\n"
                                 "word18 word8\nword21 word5\nword29 word9\nword30 word4\n";
  }
  ~CaseFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  CaseFiles(const CaseFiles&) = delete;
  CaseFiles& operator=(const CaseFiles&) = delete;
  std::string lexicon() const { return (folder_ / "lexicon.txt").string(); }
  std::string concepts() const { return (folder_ / "concepts.txt").string(); }

 private:
  std::filesystem::path folder_;
};

std::vector<ModelCase> tiny_cases() {
  static const CaseFiles files;
  const auto sizes = [](int width, int heads, int depth, int inner, int layers) {
    return Json{{"width", width}, {"heads", heads}, {"depth", depth}, {"inner", inner}, {"layers", layers}};
  };
  const auto with_knowledge = [&](ModelCase one) {
    one.keys["model"]["knowledge"] = "concept_map";
    one.keys["training"].update({{"lexicon", files.lexicon()}, {"concepts", files.concepts()}});
    return one;
  };
  ModelCase whole{.name = "zeros off the edges",
                  .keys = {{"model", sizes(8, 2, 4, 5, 1)}, {"training", {{"weight_attention", 30.0}}}}};
  ModelCase strict{
      .name = "strict mask, two concepts a word, three a context, short contexts, two layers",
      .keys = {{"model", sizes(4, 1, 3, 5, 2)},
               {"training", {{"label_smoothing", 0.2}, {"graph_dropout", 0.5}, {"weight_attention", 30.0}}}}};
  strict.keys["model"].update(
      {{"graph_mask", "strict"}, {"concepts_per_word", 2}, {"total_concepts", 3}, {"max_context", 6}});
  ModelCase without_graph{.name = "without ECE, no copy",
                          .keys = {{"model", sizes(4, 1, 3, 5, 1)}, {"training", {{"weight_attention", 30.0}}}}};
  without_graph.keys["model"].update({{"variant", "without_ece"}, {"copy", false}});
  ModelCase without_fusion{
      .name = "without EDD, no copy, no dropout",
      .keys = {{"model", sizes(8, 2, 4, 3, 1)}, {"training", {{"graph_dropout", 0.0}, {"label_smoothing", 0.0}}}}};
  without_fusion.keys["model"].update({{"variant", "without_edd"}, {"copy", false}});
  ModelCase nothing_known{.name = "no knowledge", .keys = {{"model", sizes(8, 2, 4, 4, 1)}, {"training", {}}}};
  return {with_knowledge(whole), with_knowledge(strict), with_knowledge(without_graph), with_knowledge(without_fusion),
          nothing_known};
}

// What is added up over the replies of all dialogues.
struct Sums {
  reference::Mean attention, right, nll, macro, concepts, of_reply;
  double generation = 0, emotion = 0;
  int turns = 0, unknown = 0;
};

void read_dialogue(const reference::Parameters& p, const reference::KempSwitches& s, const Example& dialogue,
                   Sums& sums) {
  reference::History history;
  reference::Mean of_dialogue;
  for (const TurnInput& turn : dialogue.turns) {
    ++sums.turns;
    const std::vector<int> reply(turn.response.begin(), turn.response.end());
    history.emplace_back(turn.post.begin(), turn.post.end());
    const reference::KempReading read = reference::read_kemp_context(p, s, history);
    if (turn.emotion >= 0) {
      sums.emotion += reference::cross_entropy(read.logits, turn.emotion);
      sums.right.add(std::max_element(read.logits.begin(), read.logits.end()) - read.logits.begin() == turn.emotion);
    }
    sums.concepts.add(read.concepts);
    const reference::KempSaid said = reference::say(p, s, read, reply);
    sums.generation += said.reply.loss;
    sums.attention.add(said.attention);
    reference::Mean of_turn;
    for (const double nll : said.reply.nll) {
      sums.nll.add(nll);
      of_turn.add(nll);
    }
    of_dialogue.add(of_turn.value());
    sums.of_reply.add(of_turn.value());
    sums.unknown += said.reply.unknown;
    history.push_back(reply);
  }
  sums.macro.add(of_dialogue.value());
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters p = reference::parameters_of(*input.parameters);
  const Json &model = input.config.at("model"), &training = input.config.at("training");
  const reference::KempSwitches switches{.layers = model.at("layers"),
                                         .heads = model.at("heads"),
                                         .most = model.at("max_context"),
                                         .per_word = model.at("concepts_per_word"),
                                         .total = model.at("total_concepts"),
                                         .knowledge = model.at("knowledge") != "none",
                                         .strict = model.at("graph_mask") == "strict",
                                         .graph = model.at("variant") != "without_ece",
                                         .fusion = model.at("variant") != "without_edd",
                                         .copy = model.at("copy"),
                                         .smoothing = training.at("label_smoothing"),
                                         .weight_attention = training.at("weight_attention")};
  Sums sums;
  for (const Example& dialogue : input.examples) read_dialogue(p, switches, dialogue, sums);
  TextbookPass pass{.losses = {{"generation", sums.generation}}};
  if (sums.right.count > 0) pass.losses["emotion_speaker"] = sums.emotion;
  if (switches.knowledge && switches.fusion)
    pass.losses["attention"] = switches.weight_attention * sums.attention.value();
  for (const auto& [name, loss] : pass.losses) pass.total += loss;
  pass.figures = {{"perplexity_token", std::exp(sums.nll.value())},
                  {"perplexity_macro", std::exp(sums.macro.value())},
                  {"perplexity_reply", std::exp(sums.of_reply.value())},
                  {"speaker_accuracy", sums.right.count == 0 ? std::nan("") : sums.right.value()},
                  {"dialogues", static_cast<double>(input.examples.size())},
                  {"turns", sums.turns},
                  {"target_tokens", sums.nll.count},
                  {"unk_share", static_cast<double>(sums.unknown) / sums.nll.count}};
  if (switches.knowledge && switches.graph) pass.figures["concepts_per_reply"] = sums.concepts.value();
  return pass;
}

}  // namespace

ModelCases kemp_cases() {
  return {.model = "kemp", .cases = tiny_cases(), .textbook = textbook, .sums = {"generation", "emotion_speaker"}};
}

}  // namespace ethreed
