#include "model/linear_classifier/linear_classifier.h"

#include "autograd/functions/embedding_bag_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/interface/loss_terms.h"
#include "model/interface/make_model.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

// The feature of two neighbours: a mixed hash of both ids (the finaliser of splitmix64).
std::int32_t pair_feature(const LinearClassifierConfig& config, std::int32_t a, std::int32_t b) {
  std::uint64_t x = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(a)) << 32 | static_cast<std::uint32_t>(b)) +
                    0x9E37'79B9'7F4A'7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EBULL;
  x ^= x >> 31;
  return config.vocabulary + static_cast<std::int32_t>(x % static_cast<std::uint64_t>(config.buckets));
}

bool is_word(const LinearClassifierConfig& config, std::int32_t id) {
  return id >= special_count && id < config.vocabulary;
}

template <class T>
Variable<T> bag_logits(Tape<T>& tape, const LinearClassifierParameters<Variable<T>>& parameters,
                       const NgramBatch& batch) {
  Context& context = tape.context();
  const auto count = static_cast<std::int64_t>(batch.values.size());
  T* values = context.arena.template allocate<T>(count);
  std::transform(batch.values.begin(), batch.values.end(), values, [](double x) { return static_cast<T>(x); });
  const View<const T> weight(context.to_device(values, count), {count});
  return embedding_bag<T>(tape, parameters.weight, batch.offsets, batch.ids, weight);
}

}  // namespace

void NgramBatch::build(const LinearClassifierConfig& config, std::span<const Example> texts) {
  labels.clear();
  ids.clear();
  values.clear();
  offsets.assign(1, 0);
  labelled = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::span<const std::int32_t> words = texts[i].text;
    ETHREED_CHECK(!words.empty(), "NgramBatch: example {} is no text; a text ends with EOS", i);
    features_.clear();
    for (std::size_t j = 0; j < words.size(); ++j) {
      if (!is_word(config, words[j])) continue;
      features_.push_back(words[j]);
      if (config.has_bigrams() && j + 1 < words.size() && is_word(config, words[j + 1]))
        features_.push_back(pair_feature(config, words[j], words[j + 1]));
    }
    std::sort(features_.begin(), features_.end());
    ids.push_back(pad_id);  // the bias
    values.push_back(1.0);
    double square = 0;
    const std::size_t first = ids.size();
    for (std::size_t j = 0; j < features_.size();) {
      const std::size_t begin = j;
      while (j < features_.size() && features_[j] == features_[begin]) ++j;
      const auto frequency = static_cast<double>(j - begin);
      ids.push_back(features_[begin]);
      values.push_back(frequency);
      square += frequency * frequency;
    }
    for (std::size_t j = first; j < values.size(); ++j) values[j] /= std::sqrt(square);
    offsets.push_back(static_cast<std::int32_t>(ids.size()));
    labels.push_back(texts[i].label);
    labelled += texts[i].label >= 0;
  }
}

NgramBatch::Arrays NgramBatch::arrays() const {
  const auto bytes = [](const std::vector<std::int32_t>& array) { return std::as_bytes(std::span(array)); };
  return {bytes(labels), bytes(offsets), bytes(ids)};
}

template <class T>
Variable<T> LinearClassifierModel::label_logits(Tape<T>& tape, const Config&,
                                                const LinearClassifierParameters<Variable<T>>& parameters,
                                                const NgramBatch& batch) {
  return bag_logits(tape, parameters, batch);
}

template <class T>
LinearPass<T> LinearClassifierModel::forward(Tape<T>& tape, const Config& config,
                                             const LinearClassifierParameters<Variable<T>>& parameters,
                                             const NgramBatch& batch, const PassOptions&) {
  LinearPass<T> pass{.logits = label_logits(tape, config, parameters, batch)};
  pass.nll = softmax_cross_entropy<T>(tape, pass.logits, batch.labels);
  LossTerms<T> terms;
  terms.add(0, pass.nll, 1.0 / std::max(1, batch.labelled), 1.0);
  pass.losses = terms.sum(tape);
  return pass;
}

ModelKind linear_classifier_model() { return kind_of<LinearClassifierModel>(); }

#define ETHREED_INSTANTIATE(T)                                                                                         \
  template LinearPass<T> LinearClassifierModel::forward(                                                               \
      Tape<T>&, const Config&, const LinearClassifierParameters<Variable<T>>&, const NgramBatch&, const PassOptions&); \
  template Variable<T> LinearClassifierModel::label_logits(                                                            \
      Tape<T>&, const Config&, const LinearClassifierParameters<Variable<T>>&, const NgramBatch&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
