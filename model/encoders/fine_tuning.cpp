#include "model/encoders/fine_tuning.h"

#include "autograd/functions/loss_sum_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "core/crc32c.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/safetensors.h"
#include "kernels/adam/adam.h"
#include "kernels/global_norm/global_norm.h"
#include "model/blocks/random_streams.h"
#include "model/encoders/encoder_forward.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view advice = "take the file away to begin anew";
constexpr std::int64_t chunk = 1 << 16;

bool decays(const EncoderParameter& parameter) {
  const bool norm = parameter.part == EncoderPart::embedding_norm || parameter.part == EncoderPart::attention_norm ||
                    parameter.part == EncoderPart::output_norm;
  return !parameter.bias && !norm;
}

// Layers between the parameter and the head: 0 of the head itself.
int below_head(const EncoderParameter& parameter, int layers) {
  switch (parameter.part) {
    case EncoderPart::pooler:
    case EncoderPart::dense:
    case EncoderPart::classifier: return 0;
    default: return layers - parameter.layer;  // of the embeddings, layer −1: one more than of the first layer
  }
}

}  // namespace

void FineTuneRecipe::check() const {
  const auto within = [](std::string_view name, double value, double low, double high) {
    ETHREED_CHECK(value >= low && value <= high, "fine-tuning: {} is {}, wanted {} to {}", name, value, low, high);
  };
  within("epochs", epochs, 1, 100000);
  within("batch", batch, 1, 65536);
  within("accumulate", accumulate, 1, batch);
  within("learning_rate", learning_rate, 0, 10);
  within("warm_up", warm_up, 0, 1);
  within("weight_decay", weight_decay, 0, 10);
  within("clip_norm", clip_norm, 1e-6, 1e9);
  within("layer_decay", layer_decay, 0.01, 1);
}

double FineTuneRecipe::learning_rate_at(std::int64_t step, std::int64_t steps) const {
  const double now = static_cast<double>(step) + 1, all = static_cast<double>(steps);
  const double warm = std::max(1.0, std::round(warm_up * all));
  if (now < warm) return learning_rate * now / warm;
  return learning_rate * std::max(0.0, (all - now + 1) / (all - warm + 1));
}

std::string FineTuneRecipe::text() const {
  return Json{{"epochs", epochs},
              {"batch", batch},
              {"accumulate", accumulate},
              {"learning_rate", learning_rate},
              {"warm_up", warm_up},
              {"weight_decay", weight_decay},
              {"clip_norm", clip_norm},
              {"layer_decay", layer_decay},
              {"seed", seed}}
      .dump();
}

FineTuneRecipe usual_recipe(const EncoderConfig& config) {
  FineTuneRecipe recipe;
  if (config.width <= 384) {
    recipe.learning_rate = 1e-4;
    recipe.epochs = 8;
  } else if (config.width >= 1024) {
    recipe.learning_rate = 1e-5;
  } else if (config.family == EncoderFamily::distilbert || config.family == EncoderFamily::mpnet) {
    recipe.learning_rate = 3e-5;
  }
  return recipe;
}

