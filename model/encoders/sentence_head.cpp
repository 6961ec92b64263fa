#include "model/encoders/sentence_head.h"

#include "autograd/functions/linear_function.h"
#include "autograd/functions/loss_sum_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "core/error.h"
#include "core/json.h"
#include "core/safetensors.h"
#include "kernels/adam/adam.h"
#include "model/blocks/figure_sums.h"
#include "model/blocks/random_streams.h"
#include "model/blocks/softmax.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ethreed {

namespace {

constexpr std::string_view advice = "train it again by ethreed fine-tune";

// x ← (x − mean) / deviation, feature by feature.
struct Standard {
  std::vector<double> mean, deviation;

  Standard(std::span<const float> vectors, std::size_t width) : mean(width), deviation(width) {
    const auto texts = static_cast<double>(vectors.size() / width);
    for (std::size_t i = 0; i < vectors.size(); ++i) mean[i % width] += static_cast<double>(vectors[i]) / texts;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      const double far = static_cast<double>(vectors[i]) - mean[i % width];
      deviation[i % width] += far * far / texts;
    }
    for (double& d : deviation) d = d > 0 ? std::sqrt(d) : 1;
  }
  void put(std::span<const float> vector, float* to) const {
    for (std::size_t j = 0; j < mean.size(); ++j)
      to[j] = static_cast<float>((static_cast<double>(vector[j]) - mean[j]) / deviation[j]);
  }
  // The head of vectors as they are, from one of standardised vectors.
  void take_into(SentenceHead& head, std::span<const float> weight, std::span<const float> bias) const {
    const std::size_t width = mean.size(), classes = bias.size();
    head.weight.resize(weight.size());
    head.bias.resize(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      double shift = static_cast<double>(bias[k]);
      for (std::size_t j = 0; j < width; ++j) {
        const double w = static_cast<double>(weight[k * width + j]) / deviation[j];
        head.weight[k * width + j] = static_cast<float>(w);
        shift -= w * mean[j];
      }
      head.bias[k] = static_cast<float>(shift);
    }
  }
};

double accuracy_of(const SentenceHead& head, const LabelledVectors& data) {
  std::int64_t right = 0;
  const auto width = static_cast<std::size_t>(head.width);
  for (int i = 0; i < data.labels.size(); ++i) {
    const std::vector<double> p = head.probabilities(data.vectors.subspan(static_cast<std::size_t>(i) * width, width));
    right += argmax<double>(p) == data.labels[i];
  }
  return mean_figure(static_cast<double>(right), data.labels.size());
}

void check(const LabelledVectors& data, std::size_t classes, int width) {
  ETHREED_CHECK(data.vectors.size() == static_cast<std::size_t>(data.labels.size()) * static_cast<std::size_t>(width),
                "train_sentence_head: {} numbers for {} vectors of {}", data.vectors.size(), data.labels.size(), width);
  for (const std::int32_t label : data.labels)
    ETHREED_CHECK(label >= 0 && static_cast<std::size_t>(label) < classes,
                  "train_sentence_head: the class {}, of {} classes", label, classes);
}

// W, b, their gradients and moments.
struct Trained {
  explicit Trained(std::size_t count) : values(count), gradients(count), m(count), v(count) {}
  void update(Context& context, const SentenceHeadRecipe& recipe, std::int64_t step, double decay) {
    adam_update(context, Adam<float>{.count = static_cast<std::int64_t>(values.size()),
                                     .step = step,
                                     .learning_rate = recipe.learning_rate,
                                     .weight_decay = decay,
                                     .parameters = values.data(),
                                     .gradients = gradients.data(),
                                     .m = m.data(),
                                     .v = v.data()});
  }
  std::vector<float> values, gradients, m, v;
};

}  // namespace

std::vector<float> sentence_vector(std::span<const float> states, int width) {
  std::vector<double> sum(static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < states.size(); ++i) sum[i % sum.size()] += static_cast<double>(states[i]);
  double squares = 0;
  for (const double x : sum) squares += x * x;
  const double length = squares > 0 ? std::sqrt(squares) : 1;
  std::vector<float> vector;
  for (const double x : sum) vector.push_back(static_cast<float>(x / length));
  return vector;
}

std::vector<double> SentenceHead::probabilities(std::span<const float> vector) const {
  const auto d = static_cast<std::size_t>(width);
  std::vector<float> logits;
  for (std::size_t k = 0; k < bias.size(); ++k) {
    double sum = static_cast<double>(bias[k]);
    for (std::size_t j = 0; j < d; ++j) sum += static_cast<double>(weight[k * d + j]) * static_cast<double>(vector[j]);
    logits.push_back(static_cast<float>(sum));
  }
  return softmax_of(logits);
}

void SentenceHead::write(const std::filesystem::path& folder) const {
  SafetensorsWriter writer;
  const auto classes = static_cast<std::int64_t>(labels.size());
  writer.add("weight", View<const float>(weight.data(), Shape{classes, width}));
  writer.add("bias", View<const float>(bias.data(), Shape{classes}));
  writer.add_metadata("labels", nlohmann::json(labels).dump());
  writer.write(folder / file_name);
}

