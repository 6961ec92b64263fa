#include "model/mime/figures.h"

#include "core/error.h"

#include <algorithm>

namespace ethreed {

namespace {

// −NLL of every token, as PerplexitySum takes it.
template <class T> std::vector<T> negated(const Variable<T>& nll) {
  std::vector<T> values(nll.data(), nll.data() + nll.value().count());
  for (T& value : values) value = -value;
  return values;
}

}  // namespace

template <class T> void MimeFigures::add(const ContextBatch& batch, const MimePass<T>& pass) {
  const DialogueBatch& d = batch.dialogues;
  predicted_.add(d, negated(pass.nll).data(), config_.vocabulary);
  gold_.add(d, negated(pass.gold_nll).data(), config_.vocabulary);
  speaker_.add(pass.logits, d.emotion, d);
  for (int i = 0; i < d.turns(); ++i) {
    if (d.emotion[i] < 0) continue;
    ++labelled_;
    right_groups_ += config_.is_positive(argmax_of_row(pass.logits, i)) == config_.is_positive(d.emotion[i]);
  }
  for (const Variable<T>& divergence : pass.divergence) divergence_ += static_cast<double>(divergence.data()[0]);
}

std::vector<double> MimeFigures::result() const {
  ETHREED_CHECK(predicted_.tokens() > 0, "evaluation: no dialogue to evaluate");
  return {predicted_.token(),
          predicted_.macro(),
          gold_.token(),
          gold_.macro(),
          speaker_.share(),
          mean_figure(static_cast<double>(right_groups_), labelled_),
          mean_figure(divergence_, labelled_),
          predicted_.reply(),
          gold_.reply(),
          static_cast<double>(predicted_.dialogues()),
          static_cast<double>(predicted_.turns()),
          static_cast<double>(predicted_.tokens()),
          predicted_.unknown_share()};
}

std::vector<FigureShares> MimeFigures::shares() const {
  return {predicted_.token_shares(columns[0].name), predicted_.macro_shares(columns[1].name),
          gold_.token_shares(columns[2].name), gold_.macro_shares(columns[3].name), speaker_.shares(columns[4].name)};
}

template void MimeFigures::add(const ContextBatch&, const MimePass<float>&);
template void MimeFigures::add(const ContextBatch&, const MimePass<double>&);

}  // namespace ethreed
