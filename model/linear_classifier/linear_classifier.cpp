#include "model/linear_classifier/linear_classifier.h"

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_bag_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/interface/loss_terms.h"
#include "model/interface/make_model.h"
#include "model/interface/split_examples.h"
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
  const auto constants = [&](std::span<const double> numbers) {
    const auto n = static_cast<std::int64_t>(numbers.size());
    T* values = context.arena.template allocate<T>(n);
    std::transform(numbers.begin(), numbers.end(), values, [](double x) { return static_cast<T>(x); });
    return tape.constant(View<const T>(context.to_device(values, n), {n, 1}));
  };
  const auto weights = [&](const Variable<T>& x) { return View<const T>(x.data(), {count}); };
  static constexpr std::array<double, 1> one{1.0};
  // None of this wants a gradient: the features of a text are numbers of the data.
  const Variable<T> idf = embedding<T>(tape, tape.constant(View<const T>(parameters.idf.value())), batch.ids);
  const Variable<T> x = multiply(tape, idf, constants(batch.values));
  const Variable<T> squares =
      embedding_bag<T>(tape, constants(one), batch.offsets, batch.zeros, weights(multiply(tape, x, x)));
  const Variable<T> scale = embedding<T>(tape, inverse_square_root(tape, squares), batch.text_of_entry);
  return embedding_bag<T>(tape, parameters.weight, batch.offsets, batch.ids, weights(multiply(tape, x, scale)));
}

// Σ_k of it is the loss of a text [texts, K]; a text without a label has none.
template <class T> Variable<T> squared_hinge_loss(Tape<T>& tape, const NgramBatch& batch, Variable<T> scores) {
  Context& context = tape.context();
  const std::int64_t classes = scores.columns(), count = scores.value().count();
  T* signs = context.arena.template allocate<T>(count);
  T* mask = context.arena.template allocate<T>(count);
  std::fill_n(signs, count, T{-1});
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    const auto first = static_cast<std::int64_t>(i) * classes;
    std::fill_n(mask + first, classes, batch.labels[i] >= 0 ? T{1} : T{0});
    if (batch.labels[i] >= 0) signs[first + batch.labels[i]] = T{1};
  }
  const Variable<T> sign = tape.constant(View<const T>(context.to_device(signs, count), scores.shape()));
  const Variable<T> loss = squared_hinge(tape, scores, sign);
  return batch.labelled == count_of(batch.labels) ? loss : masked(tape, loss, context.to_device(mask, count));
}

}  // namespace

void NgramBatch::build(const LinearClassifierConfig& config, std::span<const Example> texts) {
  labels.clear();
  ids.clear();
  values.clear();
  text_of_entry.clear();
  offsets.assign(1, 0);
  labelled = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Indices words = texts[i].text;
    ETHREED_CHECK(!words.empty(), "NgramBatch: example {} is no text; a text ends with EOS", i);
    features_.clear();
    for (int j = 0; j < words.size(); ++j) {
      if (!is_word(config, words[j])) continue;
      features_.push_back(words[j]);
      if (config.has_bigrams() && j + 1 < words.size() && is_word(config, words[j + 1]))
        features_.push_back(pair_feature(config, words[j], words[j + 1]));
    }
    std::sort(features_.begin(), features_.end());
    ids.push_back(pad_id);  // the bias
    values.push_back(1.0);
    for (std::size_t j = 0; j < features_.size();) {
      const std::size_t begin = j;
      while (j < features_.size() && features_[j] == features_[begin]) ++j;
      ids.push_back(features_[begin]);
      values.push_back(static_cast<double>(j - begin));
    }
    text_of_entry.resize(ids.size(), static_cast<std::int32_t>(i));
    offsets.push_back(static_cast<std::int32_t>(ids.size()));
    labels.push_back(texts[i].label);
    labelled += texts[i].label >= 0;
  }
  zeros.assign(ids.size(), 0);
}

NgramBatch::Arrays NgramBatch::arrays() const {
  const auto bytes = [](const std::vector<std::int32_t>& array) { return std::as_bytes(std::span(array)); };
  return {bytes(labels), bytes(offsets), bytes(ids), bytes(text_of_entry), bytes(zeros)};
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
                                             const NgramBatch& batch, const PassOptions& options) {
  LinearPass<T> pass{.logits = label_logits(tape, config, parameters, batch)};
  const double scale = 1.0 / std::max(1, batch.labelled);
  LossTerms<T> terms;
  if (config.loss == LinearLoss::squared_hinge) terms.add(0, squared_hinge_loss(tape, batch, pass.logits), scale, 1.0);
  if (config.loss == LinearLoss::cross_entropy || options.purpose == Purpose::validate)
    pass.nll = softmax_cross_entropy<T>(tape, pass.logits, batch.labels);
  if (config.loss == LinearLoss::cross_entropy) terms.add(0, pass.nll, scale, 1.0);
  pass.losses = terms.sum(tape);
  return pass;
}

void LinearClassifierModel::start_from_data(const Config& config, const ParameterLayout& layout, const Dataset& data,
                                            float* block) {
  SplitExamples examples(data.split("train"),
                         {.unit = unit, .texts = config.task.texts, .label_set = config.task.label_set});
  std::vector<std::int64_t> texts(config.features(), 0);
  NgramBatch batch;
  for (std::int32_t i = 0; i < examples.count(); ++i) {
    batch.build(config, examples.make({&i, 1}));
    for (const std::int32_t feature : batch.ids) ++texts[feature];
  }
  float* idf = block + layout.find("features.idf")->offset;
  for (std::size_t f = 0; f < texts.size(); ++f)
    idf[f] = static_cast<float>(1.0 + std::log((1.0 + examples.count()) / (1.0 + static_cast<double>(texts[f]))));
}

ModelKind linear_classifier_model() { return kind_of<LinearClassifierModel>(); }

}  // namespace ethreed