FineTuning::FineTuning(PretrainedEncoder<float> encoder, std::span<const SubwordRow> rows, Indices labels,
                       const FineTuneRecipe& recipe)
    : encoder_(std::move(encoder)), rows_(rows), labels_(labels), recipe_(recipe) {
  recipe_.check();
  const EncoderConfig& config = encoder_.layout.config;
  ETHREED_CHECK(encoder_.layout.head == EncoderHead::classifier, "fine-tuning: the encoder has no head for labels");
  ETHREED_CHECK(!rows_.empty() && rows_.size() == static_cast<std::size_t>(labels_.size()),
                "fine-tuning: {} texts and {} labels", rows_.size(), labels_.size());
  for (int i = 0; i < labels_.size(); ++i) {
    ETHREED_CHECK(labels_[i] >= 0 && labels_[i] < count_of(config.labels),
                  "fine-tuning: text {} has the class {} of {}", i, labels_[i], config.labels.size());
    ETHREED_CHECK(!rows_[static_cast<std::size_t>(i)].ids.empty(), "fine-tuning: text {} has no token", i);
  }
  std::vector<EncoderLayerHandles<char>> layers(static_cast<std::size_t>(config.layers));
  EncoderHandles<char> handles{.layers = layers};
  visit_encoder(config, EncoderHead::classifier, handles, [&](const EncoderParameter& one, const Shape& shape, char&) {
    const std::int64_t offset = encoder_.layout.block.entries()[groups_.size()].offset;
    groups_.push_back({.offset = offset,
                       .count = shape.count(),
                       .decays = decays(one),
                       .rate = std::pow(recipe_.layer_decay, below_head(one, config.layers))});
  });
  for (Tensor<float>* block : {&gradients_, &m_, &v_}) *block = Tensor<float>({encoder_.layout.block.size()});
  start_ = crc32c(std::as_bytes(encoder_.values.span()));
  if (recipe_.accumulate > 1) part_ = Tensor<float>({encoder_.layout.block.size()});
  shuffle();
}

std::int64_t FineTuning::steps_per_epoch() const {
  const auto texts = static_cast<std::int64_t>(rows_.size());
  return (texts + recipe_.batch - 1) / recipe_.batch;
}

void FineTuning::shuffle() {
  order_.resize(rows_.size());
  std::iota(order_.begin(), order_.end(), 0);
  const PhiloxStream random = random_stream(recipe_.seed, Draw::shuffle, static_cast<std::uint64_t>(epoch_));
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.below(i, i)]);
}

void FineTuning::next_epoch() {
  ++epoch_;
  next_ = 0;
  loss_ = 0;
  shuffle();
}

// Σ of the losses of some texts of a batch of `of`, and the gradient of its mean. The first part of a batch overwrites.
float FineTuning::gradients_of(Context& context, std::span<const std::int32_t> texts, std::int64_t of, int part) {
  const EncoderConfig& config = encoder_.layout.config;
  EncoderBatch batch(config);
  std::vector<std::int32_t> labels;
  for (const std::int32_t text : texts) {
    const SubwordRow& row = rows_[static_cast<std::size_t>(text)];
    batch.add(row.ids, row.types);
    labels.push_back(labels_[text]);
  }
  // Masks are those of the step; of its parts each has its own.
  const EncoderDropout dropout{.on = true, .seed = recipe_.seed, .step = step_ * recipe_.accumulate + part};
  Tensor<float>& gradients = part == 0 ? gradients_ : part_;
  context.begin_step();
  context.stage(batch.arrays());
  Tape<float> tape(context);
  const auto handles = bind_encoder(tape, encoder_.layout, encoder_.values.data(), gradients.data());
  const Variable<float> last = encoder_state(tape, config, handles, batch, config.layers, dropout);
  const Variable<float> logits = encoder_logits(tape, config, handles, batch, last, dropout);
  const Variable<float> losses = softmax_cross_entropy(tape, logits, Indices(labels));
  const LossSum<float> sum = loss_sum<float>(tape, {{losses, 1.0 / static_cast<double>(of)}});
  tape.backward(sum.total);
  if (part > 0)
    context.pool.parallel_ranges(gradients_.count(), chunk, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) gradients_[i] += part_[i];
    });
  return *sum.total.data();
}

