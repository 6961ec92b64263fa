#pragma once
// A classifier of texts: word vectors, a BiGRU, attention pooling, one linear layer. Labels situations, posts or
// utterances with emotions (or the classes of any label column).
//   h_j = [→h_j ; ←h_j] over the tokens of a text, EOS included
//   α = softmax_j v·tanh(W h_j + b) over the tokens of a text;  u = Σ_j α_j h_j
//   logits = W_c d(u) + b_c;  L = mean over labelled texts of −log softmax(logits)[label]
// Source: Yang, Yang, Dyer, He, Smola, Hovy, "Hierarchical Attention Networks for Document Classification", NAACL 2016
// (its word level).

#include "model/blocks/parameters.h"
#include "model/blocks/text_batch.h"
#include "model/emotion_classifier/config.h"
#include "model/interface/model_of.h"
#include "model/interface/text_labels.h"

namespace ethreed {

template <class Handle> struct EmotionClassifierParameters {
  Handle embedding{};  // E
  GruHandles<Handle> encoder_forward, encoder_reverse;
  LinearHandles<Handle> attention;   // W, b
  Handle attention_vector{};         // v
  LinearHandles<Handle> classifier;  // W_c, b_c
};

template <class T> struct TextPass {
  Variable<T> logits;  ///< [texts, K], in the order given
  Variable<T> nll;     ///< [texts]
  StepLosses<T> losses;
};

struct EmotionClassifierModel {
  static constexpr std::string_view name = "emotion_classifier";
  static constexpr std::string_view summary = "labels texts with emotions: word vectors, BiGRU, attention pooling";
  static constexpr Unit unit = Unit::text;

  using Config = EmotionClassifierConfig;
  using Batch = TextBatch;
  template <class Handle> using Parameters = EmotionClassifierParameters<Handle>;
  using Figures = TextLabelFigures;

  static Recipe recipe() {
    Recipe recipe;
    recipe.epochs = 12;
    recipe.batch = 32;
    recipe.learning_rate = 1e-3;
    recipe.learning_rate_factor = 0.5;
    recipe.learning_rate_epochs = 3;
    recipe.patience = 4;
    return recipe;
  }
  static std::span<const LossColumn> losses(const Config&) { return loss_columns; }
  static std::span<const FigureColumn> figures(const Config&) { return TextLabelFigures::columns; }
  static Selection selection(const Config&) { return {.figure = 0, .higher = true, .label = "validation accuracy"}; }
  static std::vector<std::string> notes(const Config&) { return {}; }
  static std::string_view label_set(const Config& config) { return config.task.label_set; }
  static TextSource text_source(const Config& config) { return config.task.texts; }

  template <class Handle, class Visit>
  static void visit_parameters(const Config& c, EmotionClassifierParameters<Handle>& p, Visit&& visit) {
    visit("embedding", ".weight", Shape{c.vocabulary, c.embedding},
          InitialValues{.how = Initialisation::word_vectors, .fan_in = c.embedding}, p.embedding);
    visit_gru(visit, "encoder", GruNames::forward_layer, c.embedding, c.encoder, c.update_gate_bias, p.encoder_forward);
    visit_gru(visit, "encoder", GruNames::reverse_layer, c.embedding, c.encoder, c.update_gate_bias, p.encoder_reverse);
    if (c.pooling == Pooling::attention) {
      visit_linear(visit, "attention", c.attention, 2 * c.encoder, p.attention);
      visit("attention", ".vector", Shape{1, c.attention}, InitialValues{.fan_in = c.attention}, p.attention_vector);
    }
    visit_linear(visit, "classifier", c.task.classes, 2 * c.encoder, p.classifier);
  }
  static void build(TextBatch& batch, const Config& config, std::span<const Example> examples) {
    batch.build(examples, config.vocabulary);
  }
  static int targets(const TextBatch& batch) { return batch.texts(); }
  template <class T>
  static TextPass<T> forward(Tape<T>& tape, const Config& config,
                             const EmotionClassifierParameters<Variable<T>>& parameters, const TextBatch& batch,
                             const PassOptions& options);
  template <class T> static TextPass<T> on_host(const Context& context, TextPass<T> pass) {
    pass.logits = ethreed::on_host(context, pass.logits);
    pass.nll = ethreed::on_host(context, pass.nll);
    return pass;
  }
  template <class T>
  static Variable<T> label_logits(Tape<T>& tape, const Config& config,
                                  const EmotionClassifierParameters<Variable<T>>& parameters, const TextBatch& batch) {
    return classify(tape, config, parameters, batch, {.purpose = Purpose::validate});
  }

 private:
  static constexpr std::array<LossColumn, 1> loss_columns{{{"cross_entropy", "cross-entropy"}}};
  /// Logits of every text [texts, K].
  template <class T>
  static Variable<T> classify(Tape<T>& tape, const Config& config,
                              const EmotionClassifierParameters<Variable<T>>& parameters, const TextBatch& batch,
                              const PassOptions& options);
};

}  // namespace ethreed
