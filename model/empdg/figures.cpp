#include "model/empdg/figures.h"

#include "core/error.h"

namespace ethreed {

template <class T> void EmpdgFigures::add(const EmpdgBatch& batch, const EmpdgPass<T>& pass) {
  const DialogueBatch& d = batch.replies.dialogues;
  std::vector<T> log_probability(pass.nll.data(), pass.nll.data() + pass.nll.value().count());
  for (T& value : log_probability) value = -value;
  if (config_.copy)
    perplexity_.add(d, log_probability.data(), no_word, batch.replies.extended_targets);
  else
    perplexity_.add(d, log_probability.data(), config_.vocabulary);
  speaker_.add(pass.logits, d.emotion, d);
  emotion_words_ += pass.emotion_words;
}

std::vector<double> EmpdgFigures::result() const {
  ETHREED_CHECK(perplexity_.tokens() > 0, "evaluation: no dialogue to evaluate");
  return {perplexity_.token(),
          perplexity_.macro(),
          speaker_.share(),
          mean_figure(static_cast<double>(emotion_words_), perplexity_.turns()),
          perplexity_.reply(),
          static_cast<double>(perplexity_.dialogues()),
          static_cast<double>(perplexity_.turns()),
          static_cast<double>(perplexity_.tokens()),
          perplexity_.unknown_share()};
}

std::vector<FigureShares> EmpdgFigures::shares() const {
  return {perplexity_.token_shares(columns[0].name), perplexity_.macro_shares(columns[1].name),
          speaker_.shares(columns[2].name)};
}

template void EmpdgFigures::add(const EmpdgBatch&, const EmpdgPass<float>&);
template void EmpdgFigures::add(const EmpdgBatch&, const EmpdgPass<double>&);

}  // namespace ethreed
