#include "tools/ethreed/text_labeller.h"

#include "core/error.h"
#include "model/blocks/softmax.h"
#include "model/encoders/text_classifier.h"
#include "model/interface/device_model.h"
#include "model/text/word_table.h"

#include <fmt/format.h>

namespace ethreed {

namespace {

class RunLabeller final : public TextLabeller {
 public:
  RunLabeller(const RunArguments& arguments, std::optional<int> max_length)
      : max_length_(max_length.value_or(100)), run_(load_run(arguments)) {
    const Model& model = run_.model();
    ETHREED_CHECK(
        model.unit() == Unit::text,
        "{}: is a run of model '{}', which labels no texts; train a classifier of texts (see: ethreed models)",
        arguments.run, model.name());
    classes_ = classes_of(run_.info, model.label_set());
    vocabulary_ = run_.info.word_table();
    runtime_ = open_runtime(arguments.device);
    context_.emplace(runtime_->context());
    device_.emplace(*context_, *run_.state);
  }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::string description() const override {
    return fmt::format("model '{}', variant '{}'", run_.model().name(), run_.model().variant());
  }
  std::string label_set() const override { return std::string(run_.model().label_set()); }
  bool wants_plain_text() const override { return false; }
  void label(const std::vector<std::string>& texts, const Consume& consume) override {
    std::vector<std::vector<std::int32_t>> words;
    for (const std::string& text : texts) words.push_back(encode_known(text, vocabulary_, max_length_));
    std::vector<Example> examples;
    for (const auto& text : words)
      examples.push_back({.text = text, .place = static_cast<std::int64_t>(examples.size())});
    Evaluator<float>(*context_, run_.model(), device_->model())
        .label(examples, [&](int i, std::span<const float> logits) { consume(i, softmax_of(logits)); });
  }

 private:
  int max_length_;
  LoadedRun run_;
  std::vector<std::string> classes_;
  WordTable vocabulary_;
  std::unique_ptr<Runtime> runtime_;
  std::optional<Context> context_;
  std::optional<DeviceModel<float>> device_;
};

class EncoderLabeller final : public TextLabeller {
 public:
  EncoderLabeller(const RunArguments& arguments, std::optional<int> max_length)
      : max_length_(max_length.value_or(128)),
        classifier_(arguments.run),
        runtime_(open_runtime(arguments.device)),
        context_(runtime_->context()) {
    ETHREED_CHECK(context_.on_host(), "{}: classifiers on encoders run on the CPU; use --device cpu", arguments.run);
  }
  const std::vector<std::string>& classes() const override { return classifier_.labels(); }
  std::string description() const override { return classifier_.description(); }
  std::string label_set() const override { return {}; }
  bool wants_plain_text() const override { return true; }
  void label(const std::vector<std::string>& texts, const Consume& consume) override {
    std::vector<SubwordRow> rows;
    for (const std::string& text : texts) rows.push_back(classifier_.row_of(text, max_length_));
    classifier_.classify(context_, rows, consume);
  }

 private:
  int max_length_;
  TextClassifier classifier_;
  std::unique_ptr<Runtime> runtime_;
  Context context_;
};

}  // namespace

std::unique_ptr<TextLabeller> open_labeller(const RunArguments& arguments, std::optional<int> max_length) {
  if (TextClassifier::is_folder_of_one(arguments.run)) return std::make_unique<EncoderLabeller>(arguments, max_length);
  return std::make_unique<RunLabeller>(arguments, max_length);
}

}  // namespace ethreed
