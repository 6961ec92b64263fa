// The linear model's cases: both losses, with and without pairs of words, every source of texts.

#include "model/interface/model_cases.h"
#include "model/interface/textbook.h"

namespace ethreed {

namespace {

using Json = nlohmann::json;
using reference::Vector;

Json tiny_keys(std::string_view ngrams, std::string_view loss, std::string_view texts) {
  return {{"model",
           {{"buckets", 11},
            {"ngrams", ngrams},
            {"loss", loss},
            {"texts", texts},
            {"label_set", texts == "utterances" ? "intent" : "emotion"}}}};
}

// splitmix64's finaliser over both ids.
int bucket(int a, int b, int buckets) {
  std::uint64_t x =
      (static_cast<std::uint64_t>(a) * 4294967296ULL + static_cast<std::uint64_t>(b)) + 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return static_cast<int>((x ^ (x >> 31)) % static_cast<std::uint64_t>(buckets));
}

// tf of every feature of a text; feature 0 is the bias.
std::map<int, double> frequencies(const Json& model, std::span<const std::int32_t> text) {
  const int vocabulary = model.at("vocabulary");
  const auto word = [&](std::size_t j) { return j < text.size() && text[j] > 3 && text[j] < vocabulary; };
  std::map<int, double> tf{{0, 1.0}};
  for (std::size_t j = 0; j < text.size(); ++j) {
    if (!word(j)) continue;
    tf[text[j]] += 1;
    if (model.at("ngrams") == "bigrams" && word(j + 1))
      tf[vocabulary + bucket(text[j], text[j + 1], model.at("buckets"))] += 1;
  }
  return tf;
}

Vector scores_of(const reference::Parameters& p, const Json& model, std::span<const std::int32_t> text) {
  std::map<int, double> x = frequencies(model, text);
  double square = 0;
  for (auto& [feature, value] : x) {
    value *= p.at("features.idf").values[feature];
    square += value * value;
  }
  Vector scores(model.at("classes").get<int>(), 0.0);
  for (const auto& [feature, value] : x) {
    const Vector weights = reference::row(p.at("features.weight"), feature);
    for (std::size_t k = 0; k < scores.size(); ++k) scores[k] += value / std::sqrt(square) * weights[k];
  }
  return scores;
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters p = reference::parameters_of(*input.parameters);
  const Json& model = input.config.at("model");
  std::vector<Vector> all;
  reference::Mean hinge;
  for (const Example& text : input.examples) {
    const Vector& scores = all.emplace_back(scores_of(p, model, text.text));
    if (text.label < 0) continue;
    double loss = 0;
    for (std::size_t k = 0; k < scores.size(); ++k) {
      const double margin = 1 - (static_cast<int>(k) == text.label ? scores[k] : -scores[k]);
      loss += margin > 0 ? margin * margin : 0;
    }
    hinge.add(loss);
  }
  TextbookPass pass = reference::label_texts(input.examples, all);
  if (model.at("loss") == "cross_entropy") return pass;
  pass.total = hinge.count == 0 ? 0.0 : hinge.value();
  pass.losses = {{"squared_hinge", pass.total}};
  return pass;
}

}  // namespace

ModelCases linear_classifier_cases() {
  return {.model = "linear_classifier",
          .cases = {{.name = "bigrams", .keys = tiny_keys("bigrams", "squared_hinge", "situations")},
                    {.name = "unigrams", .keys = tiny_keys("unigrams", "squared_hinge", "posts")},
                    {.name = "cross-entropy", .keys = tiny_keys("bigrams", "cross_entropy", "utterances")}},
          .textbook = textbook};
}

}  // namespace ethreed
