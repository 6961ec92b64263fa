#include "model/hred/forward.h"

#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/layers.h"
#include "model/hred/importance.h"
#include "model/hred/losses.h"
#include "model/hred/noise.h"

namespace ethreed {

template <class T>
HredContext<T> read_context(Tape<T>& tape, const HredConfig& config, const HredParameters<Variable<T>>& parameters,
                            const DialogueBatch& batch, const HredNoise<T>& noise) {
  HredContext<T> out;
  {
    const Range range(tape, "utterance encoder");
    out.words = embedding<T>(tape, parameters.embedding, batch.word_ids);
    const auto [forward, reverse] =
        bidirectional_gru_layer(tape, parameters.encoder_forward, parameters.encoder_reverse, batch.encoder_packing(),
                                out.words, batch.encoder_inputs);
    out.summary = gather_rows<T>(tape, {{forward, batch.summary_last}, {reverse, batch.summary_first}});
  }
  const Range range(tape, "context");
  const Packing chain = batch.chain_packing();
  out.global = gru_layer(tape, parameters.context, chain, {out.summary}, {}, noise.context);
  if (!config.has_emotion()) return out;
  out.emotion = gru_layer(tape, parameters.emotion, chain, {out.global}, {}, noise.emotion);
  const Variable<T> logits =
      linear_layer(tape, parameters.classifier, {gather_rows<T>(tape, {{out.emotion, batch.both_chain}})});
  out.speaker_logits = tape.rows(logits, 0, batch.turns());
  out.listener_logits = tape.rows(logits, batch.turns(), batch.turns());
  return out;
}

namespace {

template <class T>
LatentDistribution<T> latent_head(Tape<T>& tape, const LatentHead<Variable<T>>& head, Variable<T> hidden) {
  const Variable<T> hidden2 = linear_layer(tape, head.hidden2, {hidden}, Activation::tanh);
  return {.mean = linear_layer(tape, head.mean, {hidden2}), .raw = linear_layer(tape, head.variance, {hidden2})};
}

}  // namespace

template <class T>
LatentDistribution<T> latent_prior(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, Variable<T> context) {
  return latent_head(tape, parameters.prior, linear_layer(tape, parameters.prior.hidden, {context}, Activation::tanh));
}

template <class T>
LatentDistribution<T> latent_posterior(Tape<T>& tape, const HredParameters<Variable<T>>& parameters,
                                       Variable<T> context, Variable<T> reply) {
  return latent_head(tape, parameters.posterior,
                     linear_layer(tape, parameters.posterior.hidden, {context, reply}, Activation::tanh));
}

template <class T>
HredLatent<T> draw_latent(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, Variable<T> context,
                          Variable<T> reply, const T* noise, double least_divergence) {
  const LatentDistribution<T> prior = latent_prior(tape, parameters, context);
  const View<const T> epsilon = noise == nullptr ? View<const T>() : View<const T>(noise, prior.mean.shape());
  if (!reply) return {gaussian_latent<T>(tape, prior, {}, epsilon).z, {}};
  const GaussianLatent<T> drawn =
      gaussian_latent<T>(tape, prior, latent_posterior(tape, parameters, context, reply), epsilon, least_divergence);
  return {drawn.z, drawn.kl};
}

namespace {

// [g ; e] or g at these chain rows.
template <class T> Variable<T> states_at(Tape<T>& tape, const HredContext<T>& context, Indices rows) {
  if (context.emotion) return gather_rows<T>(tape, {{context.global, rows}, {context.emotion, rows}});
  return gather_rows<T>(tape, {{context.global, rows}});
}

}  // namespace

template <class T>
Variable<T> conditioning_of(Tape<T>& tape, const HredConfig& config, const HredBatch& batch,
                            const HredContext<T>& context, Variable<T> z) {
  if (config.has_latent())
    return gather_rows<T>(tape, {{context.global, batch.replies.contexts}, {z, batch.dialogues.turn_of_row}});
  return states_at<T>(tape, context, batch.replies.contexts);
}

template <class T>
Variable<T> output_logits(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, Variable<T> state_and_word,
                          Variable<T> conditioning) {
  return linear_layer(tape, parameters.vocabulary,
                      {linear_layer(tape, parameters.bottleneck, {state_and_word, conditioning})});
}

template <class T>
Variable<T> decode_targets(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, const HredDecoderRows& rows,
                           Variable<T> words, Variable<T> conditioning, Indices inputs) {
  const Variable<T> initial = linear_layer(tape, parameters.decoder_initial, {conditioning}, Activation::tanh);
  const Variable<T> y =
      inputs.empty() ? gather_rows<T>(tape, {{words, rows.inputs}}) : embedding<T>(tape, parameters.embedding, inputs);
  // s does not depend on an attention: under teacher forcing it is one ragged sequence.
  const Variable<T> c = gather_rows<T>(tape, {{conditioning, rows.packed_rows}});
  const Variable<T> s = gru_layer(tape, parameters.decoder, rows.packing(), {y, c}, initial);
  const Variable<T> logits =
      output_logits(tape, parameters, gather_rows<T>(tape, {{s, rows.state_rows}, {y, rows.state_rows}}),
                    gather_rows<T>(tape, {{c, rows.state_rows}}));
  return softmax_cross_entropy<T>(tape, logits, rows.targets);
}

template <class T>
HredPass<T> hred_forward(Tape<T>& tape, const HredConfig& config, const HredParameters<Variable<T>>& parameters,
                         const HredBatch& batch, const PassOptions& options) {
  Context& context = tape.context();
  const HredNoise<T> noise = draw_noise<T>(context, config, batch, options);
  HredPass<T> pass;
  const DialogueBatch& d = batch.dialogues;
  pass.context = read_context(tape, config, parameters, d, noise);
  const Range range(tape, "decoder and losses");
  const auto decode = [&](Variable<T> z) {
    return decode_targets(tape, parameters, batch.replies, pass.context.words,
                          conditioning_of(tape, config, batch, pass.context, z), noise.inputs);
  };
  if (config.has_latent()) {
    const Variable<T> before = gather_rows<T>(tape, {{pass.context.global, d.post_chain}});
    const Variable<T> reply = gather_rows<T>(tape, {{pass.context.summary, d.response_chain}});
    const HredLatent<T> posterior = draw_latent(tape, parameters, before, reply, noise.latent,
                                                options.purpose == Purpose::train ? config.free_bits : 0.0);
    pass.nll = decode(posterior.z);
    pass.divergence = posterior.divergence;
    if (config.has_bag_of_words()) {
      const Variable<T> logits = linear_layer(tape, parameters.bag_of_words, {posterior.z});
      pass.bag_nll =
          softmax_cross_entropy<T>(tape, gather_rows<T>(tape, {{logits, batch.token_turns}}), batch.replies.targets);
    }
    if (options.purpose == Purpose::validate && options.latent_samples > 0)
      pass.log_likelihood = importance_log_likelihood(tape, config, parameters, batch, pass.context, options);
    if (options.purpose == Purpose::validate)
      pass.prior_nll = decode(draw_latent(tape, parameters, before, {}, noise.latent).z);
  } else {
    pass.nll = decode({});
  }
  if (batch.posts.tokens() > 0)
    pass.post_nll = decode_targets<T>(tape, parameters, batch.posts, pass.context.words,
                                      states_at<T>(tape, pass.context, batch.posts.contexts));
  pass.losses = sum_losses(tape, config, batch, pass, options);
  return pass;
}

template <class T> HredPass<T> hred_on_host(const Context& context, HredPass<T> pass) {
  for (Variable<T>* variable :
       {&pass.context.speaker_logits, &pass.context.listener_logits, &pass.nll, &pass.divergence, &pass.prior_nll})
    *variable = on_host(context, *variable);
  return pass;
}

#define ETHREED_INSTANTIATE(T)                                                                                         \
  template HredContext<T> read_context(Tape<T>&, const HredConfig&, const HredParameters<Variable<T>>&,                \
                                       const DialogueBatch&, const HredNoise<T>&);                                     \
  template LatentDistribution<T> latent_prior(Tape<T>&, const HredParameters<Variable<T>>&, Variable<T>);              \
  template LatentDistribution<T> latent_posterior(Tape<T>&, const HredParameters<Variable<T>>&, Variable<T>,           \
                                                  Variable<T>);                                                        \
  template HredLatent<T> draw_latent(Tape<T>&, const HredParameters<Variable<T>>&, Variable<T>, Variable<T>, const T*, \
                                     double);                                                                          \
  template Variable<T> conditioning_of(Tape<T>&, const HredConfig&, const HredBatch&, const HredContext<T>&,           \
                                       Variable<T>);                                                                   \
  template Variable<T> output_logits(Tape<T>&, const HredParameters<Variable<T>>&, Variable<T>, Variable<T>);          \
  template Variable<T> decode_targets(Tape<T>&, const HredParameters<Variable<T>>&, const HredDecoderRows&,            \
                                      Variable<T>, Variable<T>, Indices);                                              \
  template HredPass<T> hred_forward(Tape<T>&, const HredConfig&, const HredParameters<Variable<T>>&, const HredBatch&, \
                                    const PassOptions&);                                                               \
  template HredPass<T> hred_on_host(const Context&, HredPass<T>);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
