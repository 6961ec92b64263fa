#pragma once
// The parameters of EmpHi and its variants.

#include "core/indices.h"
#include "model/blocks/parameters.h"
#include "model/emphi/config.h"

namespace ethreed {

/// A classifier of what was said, and a vector of each class: W_1, b_1, W_2 (without a bias), A or B.
template <class Handle> struct EmphiHead {
  LinearHandles<Handle> hidden;
  Handle output{}, embedding{};
};

/// Handles of parameters that a variant does not have stay unset.
template <class Handle> struct EmphiDecoder {
  GruHandles<Handle> first, second;
  Handle emotion_gate{}, intent_gate{};  // G_e, G_z [D, 3D]
  Handle copy_gate{};                    // w_τ [1, D]
};

template <class Handle> struct EmphiParameters {
  Handle embedding{};  // E: of what is read, of the decoder's input and output, of keywords
  GruHandles<Handle> first_forward, first_reverse, second_forward, second_reverse;  // of the encoder
  EmphiHead<Handle> emotion, intent;
  Handle keywords{};  // ids of the words of every intent [9, M_k], numbers of the data: no gradient
  EmphiDecoder<Handle> decoder;
};

/// How the names of one layer's parameters end.
struct EmphiGruNames {
  std::string_view weight_ih, weight_hh, bias_ih, bias_hh;
};
inline constexpr EmphiGruNames emphi_l0{".weight_ih_l0", ".weight_hh_l0", ".bias_ih_l0", ".bias_hh_l0"};
inline constexpr EmphiGruNames emphi_l1{".weight_ih_l1", ".weight_hh_l1", ".bias_ih_l1", ".bias_hh_l1"};
inline constexpr EmphiGruNames emphi_l0_reverse{".weight_ih_l0_reverse", ".weight_hh_l0_reverse", ".bias_ih_l0_reverse",
                                                ".bias_hh_l0_reverse"};
inline constexpr EmphiGruNames emphi_l1_reverse{".weight_ih_l1_reverse", ".weight_hh_l1_reverse", ".bias_ih_l1_reverse",
                                                ".bias_hh_l1_reverse"};

template <class Handle, class Visit>
void visit_parameters(const EmphiConfig& c, EmphiParameters<Handle>& p, Visit&& visit) {
  const int d = c.embedding, intents = count_of(emphi_intents);
  const auto gru = [&](std::string_view prefix, const EmphiGruNames& names, int input, GruHandles<Handle>& h) {
    const InitialValues uniform{.fan_in = input}, orthogonal{.how = Initialisation::orthogonal, .fan_in = d};
    const InitialValues recurrent_bias{
        .how = Initialisation::recurrent_bias, .fan_in = d, .update_gate_bias = c.update_gate_bias};
    visit(prefix, names.weight_ih, Shape{3 * d, input}, uniform, h.weight_ih);
    visit(prefix, names.weight_hh, Shape{3 * d, d}, orthogonal, h.weight_hh);
    visit(prefix, names.bias_ih, Shape{3 * d}, uniform, h.bias_ih);
    visit(prefix, names.bias_hh, Shape{3 * d}, recurrent_bias, h.bias_hh);
  };
  const auto matrix = [&](std::string_view prefix, int out, int in, Handle& h) {
    visit(prefix, ".weight", Shape{out, in}, InitialValues{.fan_in = in}, h);
  };
  visit("embedding", ".weight", Shape{c.vocabulary, d}, InitialValues{.how = Initialisation::word_vectors, .fan_in = d},
        p.embedding);
  gru("encoder.gru", emphi_l0, d, p.first_forward);
  gru("encoder.gru", emphi_l0_reverse, d, p.first_reverse);
  gru("encoder.gru", emphi_l1, 2 * d, p.second_forward);
  gru("encoder.gru", emphi_l1_reverse, 2 * d, p.second_reverse);
  visit_linear(visit, "emotion.hidden", d, d, p.emotion.hidden);
  matrix("emotion.output", c.emotion_classes, d, p.emotion.output);
  if (c.has_implicit()) matrix("emotion.embedding", c.emotion_classes, d, p.emotion.embedding);
  visit_linear(visit, "intent.hidden", d, d, p.intent.hidden);
  matrix("intent.output", intents, d, p.intent.output);
  if (c.has_implicit()) matrix("intent.embedding", intents, d, p.intent.embedding);
  if (c.has_explicit())
    visit("intent", ".keywords", Shape{intents, c.keywords}, InitialValues{.how = Initialisation::from_data},
          p.keywords);
  gru("decoder.gru", emphi_l0, c.decoder_input(), p.decoder.first);
  gru("decoder.gru", emphi_l1, d, p.decoder.second);
  if (c.has_gates()) matrix("decoder.emotion_gate", d, 3 * d, p.decoder.emotion_gate);
  if (c.has_gates()) matrix("decoder.intent_gate", d, 3 * d, p.decoder.intent_gate);
  if (c.has_explicit()) matrix("decoder.copy_gate", 1, d, p.decoder.copy_gate);
}

}  // namespace ethreed
