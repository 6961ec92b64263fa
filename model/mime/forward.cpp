#include "model/mime/forward.h"

#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/gaussian_sample_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/figure_sums.h"
#include "model/blocks/layers.h"
#include "model/interface/loss_terms.h"
#include "model/mime/noise.h"

namespace ethreed {

namespace {

/// These numbers as a constant.
template <class T, class Value> Variable<T> constant_of(Tape<T>& tape, const Shape& shape, Value value) {
  const std::int64_t count = shape.count();
  T* values = tape.context().arena.template allocate<T>(count);
  for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(value(i));
  return tape.constant(View<const T>(tape.context().to_device(values, count), shape));
}

/// Row rows[i] of `first` where that row's flag is set, else of `second`.
template <class T>
Variable<T> choose_rows(Tape<T>& tape, Variable<T> first, Variable<T> second, Span<const char> flags, Indices rows) {
  std::int32_t* chosen = tape.context().arena.template allocate<std::int32_t>(rows.size());
  for (int i = 0; i < rows.size(); ++i) chosen[i] = flags[rows[i]] != 0 ? rows[i] : first.rows() + rows[i];
  return gather_stacked_rows<T>(tape, first, second, Indices(chosen, rows.size()));
}

template <class T>
MimeGaussian<T> gaussian_of(Tape<T>& tape, const GaussianHandles<Variable<T>>& h, Variable<T> hidden) {
  return {.mean = linear_layer(tape, h.mean, {hidden}),
          .log_variance = h.log_variance.weight ? linear_layer(tape, h.log_variance, {hidden}) : Variable<T>{}};
}

template <class T> void share_log_variance(const MimeConfig& config, BothGroups<MimeGaussian<T>>& gaussians) {
  if (config.shared_log_variance) gaussians[group_negative].log_variance = gaussians[group_positive].log_variance;
}

template <class T>
BothGroups<MimeGaussian<T>> posterior_of(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                                         const ContextRows& contexts, Variable<T> first, const Mimicry<T>& mimicry,
                                         Span<const char> positive) {
  const auto mean = [&](Variable<T> x) { return attention_pooling<T>(tape, contexts.offsets, {}, x).y; };
  const Variable<T> same = mean(mimicry.same), other = mean(mimicry.other);
  const Indices rows = all_rows(tape.context(), contexts.rows());
  BothGroups<MimeGaussian<T>> out;
  for (const bool of_positive : {true, false}) {
    const MimeGroup g = group_of(of_positive);
    // M is the one built from e_+ where the emotion is positive.
    const Variable<T> built =
        of_positive ? choose_rows(tape, same, other, positive, rows) : choose_rows(tape, other, same, positive, rows);
    out[g] = gaussian_of(tape, p.posterior[g], relu(tape, linear_layer(tape, p.posterior_hidden[g], {first, built})));
  }
  share_log_variance(config, out);
  return out;
}

/// Twice KL(q ‖ p) of every component [rows, d]: λ − λ^q + (e^{λ^q} + (μ^q − μ)²) e^{−λ} − 1.
template <class T> Variable<T> twice_divergence(Tape<T>& tape, const MimeGaussian<T>& q, const MimeGaussian<T>& p) {
  const Variable<T> squares = add(tape, exp(tape, q.log_variance), squared_error(tape, q.mean, p.mean));
  const Variable<T> share = multiply(tape, squares, exp(tape, scale(tape, p.log_variance, -1.0)));
  const Variable<T> sum = add(tape, subtract(tape, p.log_variance, q.log_variance), share);
  return subtract(tape, sum, constant_of<T>(tape, {1, sum.columns()}, [](std::int64_t) { return 1; }));
}

}  // namespace

template <class T>
MimeContext<T> read_mime_contexts(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                                  Variable<T> words, const ContextRows& contexts) {
  const Range range(tape, "context encoder");
  MimeContext<T> out;
  out.input = read_contexts(tape, p.table, words, contexts);
  out.states = transformer_encoder(tape, config.transformer, p.context, contexts.offsets, {out.input});
  out.first = gather_rows<T>(tape, {{out.states, contexts.firsts()}});
  out.logits = linear(tape, {linear(tape, {out.first}, p.classifier, Variable<T>{})}, p.emotions, Variable<T>{});
  return out;
}

template <class T>
BothGroups<MimeGaussian<T>> mime_prior(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                                       Variable<T> first) {
  const Variable<T> hidden = relu(tape, linear_layer(tape, p.prior_hidden, {first}));
  BothGroups<MimeGaussian<T>> out{gaussian_of(tape, p.prior[group_positive], hidden),
                                  gaussian_of(tape, p.prior[group_negative], hidden)};
  share_log_variance(config, out);
  return out;
}

template <class T>
BothGroups<Variable<T>> group_emotions(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                                       const BothGroups<MimeGaussian<T>>& gaussians,
                                       const BothGroups<const T*>& noise) {
  const Context& context = tape.context();
  BothGroups<Variable<T>> out;
  for (const bool positive : {true, false}) {
    const MimeGroup g = group_of(positive);
    const MimeGaussian<T>& gaussian = gaussians[g];
    const Variable<T> z = noise[g] == nullptr ? gaussian.mean
                                              : gaussian_sample<T>(tape, gaussian.mean, gaussian.log_variance,
                                                                   View<const T>(noise[g], gaussian.mean.shape()));
    // Each row pools the emotions of the group, weighted by a softmax over its own scores.
    const Variable<T> scores = linear_layer(tape, p.choice[g], {z});
    const int rows = scores.rows(), size = scores.columns();
    std::int32_t* offsets = context.arena.template allocate<std::int32_t>(std::int64_t{rows} + 1);
    std::int32_t* emotions = context.arena.template allocate<std::int32_t>(std::int64_t{rows} * size);
    for (int r = 0; r <= rows; ++r) offsets[r] = r * size;
    std::int32_t* next = emotions;
    for (int r = 0; r < rows; ++r)
      for (int k = 0; k < config.emotion_classes; ++k)
        if (config.is_positive(k) == positive) *next++ = k;
    out[g] =
        attention_pooling<T>(tape, Indices(offsets, rows + 1), scores, p.emotions, Indices(emotions, rows * size)).y;
  }
  return out;
}

template <class T>
Mimicry<T> mimic(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                 const ContextRows& contexts, Variable<T> states, const BothGroups<Variable<T>>& emotions,
                 Span<const char> positive) {
  const auto& [of_positive, of_negative] = emotions;
  const auto read = [&](const TransformerHandles<Variable<T>>& encoder, Variable<T> where_positive,
                        Variable<T> where_negative) {
    return transformer_encoder(tape, config.transformer, encoder, contexts.offsets,
                               {states, choose_rows(tape, where_positive, where_negative, positive, contexts.row)});
  };
  return {.same = read(p.mimicry, of_positive, of_negative),
          .other = read(config.one_mimicry_encoder ? p.mimicry : p.other_mimicry, of_negative, of_positive)};
}

template <class T> Variable<T> fuse(Tape<T>& tape, const MimeParameters<Variable<T>>& p, const Mimicry<T>& mimicry) {
  const Indices all = all_rows(tape.context(), mimicry.same.rows());
  const Variable<T> both = gather_rows<T>(tape, {{mimicry.same, all}, {mimicry.other, all}});
  const Variable<T> gate = sigmoid(tape, linear_layer(tape, p.fusion_gate, {both}));
  return linear_layer(tape, p.fusion, {multiply(tape, gate, both)});
}

template <class T>
Span<const char> predicted_groups(const Context& context, const MimeConfig& config, Variable<T> logits) {
  const Variable<T> host = on_host(context, logits);
  char* positive = context.arena.allocate<char>(logits.rows());
  for (int r = 0; r < logits.rows(); ++r) positive[r] = config.is_positive(argmax_of_row(host, r)) ? 1 : 0;
  return {positive, logits.rows()};
}

namespace {

/// Gold groups by decoder row; where nobody has labelled the post, those of `otherwise`, or any if that is empty.
Span<const char> gold_groups(const Context& context, const MimeConfig& config, const DialogueBatch& batch,
                             Span<const char> otherwise) {
  char* positive = context.arena.allocate<char>(batch.turns());
  for (int r = 0; r < batch.turns(); ++r) {
    const std::int32_t emotion = batch.emotion[batch.turn_of_row[r]];
    positive[r] = emotion >= 0 ? (config.is_positive(emotion) ? 1 : 0) : otherwise.size() > 0 ? otherwise[r] : 1;
  }
  return {positive, batch.turns()};
}

/// x [rows, ·] without the rows that have no emotion; of_row(i) is the decoder row of its row i.
template <class T, class OfRow>
Variable<T> labelled_only(Tape<T>& tape, const DialogueBatch& batch, Variable<T> x, OfRow of_row) {
  if (batch.emotion_labels == batch.turns()) return x;
  return multiply(tape, x, constant_of<T>(tape, {x.rows(), 1}, [&](std::int64_t i) {
                    return batch.emotion[batch.turn_of_row[of_row(i)]] >= 0 ? 1 : 0;
                  }));
}

template <class T>
Variable<T> look_up_words(Tape<T>& tape, const MimeParameters<Variable<T>>& p, const ContextBatch& batch) {
  const Range range(tape, "word look-up");
  return read_words(tape, p.table, batch);
}

template <class T>
StepLosses<T> sum_losses(Tape<T>& tape, const DialogueBatch& batch, const MimePass<T>& pass, Variable<T> loss,
                         const BothGroups<Variable<T>>& twice_divergence) {
  const auto reply = [](std::int64_t i) { return i; };
  const auto of_token = [&](std::int64_t i) { return batch.decoder_rows[batch.state_rows[i]]; };
  LossTerms<T> terms;
  terms.add(mime_generation, labelled_only(tape, batch, loss, of_token), 1.0, 1.0);
  terms.add(mime_divergence_positive, labelled_only(tape, batch, twice_divergence[group_positive], reply), 0.5, 1.0);
  terms.add(mime_divergence_negative, labelled_only(tape, batch, twice_divergence[group_negative], reply), 0.5, 1.0);
  if (batch.emotion_labels > 0)
    terms.add(mime_emotion, softmax_cross_entropy<T>(tape, pass.logits, batch.emotion), 1.0 / batch.emotion_labels,
              1.0);
  return terms.sum(tape);
}

}  // namespace

template <class T>
MimePass<T> mime_forward(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                         const ContextBatch& batch, const PassOptions& options) {
  Context& context = tape.context();
  const DialogueBatch& d = batch.dialogues;
  const bool validate = options.purpose == Purpose::validate, own = config.decoder_sample == DecoderSample::prior;
  MimePass<T> pass;
  MimeStages<T>& stages = pass.stages;
  stages.noise = draw_noise<T>(context, config, d, options);
  const Variable<T> words = look_up_words(tape, p, batch);
  const MimeContext<T>& read = stages.context = read_mime_contexts(tape, config, p, words, batch.contexts);
  pass.logits = gather_rows<T>(tape, {{read.logits, d.row_of_turn}});
  const Span<const char> predicted = validate ? predicted_groups(context, config, read.logits) : Span<const char>{};
  const Span<const char> gold = gold_groups(context, config, d, predicted);

  const auto mimic_groups = [&](const BothGroups<Variable<T>>& emotions, Span<const char> groups) {
    return mimic(tape, config, p, batch.contexts, read.states, emotions, groups);
  };
  BothGroups<Variable<T>> twice;
  Mimicry<T> of_prior;
  {
    const Range range(tape, "mimicry");
    stages.prior = mime_prior(tape, config, p, read.first);
    stages.emotions = group_emotions(tape, config, p, stages.prior, stages.noise.prior);
    of_prior = mimic_groups(stages.emotions, gold);
    stages.posterior = posterior_of(tape, config, p, batch.contexts, read.first, of_prior, gold);
    for (std::size_t g = 0; g < twice.size(); ++g)
      twice[g] = twice_divergence(tape, stages.posterior[g], stages.prior[g]);
    stages.mimicry =
        own ? of_prior : mimic_groups(group_emotions(tape, config, p, stages.posterior, stages.noise.posterior), gold);
  }
  const Range range(tape, "decoder and losses");
  const Variable<T> targets = read_targets(tape, p.table, words, batch);
  const auto decode = [&](Variable<T> fused) {
    return transformer_decoder(tape, config.transformer, p.decoder, d.target_offsets, {targets}, batch.contexts.offsets,
                               fused)
        .states;
  };
  const auto loss_of = [&](Variable<T> states) {
    const Range of_loss(tape, "vocabulary loss");
    return target_loss(tape, p.output, states, batch, config.label_smoothing);
  };
  stages.fused = fuse(tape, p, stages.mimicry);
  stages.decoded = decode(stages.fused);
  const VocabularyLoss<T> decoded = loss_of(stages.decoded);
  pass.losses = sum_losses(tape, d, pass, decoded.loss, twice);
  pass.divergence = {pass.losses.term[mime_divergence_positive], pass.losses.term[mime_divergence_negative]};
  pass.nll = decoded.nll;
  if (!validate) return pass;
  const auto nll_of = [&](const Mimicry<T>& mimicry) { return loss_of(decode(fuse(tape, p, mimicry))).nll; };
  pass.nll = nll_of(mimic_groups(stages.emotions, predicted));
  pass.gold_nll = own ? decoded.nll : nll_of(of_prior);
  return pass;
}

template <class T> MimePass<T> mime_on_host(const Context& context, MimePass<T> pass) {
  for (Variable<T>* variable :
       {&pass.logits, &pass.nll, &pass.gold_nll, &pass.divergence[group_positive], &pass.divergence[group_negative]})
    *variable = on_host(context, *variable);
  return pass;
}

#define ETHREED_INSTANTIATE(T)                                                                                      \
  template MimeContext<T> read_mime_contexts(Tape<T>&, const MimeConfig&, const MimeParameters<Variable<T>>&,       \
                                             Variable<T>, const ContextRows&);                                      \
  template BothGroups<MimeGaussian<T>> mime_prior(Tape<T>&, const MimeConfig&, const MimeParameters<Variable<T>>&,  \
                                                  Variable<T>);                                                     \
  template BothGroups<Variable<T>> group_emotions(Tape<T>&, const MimeConfig&, const MimeParameters<Variable<T>>&,  \
                                                  const BothGroups<MimeGaussian<T>>&, const BothGroups<const T*>&); \
  template Mimicry<T> mimic(Tape<T>&, const MimeConfig&, const MimeParameters<Variable<T>>&, const ContextRows&,    \
                            Variable<T>, const BothGroups<Variable<T>>&, Span<const char>);                         \
  template Variable<T> fuse(Tape<T>&, const MimeParameters<Variable<T>>&, const Mimicry<T>&);                       \
  template Span<const char> predicted_groups(const Context&, const MimeConfig&, Variable<T>);                       \
  template MimePass<T> mime_forward(Tape<T>&, const MimeConfig&, const MimeParameters<Variable<T>>&,                \
                                    const ContextBatch&, const PassOptions&);                                       \
  template MimePass<T> mime_on_host(const Context&, MimePass<T>);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
