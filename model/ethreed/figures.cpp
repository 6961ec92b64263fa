#include "model/ethreed/figures.h"

namespace ethreed {

template <class T> void EthreedFigures::add(const DialogueBatch& batch, const ForwardPass<T>& pass) {
  speaker_.add(pass.state.speaker_logits, batch.emotion, batch);
  listener_.add(pass.state.listener_logits, batch.listener_label, batch);
  perplexity_.add(batch, pass.log_probability.data());
  const RowLayout rows = batch.rows();
  for (int i = 0; i < batch.turns(); ++i) {
    const int r = batch.row_of_turn[i];
    for (int token = rows.target(r); token < rows.target(r + 1); ++token)
      coverage_ += static_cast<double>(pass.decoded.coverage_loss.data()[token]);
  }
  if (const Variable<T>& policy = pass.losses.term[loss_policy]) {
    divergence_ += static_cast<double>(policy.data()[0]) * batch.turns();
    divergence_turns_ += batch.turns();
  }
}

std::vector<double> EthreedFigures::result() const {
  ETHREED_CHECK(perplexity_.tokens() > 0, "evaluation: no dialogue to evaluate");
  return {speaker_.share(),
          listener_.share(),
          perplexity_.token(),
          perplexity_.macro(),
          mean_figure(coverage_, perplexity_.tokens()),
          mean_figure(divergence_, divergence_turns_),
          static_cast<double>(perplexity_.dialogues()),
          static_cast<double>(perplexity_.turns()),
          static_cast<double>(listener_.rows()),
          static_cast<double>(perplexity_.tokens()),
          perplexity_.unknown_share()};
}

std::vector<FigureShares> EthreedFigures::shares() const {
  return {speaker_.shares(columns[0].name), listener_.shares(columns[1].name),
          perplexity_.token_shares(columns[perplexity_token].name),
          perplexity_.macro_shares(columns[perplexity_token + 1].name)};
}

template void EthreedFigures::add(const DialogueBatch&, const ForwardPass<float>&);
template void EthreedFigures::add(const DialogueBatch&, const ForwardPass<double>&);

}  // namespace ethreed
