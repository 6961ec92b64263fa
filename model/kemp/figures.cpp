#include "model/kemp/figures.h"

#include "core/error.h"

namespace ethreed {

template <class T> void KempFigures::add(const ContextBatch& batch, const KempPass<T>& pass) {
  std::vector<T> log_probability(pass.nll.data(), pass.nll.data() + pass.nll.value().count());
  for (T& value : log_probability) value = -value;
  if (config_.copy)
    perplexity_.add(batch.dialogues, log_probability.data(), no_word, batch.extended_targets);
  else
    perplexity_.add(batch.dialogues, log_probability.data(), config_.vocabulary);
  speaker_.add(pass.logits, batch.dialogues.emotion, batch.dialogues);
  concepts_ += pass.concepts;
}

std::vector<double> KempFigures::result() const {
  ETHREED_CHECK(perplexity_.tokens() > 0, "evaluation: no dialogue to evaluate");
  std::vector<double> figures{perplexity_.token(),
                              perplexity_.macro(),
                              speaker_.share(),
                              perplexity_.reply(),
                              static_cast<double>(perplexity_.dialogues()),
                              static_cast<double>(perplexity_.turns()),
                              static_cast<double>(perplexity_.tokens()),
                              perplexity_.unknown_share(),
                              mean_figure(static_cast<double>(concepts_), perplexity_.turns())};
  figures.resize(columns_of(config_).size());
  return figures;
}

std::vector<FigureShares> KempFigures::shares() const {
  return {perplexity_.token_shares(columns[0].name), perplexity_.macro_shares(columns[1].name),
          speaker_.shares(columns[2].name)};
}

template void KempFigures::add(const ContextBatch&, const KempPass<float>&);
template void KempFigures::add(const ContextBatch&, const KempPass<double>&);

}  // namespace ethreed
