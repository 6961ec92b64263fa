// Models of texts are asked like those of dialogues: a small classifier that reads the first word of a text, of every
// source of texts there is.

#include "autograd/functions/embedding_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/figure_sums.h"
#include "model/blocks/layers.h"
#include "model/interface/make_model.h"
#include "tests/model/model_properties.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

struct TextConfig {
  int vocabulary = 0, embedding = 0, classes = 0;
  TextSource source = TextSource::situations;

  static constexpr std::array<std::string_view, 1> variant_names{"whole"};
  static constexpr std::string_view variant_key = "variant";
  std::string_view variant() const { return variant_names[0]; }
  std::string_view labels() const { return source == TextSource::utterances ? "intent" : "emotion"; }
  ConfigFields model_fields() {
    return {{.key = "vocabulary", .value = &vocabulary, .low = 5, .high = 1e6, .from_data = true},
            {.key = "embedding", .value = &embedding, .low = 1, .high = 1e6, .from_data = true},
            {"classes", &classes, 2, 100},
            {"source", named_choice(source, text_source_names)}};
  }
  ConfigFields training_fields() { return {}; }
  void take_data(const DataDescription& data) {
    vocabulary = data.vocabulary;
    embedding = data.embedding;
  }
  void check() const {}
  void check_data(const DataDescription& data) const {
    ETHREED_CHECK(count_of(data.find(std::string(labels()))->classes) == classes, "test: classes");
  }
};

struct WordBatch {
  std::vector<std::int32_t> first_word, label;
  int labelled = 0;
  std::array<std::span<const std::byte>, 2> arrays() const {
    return {std::as_bytes(std::span(first_word)), std::as_bytes(std::span(label))};
  }
};

template <class Handle> struct TextParameters {
  Handle embedding{};
  LinearHandles<Handle> classifier;
};

template <class T> struct WordPass {
  Variable<T> logits;
  StepLosses<T> losses;
};

struct TextFigures {
  explicit TextFigures(const TextConfig&) {}
  AccuracySum accuracy;
  template <class T> void add(const WordBatch& batch, const WordPass<T>& pass) {
    accuracy.add(pass.logits, batch.label);
  }
  std::vector<double> result() const { return {accuracy.share()}; }
  std::vector<FigureShares> shares() const { return {accuracy.shares("accuracy")}; }
};

struct Texts {
  static constexpr std::string_view name = "first_word", summary = "reads the first word of a text";
  static constexpr Unit unit = Unit::text;
  using Config = TextConfig;
  using Batch = WordBatch;
  template <class Handle> using Parameters = TextParameters<Handle>;
  using Figures = TextFigures;
  static constexpr std::array<LossColumn, 1> loss_columns{{{"label", "label"}}};
  static constexpr std::array<FigureColumn, 1> figure_columns{{{.name = "accuracy", .label = "Acc", .logged = true}}};
  static std::span<const LossColumn> losses(const TextConfig&) { return loss_columns; }
  static std::span<const FigureColumn> figures(const TextConfig&) { return figure_columns; }
  static Selection selection(const TextConfig&) { return {.figure = 0, .higher = true, .label = "accuracy"}; }
  static Recipe recipe() { return {}; }
  static std::vector<std::string> notes(const TextConfig&) { return {}; }
  static std::string_view label_set(const TextConfig& config) { return config.labels(); }
  static TextSource text_source(const TextConfig& config) { return config.source; }

  template <class Handle, class Visit>
  static void visit_parameters(const TextConfig& c, TextParameters<Handle>& p, Visit&& visit) {
    visit("embedding", ".weight", Shape{c.vocabulary, c.embedding},
          InitialValues{.how = Initialisation::word_vectors, .fan_in = c.embedding}, p.embedding);
    visit_linear(visit, "classifier", c.classes, c.embedding, p.classifier);
  }
  static void build(WordBatch& batch, const TextConfig& config, std::span<const Example> examples) {
    batch.first_word.clear();
    batch.label.clear();
    batch.labelled = 0;
    for (const Example& example : examples) {
      batch.first_word.push_back(example.text.front() < config.vocabulary ? example.text.front() : unk_id);
      batch.label.push_back(example.label);
      batch.labelled += example.label >= 0;
    }
  }
  static int targets(const WordBatch& batch) { return count_of(batch.label); }
  template <class T>
  static Variable<T> logits(Tape<T>& tape, const TextParameters<Variable<T>>& p, const WordBatch& batch) {
    return linear_layer(tape, p.classifier, {embedding<T>(tape, p.embedding, batch.first_word)});
  }
  template <class T>
  static WordPass<T> forward(Tape<T>& tape, const TextConfig&, const TextParameters<Variable<T>>& p,
                             const WordBatch& batch, const PassOptions&) {
    WordPass<T> pass{.logits = logits(tape, p, batch)};
    LossTerms<T> terms;
    terms.add(0, softmax_cross_entropy<T>(tape, pass.logits, batch.label), 1.0 / std::max(1, batch.labelled), 1.0);
    pass.losses = terms.sum(tape);
    return pass;
  }
  template <class T> static WordPass<T> on_host(const Context& context, WordPass<T> pass) {
    pass.logits = ethreed::on_host(context, pass.logits);
    pass.losses = ethreed::on_host(context, pass.losses);
    return pass;
  }
  template <class T>
  static Variable<T> label_logits(Tape<T>& tape, const TextConfig&, const TextParameters<Variable<T>>& p,
                                  const WordBatch& batch) {
    return logits(tape, p, batch);
  }
};