void FineTuning::update(Context& context) {
  ETHREED_CHECK(context.on_host(), "fine-tuning runs on the CPU; use --device cpu");
  const std::int64_t texts = std::min<std::int64_t>(recipe_.batch, static_cast<std::int64_t>(rows_.size()) - next_);
  const std::int64_t parts = std::min<std::int64_t>(recipe_.accumulate, texts);
  const std::span<const std::int32_t> batch(order_.data() + next_, static_cast<std::size_t>(texts));
  float loss = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t begin = texts * part / parts, end = texts * (part + 1) / parts;
    loss += gradients_of(context, batch.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
                         texts, static_cast<int>(part));
  }
  double norm = 0;
  global_norm<float>(context, {.count = gradients_.count(), .x = gradients_.data(), .norm = &norm});
  ETHREED_CHECK(std::isfinite(loss) && std::isfinite(norm),
                "fine-tuning: loss {} and gradient norm {} at update {}; take a lower learning rate or another seed",
                loss, norm, step_);
  const double rate = recipe_.learning_rate_at(step_, steps_per_epoch() * recipe_.epochs);
  for (const Group& group : groups_)
    adam_update(context, Adam<float>{.count = group.count,
                                     .step = step_ + 1,
                                     .learning_rate = rate * group.rate,
                                     .weight_decay = group.decays ? recipe_.weight_decay : 0,
                                     .clip_norm = recipe_.clip_norm,
                                     .gradient_norm = &norm,
                                     .parameters = encoder_.values.data() + group.offset,
                                     .gradients = gradients_.data() + group.offset,
                                     .m = m_.data() + group.offset,
                                     .v = v_.data() + group.offset});
  ++step_;
  next_ += texts;
  loss_ += static_cast<double>(loss) * static_cast<double>(texts);
}

// Of what the training is of: encoder, texts, labels and recipe.
std::string FineTuning::fingerprint() const {
  Fingerprint print;
  print.add(recipe_.text());
  for (const std::string& label : encoder_.layout.config.labels) print.add(label);
  const std::array<std::uint32_t, 1> start{start_};
  print.add(std::span<const std::uint32_t>(start));
  print.add(std::span<const std::int32_t>(labels_.data(), static_cast<std::size_t>(labels_.size())));
  for (const SubwordRow& row : rows_) print.add(std::span<const std::int32_t>(row.ids));
  return print.text();
}

void FineTuning::save(const std::filesystem::path& path, const std::string& notes) const {
  SafetensorsWriter writer;
  const std::array<std::int64_t, 3> place{epoch_, step_, next_};
  writer.add("place", std::span<const std::int64_t>(place));
  writer.add("loss", std::span<const double>(&loss_, 1));
  writer.add("values", encoder_.values.view());
  writer.add("m", m_.view());
  writer.add("v", v_.view());
  writer.add_metadata("fingerprint", fingerprint());
  writer.add_metadata("recipe", recipe_.text());
  writer.add_metadata("notes", notes);
  writer.write(path);
}

std::string FineTuning::load(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  ETHREED_CHECK(file.metadata("recipe") == recipe_.text(), "{}: was begun with the recipe {}, this one is {}; {}",
                path.string(), cut_text(file.metadata("recipe")), recipe_.text(), advice);
  ETHREED_CHECK(file.metadata("fingerprint") == fingerprint(),
                "{}: was begun with another encoder, other texts or labels; {}", path.string(), advice);
  const Shape all{encoder_.layout.block.size()};
  const auto place = file.tensor<std::int64_t>("place", Shape{3});
  ETHREED_CHECK(place.data[0] >= 0 && place.data[0] <= recipe_.epochs && place.data[1] >= 0 && place.data[2] >= 0 &&
                    place.data[2] <= static_cast<std::int64_t>(rows_.size()),
                "{}: is damaged; {}", path.string(), advice);
  const auto take = [&](const char* name, Tensor<float>& to) {
    std::copy_n(file.tensor<float>(name, all).data, all.count(), to.data());
  };
  take("values", encoder_.values);
  take("m", m_);
  take("v", v_);
  loss_ = file.tensor<double>("loss", Shape{1}).data[0];
  epoch_ = static_cast<int>(place.data[0]);
  step_ = place.data[1];
  next_ = place.data[2];
  shuffle();
  return file.metadata("notes");
}

}  // namespace ethreed
