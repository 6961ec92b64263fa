// The linear classifier's cases: both kinds of n-grams, every source of texts, so few buckets that pairs collide.

#include "model/interface/model_cases.h"
#include "model/interface/textbook.h"
#include "model/text/vocabulary.h"

namespace ethreed {

namespace {

using Json = nlohmann::json;

Json keys_of(const char* ngrams, const char* texts, const char* label_set) {
  return {{"model", {{"buckets", 7}, {"ngrams", ngrams}, {"texts", texts}, {"label_set", label_set}}}};
}

std::vector<ModelCase> tiny_cases() {
  return {{.name = "bigrams of situations", .keys = keys_of("bigrams", "situations", "emotion")},
          {.name = "unigrams of posts", .keys = keys_of("unigrams", "posts", "emotion")},
          {.name = "bigrams of utterances", .keys = keys_of("bigrams", "utterances", "intent")}};
}

// The bucket of two neighbours: splitmix64 of one number with a above b.
int bucket(std::uint64_t a, std::uint64_t b, std::uint64_t buckets) {
  std::uint64_t z = (a << 32) + b + 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return static_cast<int>((z ^ (z >> 31)) % buckets);
}

// How often each feature occurs in a text.
std::map<int, double> frequencies(const Json& model, std::span<const std::int32_t> text) {
  const int vocabulary = model.at("vocabulary");
  const auto is_word = [&](std::int32_t id) { return id >= special_count && id < vocabulary; };
  std::map<int, double> counts;
  for (std::size_t j = 0; j < text.size(); ++j) {
    if (!is_word(text[j])) continue;
    ++counts[text[j]];
    if (model.at("ngrams") == "bigrams" && j + 1 < text.size() && is_word(text[j + 1]))
      ++counts[vocabulary + bucket(static_cast<std::uint64_t>(text[j]), static_cast<std::uint64_t>(text[j + 1]),
                                   model.at("buckets"))];
  }
  return counts;
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters parameters = reference::parameters_of(*input.parameters);
  const reference::Parameter& weight = parameters.at("features.weight");
  std::vector<reference::Vector> logits;
  for (const Example& example : input.examples) {
    const std::map<int, double> counts = frequencies(input.config.at("model"), example.text);
    double square = 0;
    for (const auto& [feature, count] : counts) square += count * count;
    reference::Vector& y = logits.emplace_back(reference::row(weight, pad_id));
    for (const auto& [feature, count] : counts) {
      const reference::Vector w = reference::row(weight, feature);
      for (std::size_t k = 0; k < y.size(); ++k) y[k] += w[k] * count / std::sqrt(square);
    }
  }
  return reference::label_texts(input.examples, logits);
}

}  // namespace

ModelCases linear_classifier_cases() {
  return {.model = "linear_classifier", .cases = tiny_cases(), .textbook = textbook};
}

}  // namespace ethreed