SentenceHead SentenceHead::read(const std::filesystem::path& folder) {
  const SafetensorsFile file(folder / file_name);
  const std::string source = file.path().string() + ": labels";
  const auto json = parse_json<nlohmann::json>(file.metadata("labels"), source, advice);
  SentenceHead head;
  ETHREED_CHECK(json.is_array() && json.size() >= 2, "{}: is {}, wanted a list of two at least; {}", source,
                shown(json), advice);
  for (const nlohmann::json& label : json) {
    ETHREED_CHECK(label.is_string(), "{}: {} is no text; {}", source, shown(label), advice);
    head.labels.push_back(label.get<std::string>());
  }
  const View<const float> weight = file.tensor<float>("weight");
  const auto classes = static_cast<std::int64_t>(head.labels.size());
  ETHREED_CHECK(weight.shape.rank() == 2 && weight.shape[0] == classes && weight.shape[1] > 0,
                "{}: weight is {}, and there are {} labels; {}", file.path().string(), weight.shape.text(), classes,
                advice);
  head.width = static_cast<int>(weight.shape[1]);
  const View<const float> bias = file.tensor<float>("bias", Shape{classes});
  head.weight.assign(weight.data, weight.data + weight.count());
  head.bias.assign(bias.data, bias.data + bias.count());
  for (const auto* numbers : {&head.weight, &head.bias})
    ETHREED_CHECK(std::all_of(numbers->begin(), numbers->end(), [](float x) { return std::isfinite(x); }),
                  "{}: holds a number that is not finite; {}", file.path().string(), advice);
  return head;
}

SentenceHead train_sentence_head(Context& context, const std::vector<std::string>& labels, int width,
                                 const LabelledVectors& train, const LabelledVectors& valid,
                                 const SentenceHeadRecipe& recipe,
                                 const std::function<bool(int, double, double)>& observe) {
  const std::size_t classes = labels.size(), d = static_cast<std::size_t>(width);
  ETHREED_CHECK(train.labels.size() > 0 && valid.labels.size() > 0, "train_sentence_head: {} texts and {} of valid",
                train.labels.size(), valid.labels.size());
  for (const LabelledVectors* data : {&train, &valid}) check(*data, classes, width);
  const Standard standard(train.vectors, d);
  Trained weight(classes * d), bias(classes);
  std::vector<std::int32_t> order(static_cast<std::size_t>(train.labels.size()));
  SentenceHead best{.width = width, .labels = labels}, head = best;
  double best_accuracy = -1;
  std::int64_t step = 0;
  for (int epoch = 0; epoch < recipe.epochs; ++epoch) {
    std::iota(order.begin(), order.end(), 0);
    const PhiloxStream random = random_stream(recipe.seed, Draw::shuffle, static_cast<std::uint64_t>(epoch));
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i, i)]);
    double loss = 0;
    for (std::size_t first = 0; first < order.size(); first += static_cast<std::size_t>(recipe.batch)) {
      const std::size_t texts = std::min(order.size() - first, static_cast<std::size_t>(recipe.batch));
      context.begin_step();
      Tape<float> tape(context);
      float* x = context.values.allocate<float>(static_cast<std::int64_t>(texts * d));
      std::vector<std::int32_t> batch_labels;
      for (std::size_t i = 0; i < texts; ++i) {
        const auto text = static_cast<std::size_t>(order[first + i]);
        standard.put(train.vectors.subspan(text * d, d), x + i * d);
        batch_labels.push_back(train.labels[static_cast<int>(text)]);
      }
      const auto of = [&](Trained& block, const Shape& shape) {
        return tape.parameter(View<float>(block.values.data(), shape), block.gradients.data());
      };
      const auto n = static_cast<std::int64_t>(texts), k = static_cast<std::int64_t>(classes);
      const Variable<float> logits = linear<float>(tape, {tape.constant(View<const float>(x, Shape{n, width}))},
                                                   of(weight, Shape{k, width}), of(bias, Shape{k}), Activation::none);
      const LossSum<float> sum = loss_sum<float>(
          tape, {{softmax_cross_entropy(tape, logits, Indices(batch_labels)), 1.0 / static_cast<double>(n)}});
      tape.backward(sum.total);
      loss += static_cast<double>(*sum.total.data()) * static_cast<double>(n);
      ++step;
      weight.update(context, recipe, step, recipe.weight_decay);
      bias.update(context, recipe, step, 0);
    }
    standard.take_into(head, weight.values, bias.values);
    const double accuracy = accuracy_of(head, valid);
    if (accuracy > best_accuracy) {
      best_accuracy = accuracy;
      best = head;
    }
    if (!observe(epoch, loss / static_cast<double>(order.size()), accuracy)) break;
  }
  return best;
}

}  // namespace ethreed
