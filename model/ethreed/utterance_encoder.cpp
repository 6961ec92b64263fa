#include "model/ethreed/utterance_encoder.h"

#include "autograd/functions/gather_rows_function.h"
#include "model/blocks/layers.h"

namespace ethreed {

template <class T>
EncodedUtterances<T> encode_utterances(Tape<T>& tape, const EncoderParameters<Variable<T>>& parameters,
                                       const DialogueBatch& batch, Variable<T> x) {
  const auto [forward, reverse] = bidirectional_gru_layer(tape, parameters.forward, parameters.reverse,
                                                          batch.encoder_packing(), x, batch.encoder_inputs);
  // The reverse direction ends at the first token, so its state there has read the whole utterance.
  return {.summary = gather_rows<T>(tape, {{forward, batch.summary_last}, {reverse, batch.summary_first}}),
          .source_states = gather_rows<T>(tape, {{forward, batch.source_rows}, {reverse, batch.source_rows}})};
}

template EncodedUtterances<float> encode_utterances(Tape<float>&, const EncoderParameters<Variable<float>>&,
                                                    const DialogueBatch&, Variable<float>);
template EncodedUtterances<double> encode_utterances(Tape<double>&, const EncoderParameters<Variable<double>>&,
                                                     const DialogueBatch&, Variable<double>);

}  // namespace ethreed
