#include "model/moel/figures.h"

#include "core/error.h"

namespace ethreed {

template <class T> void TopAccuracySum::add(const Variable<T>& logits, Indices labels) {
  for (int i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) continue;
    const std::span<const T> row = logits.value().row_span(i);
    const T own = row[static_cast<std::size_t>(labels[i])];
    int before = 0;
    for (int k = 0; k < count_of(row); ++k)
      before += row[static_cast<std::size_t>(k)] > own || (row[static_cast<std::size_t>(k)] == own && k < labels[i]);
    right_ += before < most_;
    ++rows_;
  }
}

template <class T> void MoelFigures::add(const ContextBatch& batch, const MoelPass<T>& pass) {
  const DialogueBatch& d = batch.dialogues;
  std::vector<T> log_probability(pass.nll.data(), pass.nll.data() + pass.nll.value().count());
  for (T& value : log_probability) value = -value;
  perplexity_.add(d, log_probability.data(), config_.vocabulary);
  speaker_.add(pass.logits, d.emotion, d);
  top_3_.add(pass.logits, d.emotion);
  top_5_.add(pass.logits, d.emotion);
}

std::vector<double> MoelFigures::result() const {
  ETHREED_CHECK(perplexity_.tokens() > 0, "evaluation: no dialogue to evaluate");
  return {perplexity_.token(),
          perplexity_.macro(),
          speaker_.share(),
          top_3_.share(),
          top_5_.share(),
          perplexity_.reply(),
          static_cast<double>(perplexity_.dialogues()),
          static_cast<double>(perplexity_.turns()),
          static_cast<double>(perplexity_.tokens()),
          perplexity_.unknown_share()};
}

std::vector<FigureShares> MoelFigures::shares() const {
  return {perplexity_.token_shares(columns[0].name), perplexity_.macro_shares(columns[1].name),
          speaker_.shares(columns[2].name)};
}

template void MoelFigures::add(const ContextBatch&, const MoelPass<float>&);
template void MoelFigures::add(const ContextBatch&, const MoelPass<double>&);

}  // namespace ethreed
