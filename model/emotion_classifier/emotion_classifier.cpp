#include "model/emotion_classifier/emotion_classifier.h"

#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/dropout.h"
#include "model/blocks/layers.h"
#include "model/interface/loss_terms.h"
#include "model/interface/make_model.h"

namespace ethreed {

template <class T>
Variable<T> EmotionClassifierModel::classify(Tape<T>& tape, const Config& config,
                                             const EmotionClassifierParameters<Variable<T>>& parameters,
                                             const TextBatch& batch, const PassOptions& options) {
  Context& context = tape.context();
  const bool training = options.purpose == Purpose::train;
  StepDropout<T> dropout(context, training ? config.dropout : 0.0, options.seed, options.step);
  const T* word_mask = dropout.mask(0, static_cast<std::int64_t>(batch.word_ids.size()), config.embedding);
  const T* text_mask = dropout.mask(1, batch.texts(), 2 * config.encoder);
  dropout.draw();
  const Range range(tape, "text encoder");
  // A word that occurs several times in a batch is dropped in the same places everywhere.
  const Variable<T> words = masked(tape, embedding<T>(tape, parameters.embedding, batch.word_ids), word_mask);
  const auto [forward, reverse] = bidirectional_gru_layer(tape, parameters.encoder_forward, parameters.encoder_reverse,
                                                          batch.packing(), words, batch.packed_inputs);
  Variable<T> text;
  if (config.pooling == Pooling::last) {
    text = gather_rows<T>(tape, {{forward, batch.last_rows}, {reverse, batch.first_rows}});
  } else {
    const Variable<T> states = gather_rows<T>(tape, {{forward, batch.token_rows}, {reverse, batch.token_rows}});
    Variable<T> scores;
    if (config.pooling == Pooling::attention)
      scores = linear(tape, {linear_layer(tape, parameters.attention, {states}, Activation::tanh)},
                      parameters.attention_vector, Variable<T>{});
    text = attention_pooling<T>(tape, batch.token_offsets, scores, states).y;
  }
  return linear_layer(tape, parameters.classifier, {masked(tape, text, text_mask)});
}

template <class T>
TextPass<T> EmotionClassifierModel::forward(Tape<T>& tape, const Config& config,
                                            const EmotionClassifierParameters<Variable<T>>& parameters,
                                            const TextBatch& batch, const PassOptions& options) {
  TextPass<T> pass{.logits = classify(tape, config, parameters, batch, options)};
  pass.nll = softmax_cross_entropy<T>(tape, pass.logits, batch.labels);
  LossTerms<T> terms;
  terms.add(0, pass.nll, 1.0 / std::max(1, batch.labelled), 1.0);
  pass.losses = terms.sum(tape);
  return pass;
}

ModelKind emotion_classifier_model() { return kind_of<EmotionClassifierModel>(); }

}  // namespace ethreed
