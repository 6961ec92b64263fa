#pragma once
// The parameters of HRED and its variants.

#include "model/blocks/parameters.h"
#include "model/hred/config.h"

namespace ethreed {

/// VHRED's head: mean and variance of the latent variable, after two layers of tanh.
template <class Handle> struct LatentHead { LinearHandles<Handle> hidden, hidden2, mean, variance; };

/// Handles of parameters that a variant does not have stay unset.
template <class Handle> struct HredParameters {
  Handle embedding{};  // E
  GruHandles<Handle> encoder_forward, encoder_reverse;
  GruHandles<Handle> context;                    // GRU_ctx
  GruHandles<Handle> emotion;                    // GRU_emo of Emo-HRED
  LinearHandles<Handle> classifier;              // W_e of Emo-HRED
  LatentHead<Handle> prior, posterior;           // of VHRED
  LinearHandles<Handle> bag_of_words;            // of VHRED, where wanted
  LinearHandles<Handle> decoder_initial;         // W_0
  GruHandles<Handle> decoder;                    // GRU_d
  LinearHandles<Handle> bottleneck, vocabulary;  // V₁, V'
};

template <class Handle, class Visit>
void visit_parameters(const HredConfig& c, HredParameters<Handle>& p, Visit&& visit) {
  const auto gru = [&](std::string_view prefix, int input, int hidden, GruHandles<Handle>& h,
                       GruNames names = GruNames::cell) {
    visit_gru(visit, prefix, names, input, hidden, c.update_gate_bias, h);
  };
  const auto layer = [&](std::string_view prefix, int out, int in, LinearHandles<Handle>& h) {
    visit_linear(visit, prefix, out, in, h);
  };
  const int utterance = 2 * c.encoder, conditioning = c.conditioning();
  visit("embedding", ".weight", Shape{c.vocabulary, c.embedding},
        InitialValues{.how = Initialisation::word_vectors, .fan_in = c.embedding}, p.embedding);
  gru("encoder", c.embedding, c.encoder, p.encoder_forward, GruNames::forward_layer);
  gru("encoder", c.embedding, c.encoder, p.encoder_reverse, GruNames::reverse_layer);
  gru("context", utterance, c.context_state, p.context);
  if (c.has_emotion()) {
    gru("emotion", c.context_state, c.emotion_state, p.emotion);
    layer("classifier", c.emotion_classes, c.emotion_state, p.classifier);
  }
  if (c.has_latent()) {
    layer("prior.hidden", c.latent, c.context_state, p.prior.hidden);
    layer("prior.hidden2", c.latent, c.latent, p.prior.hidden2);
    layer("prior.mean", c.latent, c.latent, p.prior.mean);
    layer("prior.variance", c.latent, c.latent, p.prior.variance);
    layer("posterior.hidden", c.latent, c.context_state + utterance, p.posterior.hidden);
    layer("posterior.hidden2", c.latent, c.latent, p.posterior.hidden2);
    layer("posterior.mean", c.latent, c.latent, p.posterior.mean);
    layer("posterior.variance", c.latent, c.latent, p.posterior.variance);
  }
  if (c.has_bag_of_words()) layer("bag_of_words", c.vocabulary, c.latent, p.bag_of_words);
  layer("decoder.initial", c.decoder_state, conditioning, p.decoder_initial);
  gru("decoder.gru", c.embedding + conditioning, c.decoder_state, p.decoder);
  layer("decoder.bottleneck", c.bottleneck, c.decoder_state + c.embedding + conditioning, p.bottleneck);
  layer("decoder.vocabulary", c.vocabulary, c.bottleneck, p.vocabulary);
}

}  // namespace ethreed
