#pragma once
// The parameters of ETHREED: their names and shapes (the interchange format's) and the handles by which a step uses
// them.

#include "model/blocks/parameters.h"
#include "model/ethreed/config.h"

namespace ethreed {

/// Parameters by section of the paper and role. Handle is Variable<T> in a step. Handles of parameters that an ablation
/// does not have stay unset.
template <class Handle> struct EncoderParameters {  // section 2
  GruHandles<Handle> forward, reverse;
  LinearHandles<Handle> attention;  // W, b of UtterancePooling::attention
  Handle attention_vector{};        // v
};

template <class Handle> struct TrackerParameters {
  GruHandles<Handle> gru_g, gru_p, gru_e, gru_c;  // (1) (2) (5) (7)
  Handle history_attention{};                     // W_β of (4)
};

template <class Handle> struct PolicyParameters {
  LinearHandles<Handle> state, mean, log_variance;  // (8) (9) (10)
};

template <class Handle> struct DecoderParameters {
  LinearHandles<Handle> content, emotion;        // W_1, W_2
  GruHandles<Handle> gru_d;                      // (15)
  LinearHandles<Handle> attention;               // W_con, b_a of (18)
  Handle coverage{};                             // w_r of (18)
  LinearHandles<Handle> emotion_gate;            // W_emo, b_m of (20)
  LinearHandles<Handle> bottleneck, vocabulary;  // V₁, V' of (22)
  Handle deep_output{};                          // V₁'s columns for E[y_{i−1}] and con, of deep_output alone
  LinearHandles<Handle> pointer;                 // (23)
  bool unbounded_energies = false;               // no parameter: how (18) is read
  bool emotion_input = false;                    // no parameters: how (15) is read
  bool content_input = false;
};

template <class Handle> struct EthreedParameters {
  Handle embedding{};  // E
  EncoderParameters<Handle> encoder;
  TrackerParameters<Handle> tracker;
  LinearHandles<Handle> classifier;  // W_e of (6) (13) (14)
  PolicyParameters<Handle> policy;
  DecoderParameters<Handle> decoder;
};

/// Every parameter that the configuration has, in the order of the block; see parameters.h of blocks.
template <class Handle, class Visit>
void visit_parameters(const EthreedConfig& c, EthreedParameters<Handle>& p, Visit&& visit) {
  const auto gru = [&](std::string_view prefix, int input, int hidden, GruHandles<Handle>& h,
                       GruNames names = GruNames::cell) {
    visit_gru(visit, prefix, names, input, hidden, c.update_gate_bias, h);
  };
  const auto layer = [&](std::string_view prefix, int out, int in, LinearHandles<Handle>& h) {
    visit_linear(visit, prefix, out, in, h);
  };
  const int utterance = 2 * c.encoder;
  visit("embedding", ".weight", Shape{c.vocabulary, c.embedding},
        InitialValues{.how = Initialisation::word_vectors, .fan_in = c.embedding}, p.embedding);
  gru("encoder", c.embedding, c.encoder, p.encoder.forward, GruNames::forward_layer);
  gru("encoder", c.embedding, c.encoder, p.encoder.reverse, GruNames::reverse_layer);
  if (c.pooling == UtterancePooling::attention) {
    layer("encoder.attention", c.encoder, utterance, p.encoder.attention);
    visit("encoder.attention", ".vector", Shape{1, c.encoder}, InitialValues{.fan_in = c.encoder},
          p.encoder.attention_vector);
  }
  gru("tracker.global", utterance, c.global_state, p.tracker.gru_g);
  if (c.has_party()) {
    visit("tracker.history_attention", ".weight", Shape{utterance, c.global_state},
          InitialValues{.fan_in = c.global_state}, p.tracker.history_attention);
    gru("tracker.party", utterance + c.global_state, c.party_state, p.tracker.gru_p);
  }
  if (c.has_emotion_cell())
    gru("tracker.emotion", c.has_party() ? c.party_state : c.global_state, c.emotion_state, p.tracker.gru_e);
  gru("tracker.content", c.global_state, c.content_state, p.tracker.gru_c);
  layer("classifier", c.emotion_classes, c.emotion_state, p.classifier);
  if (c.has_policy()) {
    layer("policy.state", c.emotion_state, c.emotion_state, p.policy.state);
    layer("policy.mean", c.emotion_state, c.emotion_state, p.policy.mean);
    layer("policy.log_variance", c.emotion_state, c.emotion_state, p.policy.log_variance);
  }
  layer("decoder.content", c.decoder_state, c.content_state, p.decoder.content);
  layer("decoder.emotion", c.emotion_state, c.emotion_state, p.decoder.emotion);
  gru("decoder.gru", c.embedding + (c.emotion_input ? c.emotion_state : 0) + (c.content_input ? c.decoder_state : 0),
      c.decoder_state, p.decoder.gru_d);
  visit("decoder.attention", ".weight", Shape{c.decoder_state, utterance}, InitialValues{.fan_in = utterance},
        p.decoder.attention.weight);
  visit("decoder.attention", ".bias", Shape{1}, InitialValues{.fan_in = utterance}, p.decoder.attention.bias);
  visit("decoder.attention", ".coverage", Shape{1}, InitialValues{.fan_in = utterance}, p.decoder.coverage);
  visit("decoder.emotion_gate", ".weight", Shape{c.decoder_state, c.emotion_state},
        InitialValues{.fan_in = c.emotion_state}, p.decoder.emotion_gate.weight);
  visit("decoder.emotion_gate", ".bias", Shape{1}, InitialValues{.fan_in = c.emotion_state},
        p.decoder.emotion_gate.bias);
  const int features = c.decoder_state + utterance + c.emotion_state;
  layer("decoder.bottleneck", c.bottleneck, features, p.decoder.bottleneck);
  if (c.deep_output) {
    const int inputs = c.embedding + c.decoder_state;
    visit("decoder.deep_output", ".weight", Shape{c.bottleneck, inputs}, InitialValues{.fan_in = features + inputs},
          p.decoder.deep_output);
  }
  layer("decoder.vocabulary", c.vocabulary, c.bottleneck, p.decoder.vocabulary);
  visit("decoder.pointer", ".weight", Shape{1, features}, InitialValues{.fan_in = features}, p.decoder.pointer.weight);
  visit("decoder.pointer", ".bias", Shape{1}, InitialValues{.fan_in = features, .shift = c.generation_gate_bias},
        p.decoder.pointer.bias);
  p.decoder.unbounded_energies = c.unbounded_energies;
  p.decoder.emotion_input = c.emotion_input;
  p.decoder.content_input = c.content_input;
}

}  // namespace ethreed