/// Reads the first word of the text before, too.
struct LeakingTexts : Texts {
  static void build(WordBatch& batch, const TextConfig& config, std::span<const Example> examples) {
    Texts::build(batch, config, examples);
    for (std::size_t i = 3; i < batch.first_word.size(); i += 4) batch.first_word[i] = batch.first_word[i - 1];
  }
};

TextbookPass textbook(const TextbookInput& input) {
  const TextbookArray& table = input.parameters->at("embedding.weight");
  const TextbookArray& weight = input.parameters->at("classifier.weight");
  const TextbookArray& bias = input.parameters->at("classifier.bias");
  const std::int64_t classes = weight.shape[0], width = weight.shape[1];
  double loss = 0, right = 0;
  int labelled = 0;
  for (const Example& example : input.examples) {
    const std::int32_t word = example.text[0] < table.shape[0] ? example.text[0] : unk_id;
    std::vector<double> logits = bias.values;
    for (std::int64_t k = 0; k < classes; ++k)
      for (std::int64_t j = 0; j < width; ++j)
        logits[k] += weight.values[k * width + j] * table.values[word * width + j];
    if (example.label < 0) continue;
    double sum = 0;
    for (const double logit : logits) sum += std::exp(logit);
    const double mine = logits[example.label];
    loss += std::log(sum) - mine;
    right += mine == *std::max_element(logits.begin(), logits.end());
    ++labelled;
  }
  loss /= std::max(1, labelled);
  return {.losses = {{"label", loss}}, .total = loss, .figures = {{"accuracy", right / std::max(1, labelled)}}};
}

template <class M> Subject subject_of(std::string_view source) {
  const int classes = source == "utterances" ? 5 : emotion_count;
  return {kind_of<M>(),
          {.name = std::string(source), .keys = {{"model", {{"source", source}, {"classes", classes}}}}},
          textbook};
}

// It stands in no table: what reads a model's name from a file cannot be asked.
constexpr std::array<std::string_view, 3> by_name{"stop and resume change no bit", "a checkpoint brings all back",
                                                  "the configuration goes round"};

std::vector<std::string_view> failures(const Subject& subject) {
  std::vector<std::string_view> names;
  for (const Property& property : properties) {
    if (property.of_replies || std::find(by_name.begin(), by_name.end(), property.name) != by_name.end()) continue;
    const Failure failure = property.check(subject);
    if (!failure) continue;
    UNSCOPED_INFO(property.name << ": " << *failure);
    names.push_back(property.name);
  }
  return names;
}

}  // namespace

TEST_CASE("a model of texts has the properties, wherever its texts come from") {
  for (const std::string_view source : text_source_names) {
    INFO(source);
    CHECK(failures(subject_of<Texts>(source)).empty());
  }
}

TEST_CASE("a leak between texts is seen, wherever they come from") {
  for (const std::string_view source : text_source_names) {
    INFO(source);
    CHECK(examples_do_not_see_each_other(subject_of<LeakingTexts>(source)).has_value());
  }
}

TEST_CASE("a model that writes no replies says so, and one that labels no texts") {
  for (const Subject& subject : all_subjects()) {
    INFO(subject.name());
    const RunConfig run = subject.run(tiny_data());
    const TinyExamples examples(tiny_data().split("test"), *run.model);
    Bench<float> bench(*run.model, random_state<float>(*run.model, 1));
    bench.load(examples.all());
    Tape<float> tape(bench.context(), false);
    const ModelSteps<float>& steps = run.model->steps<float>();
    if (!run.model->writes_replies()) {
      CHECK_THROWS_WITH(steps.replies(tape, bench.bind(tape), bench.batch(), {}), Catch::Contains("writes no replies"));
      CHECK_THROWS_WITH(steps.converse(), Catch::Contains("writes no replies"));
    }
    if (run.model->unit() == Unit::dialogue)
      CHECK_THROWS_WITH(steps.label_logits(tape, bench.bind(tape), bench.batch()), Catch::Contains("labels no texts"));
  }
}
