#pragma once
// The yardstick: a linear model on bags of n-grams. Every word and every pair of neighbours of a text is a feature,
// weighted by TF-IDF, in a vector of length 1:
//   x_f = idf_f tf_f / √(Σ_f (idf_f tf_f)²),  idf_f = 1 + ln((1 + texts) / (1 + texts with f)) over the training split
//   s = W x + b;  L = mean over labelled texts of Σ_k max(0, 1 − t_k s_k)², t_k = 1 for the label and −1 for the others
//   (a support vector machine for each class), or of −log softmax(s)[label]
// Words have features of their own, pairs share `buckets` by a hash; feature 0, which no word has (<pad>), occurs
// once in every text: its weights are b. Source: Weinberger, Dasgupta, Langford, Smola, Attenberg, "Feature Hashing for
// Large Scale Multitask Learning", ICML 2009.

#include "core/indices.h"
#include "model/blocks/parameters.h"
#include "model/interface/model_of.h"
#include "model/interface/text_labels.h"
#include "model/linear_classifier/config.h"

namespace ethreed {

template <class Handle> struct LinearClassifierParameters {
  Handle weight{};  // W, transposed, and b: [features, K]
  Handle idf{};     // [features, 1], numbers of the data: no gradient
};

/// Bags of n-grams of a batch of texts.
class NgramBatch {
 public:
  /// Throws Error if an example is no text.
  void build(const LinearClassifierConfig& config, std::span<const Example> texts);

  using Arrays = std::array<std::span<const std::byte>, 5>;
  Arrays arrays() const;

  std::vector<std::int32_t> labels;         ///< [texts] −1 for none
  std::vector<std::int32_t> offsets;        ///< [texts + 1]
  std::vector<std::int32_t> ids;            ///< [entries] feature numbers, each once in a text
  std::vector<double> values;               ///< [entries] tf_f
  std::vector<std::int32_t> text_of_entry;  ///< [entries]
  std::vector<std::int32_t> zeros;          ///< [entries]
  int labelled = 0;

 private:
  std::vector<std::int32_t> features_;  // of the text in hand, sorted
};

template <class T> struct LinearPass {
  Variable<T> logits;  ///< [texts, K], in the order given
  Variable<T> nll;     ///< −log softmax(s)[label] [texts]: for the figures, also where the loss is another one
  StepLosses<T> losses;
};

struct LinearClassifierModel {
  static constexpr std::string_view name = "linear_classifier";
  static constexpr std::string_view summary = "the yardstick: labels texts by a linear model on bags of n-grams";
  static constexpr Unit unit = Unit::text;

  using Config = LinearClassifierConfig;
  using Batch = NgramBatch;
  template <class Handle> using Parameters = LinearClassifierParameters<Handle>;
  using Figures = TextLabelFigures;

  static Recipe recipe() {
    Recipe recipe;
    recipe.epochs = 8;
    recipe.batch = 256;
    recipe.learning_rate = 0.01;
    recipe.learning_rate_factor = 0.6;
    recipe.learning_rate_epochs = 1;
    recipe.patience = 3;
    return recipe;
  }
  static std::span<const LossColumn> losses(const Config& config) {
    return config.loss == LinearLoss::squared_hinge ? hinge_columns : entropy_columns;
  }
  static std::span<const FigureColumn> figures(const Config&) { return TextLabelFigures::columns; }
  static Selection selection(const Config&) { return {.figure = 0, .higher = true, .label = "validation accuracy"}; }
  static std::vector<std::string> notes(const Config&) { return {}; }
  static std::string_view label_set(const Config& config) { return config.task.label_set; }
  static TextSource text_source(const Config& config) { return config.task.texts; }

  template <class Handle, class Visit>
  static void visit_parameters(const Config& c, LinearClassifierParameters<Handle>& p, Visit&& visit) {
    const InitialValues zero{.how = Initialisation::zero};
    visit("features", ".weight", Shape{c.features(), c.task.classes}, zero, p.weight);
    visit("features", ".idf", Shape{c.features(), 1}, InitialValues{.how = Initialisation::from_data}, p.idf);
  }
  static void build(NgramBatch& batch, const Config& config, std::span<const Example> examples) {
    batch.build(config, examples);
  }
  /// Counts the texts of the training split that have each feature.
  static void start_from_data(const Config& config, const ParameterLayout& layout, const Dataset& data, float* block);
  static int targets(const NgramBatch& batch) { return count_of(batch.labels); }
  template <class T>
  static LinearPass<T> forward(Tape<T>& tape, const Config& config,
                               const LinearClassifierParameters<Variable<T>>& parameters, const NgramBatch& batch,
                               const PassOptions& options);
  template <class T> static LinearPass<T> on_host(const Context& context, LinearPass<T> pass) {
    pass.logits = ethreed::on_host(context, pass.logits);
    pass.nll = ethreed::on_host(context, pass.nll);
    return pass;
  }
  template <class T>
  static Variable<T> label_logits(Tape<T>& tape, const Config& config,
                                  const LinearClassifierParameters<Variable<T>>& parameters, const NgramBatch& batch);

 private:
  static constexpr std::array<LossColumn, 1> hinge_columns{{{"squared_hinge", "squared hinge"}}};
  static constexpr std::array<LossColumn, 1> entropy_columns{{{"cross_entropy", "cross-entropy"}}};
};

}  // namespace ethreed
