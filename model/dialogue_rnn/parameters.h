#pragma once
// The parameters of DialogueRNN and its variants.

#include "model/blocks/parameters.h"
#include "model/dialogue_rnn/config.h"

namespace ethreed {

/// Of one direction. Handles of parameters that a variant does not have stay unset.
template <class Handle> struct DialogueRnnCell {
  GruHandles<Handle> global, party, listener, emotion;  // GRU_g, GRU_p, GRU_l, GRU_e
  Handle attention{};                                   // W_α [D_g, D_m], or w [1, D_g]
};

template <class Handle> struct DialogueRnnParameters {
  Handle embedding{};  // E
  GruHandles<Handle> encoder_forward, encoder_reverse;
  DialogueRnnCell<Handle> cell, reverse_cell;
  LinearHandles<Handle> emotion_attention;  // W_β, b_β
  LinearHandles<Handle> hidden, output;     // W_h, W_o
};

/// Names of one direction's parameters.
struct DialogueRnnCellNames {
  std::string_view global, party, listener, emotion, attention;
};

template <class Handle, class Visit>
void visit_cell(const DialogueRnnConfig& c, int utterance, const DialogueRnnCellNames& names,
                DialogueRnnCell<Handle>& p, Visit&& visit) {
  const auto gru = [&](std::string_view prefix, int input, int hidden, GruHandles<Handle>& h) {
    visit_gru(visit, prefix, GruNames::cell, input, hidden, c.update_gate_bias, h);
  };
  gru(names.global, utterance + c.party_state, c.global_state, p.global);
  gru(names.party, utterance + c.global_state, c.party_state, p.party);
  if (c.has_listener_state()) gru(names.listener, utterance + c.party_state, c.party_state, p.listener);
  gru(names.emotion, c.party_state, c.emotion_state, p.emotion);
  if (c.attention == GlobalAttention::general)
    visit(names.attention, ".weight", Shape{c.global_state, utterance}, InitialValues{.fan_in = utterance},
          p.attention);
  if (c.attention == GlobalAttention::simple)
    visit(names.attention, ".weight", Shape{1, c.global_state}, InitialValues{.fan_in = c.global_state}, p.attention);
}

/// Everything behind the encoder, whose vectors of utterances have D_m = `utterance` elements.
template <class Handle, class Visit>
void visit_tracker(const DialogueRnnConfig& c, int utterance, DialogueRnnParameters<Handle>& p, Visit&& visit) {
  visit_cell(c, utterance,
             {"tracker.global", "tracker.party", "tracker.listener", "tracker.emotion", "tracker.attention"}, p.cell,
             visit);
  if (c.is_bidirectional())
    visit_cell(c, utterance,
               {"tracker.reverse.global", "tracker.reverse.party", "tracker.reverse.listener",
                "tracker.reverse.emotion", "tracker.reverse.attention"},
               p.reverse_cell, visit);
  const int emotion = c.directions() * c.emotion_state, hidden = c.directions() * c.hidden;
  if (c.has_emotion_attention())
    visit_linear(visit, "tracker.emotion_attention", emotion, emotion, p.emotion_attention);
  visit_linear(visit, "classifier.hidden", hidden, emotion, p.hidden);
  visit_linear(visit, "classifier.output", c.emotion_classes, hidden, p.output);
}

template <class Handle, class Visit>
void visit_parameters(const DialogueRnnConfig& c, DialogueRnnParameters<Handle>& p, Visit&& visit) {
  visit("embedding", ".weight", Shape{c.vocabulary, c.embedding},
        InitialValues{.how = Initialisation::word_vectors, .fan_in = c.embedding}, p.embedding);
  visit_gru(visit, "encoder", GruNames::forward_layer, c.embedding, c.encoder, c.update_gate_bias, p.encoder_forward);
  visit_gru(visit, "encoder", GruNames::reverse_layer, c.embedding, c.encoder, c.update_gate_bias, p.encoder_reverse);
  visit_tracker(c, 2 * c.encoder, p, visit);
}

}  // namespace ethreed
