#include "model/emphi/figures.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

// log softmax, in double.
template <class T> std::array<double, emphi_intents.size()> log_prior(const Variable<T>& logits, int row) {
  std::array<double, emphi_intents.size()> out{};
  const T* values = logits.value().row(row);
  const auto most = static_cast<double>(*std::max_element(values, values + out.size()));
  double sum = 0;
  for (std::size_t z = 0; z < out.size(); ++z) sum += std::exp(static_cast<double>(values[z]) - most);
  for (std::size_t z = 0; z < out.size(); ++z) out[z] = static_cast<double>(values[z]) - most - std::log(sum);
  return out;
}

}  // namespace

template <class T> void EmphiFigures::add(const EmphiBatch& batch, const EmphiPass<T>& pass) {
  const DialogueBatch& d = batch.dialogues;
  const RowLayout rows = batch.rows();
  const auto tokens = static_cast<std::size_t>(d.target_tokens());
  std::vector<double> reply(tokens), likeliest(tokens), gold(tokens);
  const std::size_t first = marginal_shares_.size();
  marginal_shares_.resize(first + static_cast<std::size_t>(d.dialogues()));
  for (int i = 0; i < d.turns(); ++i) {
    const int r = d.row_of_turn[i];
    const auto log_p = log_prior(pass.intent_logits, i);
    const int best = argmax_of_row(pass.intent_logits, i), own = batch.intent[i];
    std::array<double, emphi_intents.size()> of_reply = log_p;
    for (int token = rows.target(r); token < rows.target(r + 1); ++token) {
      const auto at = static_cast<std::size_t>(token);
      const auto by = [&](int z) { return pass.by_intent[static_cast<std::size_t>(z)][at]; };
      reply[at] = by(pass.reply_intent[static_cast<std::size_t>(i)]);
      likeliest[at] = by(best);
      gold[at] = by(own >= 0 ? own : best);
      for (std::size_t z = 0; z < of_reply.size(); ++z) of_reply[z] += pass.by_intent[z][at];
    }
    const double most = *std::max_element(of_reply.begin(), of_reply.end());
    double sum = 0;
    for (const double x : of_reply) sum += std::exp(x - most);
    const double nll = -(most + std::log(sum));
    marginal_ += nll;
    marginal_shares_[first + static_cast<std::size_t>(d.turn_dialogue[i])] += {nll, rows.target_count(r)};
  }
  reply_.add(d, reply.data(), vocabulary_);
  argmax_.add(d, likeliest.data(), vocabulary_);
  gold_.add(d, gold.data(), vocabulary_);
  emotion_.add(pass.emotion_logits, d.emotion, d);
  add_intents(batch, pass);
}

template <class T> void EmphiFigures::add_intents(const EmphiBatch& batch, const EmphiPass<T>& pass) {
  const DialogueBatch& d = batch.dialogues;
  const std::size_t first = top_shares_[0].size();
  for (std::vector<ExampleShare>& shares : top_shares_) shares.resize(first + static_cast<std::size_t>(d.dialogues()));
  for (int i = 0; i < d.turns(); ++i) {
    const int own = batch.intent[i];
    if (own < 0) continue;
    const auto log_p = log_prior(pass.intent_logits, i);
    const double of_own = log_p[static_cast<std::size_t>(own)];
    // Of equal ones the first counts as the likelier, as argmax has it.
    std::size_t before = 0;
    for (std::size_t z = 0; z < log_p.size(); ++z)
      before += log_p[z] > of_own || (log_p[z] == of_own && static_cast<int>(z) < own);
    intent_nll_ -= of_own;
    ++intents_;
    for (std::size_t k = 0; k < top_.size(); ++k) {
      top_[k] += before <= k;
      top_shares_[k][first + static_cast<std::size_t>(d.turn_dialogue[i])] += {before <= k ? 1.0 : 0.0, 1};
    }
  }
}

std::vector<double> EmphiFigures::result() const {
  ETHREED_CHECK(reply_.tokens() > 0, "evaluation: no dialogue to evaluate");
  const auto share = [&](std::size_t k) { return mean_figure(static_cast<double>(top_[k]), intents_); };
  return {reply_.token(),
          reply_.macro(),
          computed_figure(std::exp(mean_figure(marginal_, reply_.tokens()))),
          argmax_.token(),
          gold_.token(),
          emotion_.share(),
          share(0),
          share(1),
          share(2),
          mean_figure(intent_nll_, intents_),
          static_cast<double>(reply_.dialogues()),
          static_cast<double>(reply_.turns()),
          static_cast<double>(intents_),
          static_cast<double>(reply_.tokens()),
          reply_.unknown_share()};
}

std::vector<FigureShares> EmphiFigures::shares() const {
  return {reply_.token_shares(columns[0].name),      reply_.macro_shares(columns[1].name),
          {columns[2].name, true, marginal_shares_}, argmax_.token_shares(columns[3].name),
          gold_.token_shares(columns[4].name),       emotion_.shares(columns[5].name),
          {columns[6].name, false, top_shares_[0]},  {columns[7].name, false, top_shares_[1]},
          {columns[8].name, false, top_shares_[2]}};
}

template void EmphiFigures::add(const EmphiBatch&, const EmphiPass<float>&);
template void EmphiFigures::add(const EmphiBatch&, const EmphiPass<double>&);

}  // namespace ethreed
