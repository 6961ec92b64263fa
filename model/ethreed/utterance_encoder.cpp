#include "model/ethreed/utterance_encoder.h"

#include "autograd/functions/gather_rows_function.h"
#include "model/ethreed/layers.h"

namespace ethreed {

template <class T>
EncodedUtterances<T> encode_utterances(Tape<T>& tape, const ModelParameters<Variable<T>>& parameters,
                                       const Batch& batch, Variable<T> x) {
  const auto lane = [&](const GruHandles<Variable<T>>& cell, bool reverse) {
    return GruLane<T>{.input_gates = linear(tape, {x}, cell.weight_ih, cell.bias_ih),
                      .weight_hh = cell.weight_hh,
                      .bias_hh = cell.bias_hh,
                      .reverse = reverse};
  };
  const std::array lanes{lane(parameters.encoder_forward, false), lane(parameters.encoder_reverse, true)};
  const auto [forward, reverse] = gru_sequence<T>(tape, batch.encoder_packing(), lanes, batch.encoder_inputs);
  // The reverse direction ends at the first token, so its state there has read the whole utterance.
  return {.summary = gather_rows<T>(tape, {{forward, batch.summary_last}, {reverse, batch.summary_first}}),
          .source_states = gather_rows<T>(tape, {{forward, batch.source_rows}, {reverse, batch.source_rows}})};
}

template EncodedUtterances<float> encode_utterances(Tape<float>&, const ModelParameters<Variable<float>>&, const Batch&,
                                                    Variable<float>);
template EncodedUtterances<double> encode_utterances(Tape<double>&, const ModelParameters<Variable<double>>&,
                                                     const Batch&, Variable<double>);

}  // namespace ethreed
