#include "model/ethreed/utterance_encoder.h"

#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "model/blocks/layers.h"

namespace ethreed {

template <class T>
EncodedUtterances<T> encode_utterances(Tape<T>& tape, const EncoderParameters<Variable<T>>& parameters,
                                       const DialogueBatch& batch, Variable<T> x, const EncoderMasks<T>& masks) {
  const auto [forward, reverse] = bidirectional_gru_layer(tape, parameters.forward, parameters.reverse,
                                                          batch.encoder_packing(), x, batch.encoder_inputs);
  Variable<T> summary;
  if (parameters.attention_vector) {
    const Variable<T> states = gather_rows<T>(tape, {{forward, batch.token_rows}, {reverse, batch.token_rows}});
    const Variable<T> scores = linear(tape, {linear_layer(tape, parameters.attention, {states}, Activation::tanh)},
                                      parameters.attention_vector, Variable<T>{});
    summary = attention_pooling<T>(tape, batch.token_offsets, scores, states).y;
  } else {  // the reverse direction ends at the first token, so its state there has read the whole utterance
    summary = gather_rows<T>(tape, {{forward, batch.summary_last}, {reverse, batch.summary_first}});
  }
  const Variable<T> source = gather_rows<T>(tape, {{forward, batch.source_rows}, {reverse, batch.source_rows}});
  return {.summary = masked(tape, summary, masks.summary), .source_states = masked(tape, source, masks.source_states)};
}

template EncodedUtterances<float> encode_utterances(Tape<float>&, const EncoderParameters<Variable<float>>&,
                                                    const DialogueBatch&, Variable<float>, const EncoderMasks<float>&);
template EncodedUtterances<double> encode_utterances(Tape<double>&, const EncoderParameters<Variable<double>>&,
                                                     const DialogueBatch&, Variable<double>,
                                                     const EncoderMasks<double>&);

}  // namespace ethreed
