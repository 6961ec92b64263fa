// DialogueRNN's cases: every variant, every attention, with and without labels of replies.

#include "model/dialogue_rnn/dialogue_rnn_textbook.h"
#include "model/interface/model_cases.h"

#include <algorithm>
#include <limits>

namespace ethreed {

namespace {

using Json = nlohmann::json;

ModelCase tiny_case(const char* variant, const char* attention, bool listener_labels, double dropout,
                    double dropout_head) {
  return {.name = std::string(variant) + ", " + attention + (listener_labels ? "" : ", labels of posts only"),
          .keys = {{"model",
                    {{"encoder", 3},
                     {"global_state", std::string(attention) == "dot" ? 6 : 4},
                     {"party_state", 5},
                     {"emotion_state", 7},
                     {"hidden", 8},
                     {"variant", variant},
                     {"attention", attention},
                     {"listener_labels", listener_labels}}},
                   {"training", {{"dropout", dropout}, {"dropout_head", dropout_head}}}}};
}

/// Logits of every utterance of a dialogue: P_1, R_1, P_2, …
std::vector<reference::Vector> label(const reference::Parameters& p, const Json& model, const Example& dialogue) {
  const std::string variant = model.at("variant"), kind = model.at("attention");
  std::vector<reference::Vector> u;
  for (const TurnInput& turn : dialogue.turns)
    for (const auto words : {turn.post, turn.response})
      u.push_back(reference::encode(p, {words.begin(), words.end()}).summary);
  std::vector<reference::Vector> e = reference::track_dialogue(p, "tracker", kind, variant == "listener_state", u, 0).e;
  if (variant.starts_with("bidirectional")) {
    std::reverse(u.begin(), u.end());
    std::vector<reference::Vector> reverse = reference::track_dialogue(p, "tracker.reverse", kind, false, u, 1).e;
    for (std::size_t k = 0; k < e.size(); ++k) e[k] = reference::joined({e[k], reverse[e.size() - 1 - k]});
  }
  if (variant == "bidirectional_attention") e = reference::attend_to_all(p, e);
  std::vector<reference::Vector> logits;
  for (const reference::Vector& state : e) logits.push_back(reference::label_logits(p, state));
  return logits;
}

int likeliest(const reference::Vector& logits) {
  return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// A label and what was said in its place.
struct Labelled {
  int label = 0, predicted = 0;
};

double weighted_f1(const std::vector<Labelled>& all, int classes) {
  double sum = 0;
  for (int c = 0; c < classes; ++c) {
    double true_positive = 0, false_positive = 0, false_negative = 0;
    for (const Labelled& one : all) {
      true_positive += one.label == c && one.predicted == c;
      false_positive += one.label != c && one.predicted == c;
      false_negative += one.label == c && one.predicted != c;
    }
    if (true_positive == 0) continue;
    const double precision = true_positive / (true_positive + false_positive);
    const double recall = true_positive / (true_positive + false_negative);
    sum += (true_positive + false_negative) / static_cast<double>(all.size()) * 2 * precision * recall /
           (precision + recall);
  }
  return all.empty() ? std::numeric_limits<double>::quiet_NaN() : sum;
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters p = reference::parameters_of(*input.parameters);
  const Json& model = input.config.at("model");
  const bool listener_labels = model.at("listener_labels");
  reference::Mean speaker, listener, right, listener_right;
  std::array<reference::Mean, 3> right_of_turn;
  std::vector<Labelled> posts;
  int turns = 0;
  for (const Example& dialogue : input.examples) {
    const std::vector<reference::Vector> logits = label(p, model, dialogue);
    for (std::size_t t = 0; t < dialogue.turns.size(); ++t, ++turns) {
      const TurnInput& turn = dialogue.turns[t];
      const reference::Vector &post = logits[2 * t], &response = logits[2 * t + 1];
      if (turn.emotion >= 0) {
        speaker.add(reference::cross_entropy(post, turn.emotion));
        right.add(likeliest(post) == turn.emotion);
        right_of_turn[std::min<std::size_t>(t, 2)].add(likeliest(post) == turn.emotion);
        posts.push_back({turn.emotion, likeliest(post)});
      }
      if (turn.listener_label >= 0 && listener_labels) {
        listener.add(reference::cross_entropy(response, turn.listener_label));
        listener_right.add(likeliest(response) == turn.listener_label);
      }
    }
  }
  const auto share = [](const reference::Mean& mean) {
    return mean.count == 0 ? std::numeric_limits<double>::quiet_NaN() : mean.value();
  };
  TextbookPass pass{.figures = {{"speaker_accuracy", share(right)},
                                {"speaker_accuracy_1", share(right_of_turn[0])},
                                {"speaker_accuracy_2", share(right_of_turn[1])},
                                {"speaker_accuracy_3_on", share(right_of_turn[2])},
                                {"weighted_f1", weighted_f1(posts, model.at("emotions"))},
                                {"cross_entropy", share(speaker)},
                                {"dialogues", static_cast<double>(input.examples.size())},
                                {"turns", turns},
                                {"labelled_turns", speaker.count}}};
  if (listener_labels) {
    pass.figures["listener_accuracy"] = share(listener_right);
    pass.figures["listener_turns"] = listener.count;
  }
  if (speaker.count > 0 || listener.count == 0)
    pass.losses["emotion_speaker"] = speaker.count > 0 ? speaker.value() : 0.0;
  if (listener.count > 0) pass.losses["emotion_listener"] = listener.value();
  for (const auto& [name, loss] : pass.losses) pass.total += loss;
  return pass;
}

}  // namespace

ModelCases dialogue_rnn_cases() {
  return {.model = "dialogue_rnn",
          .cases = {tiny_case("causal", "general", true, 0.3, 0.2), tiny_case("causal", "simple", false, 0.2, 0.0),
                    tiny_case("listener_state", "dot", true, 0.3, 0.25),
                    tiny_case("bidirectional", "simple", true, 0.2, 0.3),
                    tiny_case("bidirectional_attention", "general", true, 0.3, 0.2)},
          .textbook = textbook};
}

}  // namespace ethreed
