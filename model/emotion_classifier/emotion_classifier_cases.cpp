// The emotion classifier's cases: every pooling, every source of texts.

#include "model/interface/model_cases.h"
#include "model/interface/textbook.h"

namespace ethreed {

namespace {

using Json = nlohmann::json;

ModelCase tiny_case(const char* pooling, const char* texts, const char* label_set, double dropout) {
  return {
      .name = std::string(pooling) + " over " + texts,
      .keys = {{"model",
                {{"encoder", 4}, {"attention", 7}, {"pooling", pooling}, {"texts", texts}, {"label_set", label_set}}},
               {"training", {{"dropout", dropout}}}}};
}

// α_j of the tokens of a text.
reference::Vector weights_of(const reference::Parameters& p, const Json& model,
                             const std::vector<reference::Vector>& states) {
  reference::Vector scores(states.size(), 0.0);
  if (model.at("pooling") == "attention")
    for (std::size_t j = 0; j < states.size(); ++j)
      scores[j] = reference::product(p.at("attention.vector"),
                                     reference::tanh_of(reference::affine(p, "attention", states[j])))[0];
  return reference::softmax(scores);
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters p = reference::parameters_of(*input.parameters);
  const Json& model = input.config.at("model");
  std::vector<reference::Vector> logits;
  for (const Example& example : input.examples) {
    const reference::Utterance encoded = reference::encode(p, {example.text.begin(), example.text.end()});
    reference::Vector text = encoded.summary;
    if (model.at("pooling") != "last") {
      const reference::Vector weights = weights_of(p, model, encoded.states);
      std::fill(text.begin(), text.end(), 0.0);
      for (std::size_t j = 0; j < weights.size(); ++j)
        for (std::size_t k = 0; k < text.size(); ++k) text[k] += weights[j] * encoded.states[j][k];
    }
    logits.push_back(reference::affine(p, "classifier", text));
  }
  return reference::label_texts(input.examples, logits);
}

}  // namespace

ModelCases emotion_classifier_cases() {
  return {
      .model = "emotion_classifier",
      .cases = {tiny_case("attention", "situations", "emotion", 0.3), tiny_case("mean", "posts", "emotion", 0.4),
                tiny_case("last", "utterances", "intent", 0.2), tiny_case("attention", "utterances", "intent", 0.0)},
      .textbook = textbook};
}

}  // namespace ethreed
