#include "model/hred/losses.h"

#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/interface/loss_terms.h"

#include <algorithm>

namespace ethreed {

namespace {

// The last column of each is there where it is wanted.
constexpr std::array<LossColumn, 2> plain_losses{{{"generation", "reply"}, {"generation_posts", "post"}}};
constexpr std::array<LossColumn, 3> latent_losses{
    {{"generation", "reply"}, {"divergence", "KL"}, {"bag_of_words", "words"}}};
constexpr std::array<LossColumn, 4> emotion_losses{{{"emotion_speaker", "emotion"},
                                                    {"emotion_listener", "listener"},
                                                    {"generation", "reply"},
                                                    {"generation_posts", "post"}}};

constexpr FigureColumn token_column{
    .name = "perplexity_token", .label = "PPL", .decimals = 2, .logged = true, .better = Better::lower};
constexpr FigureColumn macro_column{
    .name = "perplexity_macro", .label = "macro PPL", .decimals = 2, .logged = true, .better = Better::lower};
constexpr FigureColumn dialogues_column{.name = "dialogues", .count = true};
constexpr FigureColumn turns_column{.name = "turns", .count = true};
constexpr FigureColumn tokens_column{.name = "target_tokens", .count = true};
constexpr FigureColumn unknown_column{.name = "unk_share"};

constexpr FigureColumn at_mean(FigureColumn column) {
  column.at_mean = true;
  return column;
}

constexpr std::array<FigureColumn, 6> plain_figures{
    {token_column, macro_column, dialogues_column, turns_column, tokens_column, unknown_column}};
constexpr std::array<FigureColumn, 9> latent_figures{
    {at_mean(token_column),
     at_mean(macro_column),
     dialogues_column,
     turns_column,
     tokens_column,
     unknown_column,
     {.name = "perplexity_bound",
      .label = "PPL bound",
      .decimals = 2,
      .logged = true,
      .better = Better::lower},  // exp((NLL + KL) / tokens)
     {.name = "divergence_per_reply", .label = "KL a reply", .logged = true},
     {.name = "perplexity_importance", .sampled = true, .better = Better::lower}}};  // not a number without samples
constexpr std::array<FigureColumn, 9> emotion_figures{
    {token_column,
     macro_column,
     dialogues_column,
     turns_column,
     tokens_column,
     unknown_column,
     {.name = "speaker_accuracy", .label = "Acc", .logged = true, .better = Better::higher},
     {.name = "listener_accuracy", .label = "listener Acc", .logged = true, .better = Better::higher},
     {.name = "listener_turns", .count = true}}};

// −NLL of every token, as PerplexitySum takes it.
template <class T> std::vector<T> negated(const Variable<T>& nll) {
  std::vector<T> values(nll.data(), nll.data() + nll.value().count());
  for (T& value : values) value = -value;
  return values;
}

}  // namespace

std::span<const LossColumn> hred_losses(const HredConfig& config) {
  const auto first = [](std::span<const LossColumn> columns, bool whole) {
    return whole ? columns : columns.first(columns.size() - 1);
  };
  if (config.has_emotion()) return first(emotion_losses, config.has_post_targets());
  if (config.has_latent()) return first(latent_losses, config.has_bag_of_words());
  return first(plain_losses, config.has_post_targets());
}

std::span<const FigureColumn> hred_figures(const HredConfig& config) {
  if (config.has_emotion()) return emotion_figures;
  if (config.has_latent()) return latent_figures;
  return plain_figures;
}

double divergence_weight(const HredConfig& config, std::int64_t step) {
  if (config.kl_anneal_steps == 0) return 1.0;
  return std::min(1.0, static_cast<double>(step) / config.kl_anneal_steps);
}

template <class T>
StepLosses<T> sum_losses(Tape<T>& tape, const HredConfig& config, const HredBatch& batch, const HredPass<T>& pass,
                         const PassOptions& options) {
  const DialogueBatch& d = batch.dialogues;
  LossTerms<T> terms;
  const double tokens = batch.replies.tokens(), post_tokens = batch.posts.tokens();
  std::size_t place = 0;
  if (config.has_emotion()) {
    if (d.emotion_labels > 0)
      terms.add(place, softmax_cross_entropy<T>(tape, pass.context.speaker_logits, d.emotion), 1.0 / d.emotion_labels,
                config.weight_emotion);
    if (config.listener_labels && d.listener_labels > 0)
      terms.add(place + 1, softmax_cross_entropy<T>(tape, pass.context.listener_logits, d.listener_label),
                1.0 / d.listener_labels, config.weight_emotion);
    place += 2;
  }
  // The weights make the mean over all tokens of the two means.
  terms.add(place, pass.nll, 1.0 / tokens, tokens / (tokens + post_tokens));
  if (pass.post_nll) terms.add(place + 1, pass.post_nll, 1.0 / post_tokens, post_tokens / (tokens + post_tokens));
  if (config.has_latent())
    terms.add(place + 1, pass.divergence, 1.0 / tokens,
              options.purpose == Purpose::train ? divergence_weight(config, options.step) : 1.0);
  if (pass.bag_nll) terms.add(place + 2, pass.bag_nll, 1.0 / tokens, config.weight_bag_of_words);
  return terms.sum(tape);
}

template <class T> void HredFigures::add(const HredBatch& batch, const HredPass<T>& pass) {
  const std::vector<T> log_probability = negated(config_.has_latent() ? pass.prior_nll : pass.nll);
  perplexity_.add(batch.dialogues, log_probability.data(), config_.vocabulary);
  if (config_.has_emotion()) {
    speaker_.add(pass.context.speaker_logits, batch.dialogues.emotion, batch.dialogues);
    listener_.add(pass.context.listener_logits, batch.dialogues.listener_label, batch.dialogues);
  }
  if (config_.has_latent()) {
    bound_.add(batch.dialogues, negated(pass.nll).data(), config_.vocabulary);
    for (std::int64_t i = 0; i < pass.divergence.value().count(); ++i)
      divergence_ += static_cast<double>(pass.divergence.data()[i]);
    sampled_ = !pass.log_likelihood.empty();
    for (const double log_likelihood : pass.log_likelihood) log_likelihood_ += log_likelihood;
  }
}

std::vector<double> HredFigures::result() const {
  ETHREED_CHECK(perplexity_.tokens() > 0, "evaluation: no dialogue to evaluate");
  const auto tokens = static_cast<double>(perplexity_.tokens());
  std::vector<double> result{perplexity_.token(),
                             perplexity_.macro(),
                             static_cast<double>(perplexity_.dialogues()),
                             static_cast<double>(perplexity_.turns()),
                             tokens,
                             perplexity_.unknown_share()};
  if (config_.has_emotion())
    result.insert(result.end(), {speaker_.share(), listener_.share(), static_cast<double>(listener_.rows())});
  if (config_.has_latent())
    result.insert(result.end(), {computed_figure(std::exp(std::log(bound_.token()) + divergence_ / tokens)),
                                 mean_figure(divergence_, bound_.turns()),
                                 sampled_ ? computed_figure(std::exp(-log_likelihood_ / tokens)) : absent_figure});
  return result;
}

std::vector<FigureShares> HredFigures::shares() const {
  std::vector<FigureShares> shares{perplexity_.token_shares(token_column.name),
                                   perplexity_.macro_shares(macro_column.name)};
  if (config_.has_emotion()) {
    shares.push_back(speaker_.shares(emotion_figures[6].name));
    shares.push_back(listener_.shares(emotion_figures[7].name));
  }
  return shares;
}

#define ETHREED_INSTANTIATE(T)                                                                         \
  template StepLosses<T> sum_losses(Tape<T>&, const HredConfig&, const HredBatch&, const HredPass<T>&, \
                                    const PassOptions&);                                               \
  template void HredFigures::add(const HredBatch&, const HredPass<T>&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
