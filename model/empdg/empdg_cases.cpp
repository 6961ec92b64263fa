// EmpDG's cases: words of a lexicon and of the data, sums and means, long and short contexts.

#include "model/empdg/empdg_textbook.h"
#include "model/interface/model_cases.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

namespace ethreed {

namespace {

using Json = nlohmann::json;

// The lexicon of a case, read when its state is made: it is there as long as the program runs. Words of the tests' data
// sets are called word4, word5, …; some from word30 on are outside the vocabulary.
class CaseLexicon {
 public:
  CaseLexicon()
      : path_(std::filesystem::temp_directory_path() / ("ethreed-empdg-" + std::to_string(::getpid()) + ".txt")) {
    std::ofstream file(path_);
    for (const int word : {4, 5, 8, 9, 11, 14, 20, 28, 30}) file << "word" << word << '\n';
  }
  ~CaseLexicon() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  CaseLexicon(const CaseLexicon&) = delete;
  CaseLexicon& operator=(const CaseLexicon&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::vector<ModelCase> tiny_cases() {
  static const CaseLexicon lexicon;
  const auto sizes = [](int width, int heads, int depth, int inner, int layers) {
    return Json{{"width", width}, {"heads", heads}, {"depth", depth}, {"inner", inner}, {"layers", layers}};
  };
  ModelCase summed{
      .name = "a lexicon, sum, two layers, no smoothing",
      .keys = {{"model", sizes(4, 1, 3, 5, 2)}, {"training", {{"emotion_loss", "sum"}, {"label_smoothing", 0.0}}}},
      .sums = {"emotion_speaker"}};
  summed.keys["model"].update({{"emotion_words", "lexicon"}, {"lexicon", lexicon.path()}});
  ModelCase mean{
      .name = "words of the data, mean, short contexts",
      .keys = {{"model", sizes(8, 2, 8, 4, 1)}, {"training", {{"emotion_loss", "mean"}, {"label_smoothing", 0.2}}}}};
  mean.keys["model"].update({{"lexicon_count", 2}, {"lexicon_coverage", 0.3}, {"max_context", 4}});
  ModelCase copied{.name = "copied words, one head, two layers", .keys = {{"model", sizes(6, 1, 4, 3, 2)}}};
  copied.keys["model"].update({{"lexicon_count", 1}, {"lexicon_coverage", 0.5}, {"copy", true}});
  copied.sums = {"emotion_speaker"};
  return {summed, mean, copied};
}

// What is added up over the replies of all dialogues.
struct Sums {
  reference::Mean emotion_loss, right, emotion_words, nll, macro, of_reply;
  double generation = 0;
  int turns = 0, unknown = 0;
};

void read_dialogue(const reference::Parameters& p, const reference::EmpdgSwitches& s, const Example& dialogue,
                   Sums& sums) {
  reference::History history;
  reference::Mean of_dialogue;
  for (const TurnInput& turn : dialogue.turns) {
    ++sums.turns;
    const std::vector<int> reply(turn.response.begin(), turn.response.end());
    history.emplace_back(turn.post.begin(), turn.post.end());
    const reference::EmpdgReading read = reference::read_empdg_context(p, s, history);
    sums.emotion_words.add(read.emotion_words);
    if (turn.emotion >= 0) {
      sums.emotion_loss.add(reference::cross_entropy(read.logits, turn.emotion));
      const auto likeliest = std::max_element(read.logits.begin(), read.logits.end()) - read.logits.begin();
      sums.right.add(likeliest == turn.emotion);
    }
    const reference::Attended decoded = reference::empdg_states(p, s, read, reply);
    const reference::SaidReply said = s.copy ? reference::said_by_copying(p, read, decoded, reply, s.smoothing)
                                             : reference::said(p, decoded.output, reply, s.smoothing);
    sums.generation += said.loss;
    reference::Mean of_turn;
    for (const double nll : said.nll) {
      sums.nll.add(nll);
      of_turn.add(nll);
    }
    of_dialogue.add(of_turn.value());
    sums.of_reply.add(of_turn.value());
    sums.unknown += said.unknown;
    history.push_back(reply);
  }
  sums.macro.add(of_dialogue.value());
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters p = reference::parameters_of(*input.parameters);
  const Json &model = input.config.at("model"), &training = input.config.at("training");
  const reference::EmpdgSwitches switches{.layers = model.at("layers"),
                                          .heads = model.at("heads"),
                                          .most = model.at("max_context"),
                                          .copy = model.at("copy"),
                                          .smoothing = training.at("label_smoothing")};
  Sums sums;
  for (const Example& dialogue : input.examples) read_dialogue(p, switches, dialogue, sums);
  TextbookPass pass{.losses = {{"generation", sums.generation}}};
  if (sums.emotion_loss.count > 0)
    pass.losses["emotion_speaker"] =
        sums.emotion_loss.value() * (training.at("emotion_loss") == "sum" ? sums.emotion_loss.count : 1);
  for (const auto& [name, loss] : pass.losses) pass.total += loss;
  pass.figures = {{"perplexity_token", std::exp(sums.nll.value())},
                  {"perplexity_macro", std::exp(sums.macro.value())},
                  {"perplexity_reply", std::exp(sums.of_reply.value())},
                  {"speaker_accuracy", sums.right.count == 0 ? std::nan("") : sums.right.value()},
                  {"emotion_words_per_turn", sums.emotion_words.value()},
                  {"dialogues", static_cast<double>(input.examples.size())},
                  {"turns", sums.turns},
                  {"target_tokens", sums.nll.count},
                  {"unk_share", static_cast<double>(sums.unknown) / sums.nll.count}};
  return pass;
}

}  // namespace

ModelCases empdg_cases() {
  return {.model = "empdg", .cases = tiny_cases(), .textbook = textbook, .sums = {"generation"}};
}

}  // namespace ethreed
