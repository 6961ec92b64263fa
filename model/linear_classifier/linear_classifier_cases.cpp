// The linear classifier's cases: both kinds of n-grams, every source of texts, so few buckets that pairs collide.

#include "model/interface/model_cases.h"
#include "model/interface/textbook.h"
#include "model/text/vocabulary.h"

namespace ethreed {

namespace {

using Json = nlohmann::json;

ModelCase tiny_case(const char* ngrams, const char* texts, const char* label_set, const char* loss) {
  return {.name = std::string(ngrams) + " of " + texts + ", " + loss,
          .keys = {{"model",
                    {{"buckets", 7}, {"ngrams", ngrams}, {"texts", texts}, {"label_set", label_set}, {"loss", loss}}}}};
}

std::vector<ModelCase> tiny_cases() {
  return {tiny_case("bigrams", "situations", "emotion", "squared_hinge"),
          tiny_case("unigrams", "posts", "emotion", "cross_entropy"),
          tiny_case("unigrams", "posts", "emotion", "squared_hinge"),
          tiny_case("bigrams", "utterances", "intent", "squared_hinge"),
          tiny_case("bigrams", "utterances", "intent", "cross_entropy")};
}

// The bucket of two neighbours: splitmix64 of one number with a above b.
int bucket(std::uint64_t a, std::uint64_t b, std::uint64_t buckets) {
  std::uint64_t z = (a << 32) + b + 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return static_cast<int>((z ^ (z >> 31)) % buckets);
}

// How often each feature occurs in a text; feature 0 once.
std::map<int, double> frequencies(const Json& model, std::span<const std::int32_t> text) {
  const int vocabulary = model.at("vocabulary");
  const auto is_word = [&](std::int32_t id) { return id >= special_count && id < vocabulary; };
  std::map<int, double> counts{{pad_id, 1.0}};
  for (std::size_t j = 0; j < text.size(); ++j) {
    if (!is_word(text[j])) continue;
    ++counts[text[j]];
    if (model.at("ngrams") == "bigrams" && j + 1 < text.size() && is_word(text[j + 1]))
      ++counts[vocabulary + bucket(static_cast<std::uint64_t>(text[j]), static_cast<std::uint64_t>(text[j + 1]),
                                   model.at("buckets"))];
  }
  return counts;
}

// s of a text, from x_f = idf_f tf_f / sqrt(sum of squares).
reference::Vector scores_of(const reference::Parameters& p, const Json& model, std::span<const std::int32_t> text) {
  const reference::Vector& idf = p.at("features.idf").values;
  const std::map<int, double> counts = frequencies(model, text);
  double square = 0;
  for (const auto& [feature, count] : counts) square += std::pow(idf[static_cast<std::size_t>(feature)] * count, 2);
  reference::Vector scores(static_cast<std::size_t>(p.at("features.weight").shape[1]), 0.0);
  for (const auto& [feature, count] : counts) {
    const double x = idf[static_cast<std::size_t>(feature)] * count / std::sqrt(square);
    const reference::Vector w = reference::row(p.at("features.weight"), feature);
    for (std::size_t k = 0; k < scores.size(); ++k) scores[k] += w[k] * x;
  }
  return scores;
}

double squared_hinge_of(const reference::Vector& scores, int label) {
  double sum = 0;
  for (std::size_t k = 0; k < scores.size(); ++k)
    sum += std::pow(std::max(0.0, 1 - (static_cast<int>(k) == label ? scores[k] : -scores[k])), 2);
  return sum;
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters parameters = reference::parameters_of(*input.parameters);
  const Json& model = input.config.at("model");
  std::vector<reference::Vector> scores;
  reference::Mean hinge;
  for (const Example& example : input.examples) {
    scores.push_back(scores_of(parameters, model, example.text));
    if (example.label >= 0) hinge.add(squared_hinge_of(scores.back(), example.label));
  }
  TextbookPass pass = reference::label_texts(input.examples, scores);
  if (model.at("loss") == "squared_hinge") {
    pass.total = hinge.count == 0 ? 0 : hinge.value();
    pass.losses = {{"squared_hinge", pass.total}};
  }
  return pass;
}

}  // namespace

ModelCases linear_classifier_cases() {
  return {.model = "linear_classifier", .cases = tiny_cases(), .textbook = textbook};
}

}  // namespace ethreed
