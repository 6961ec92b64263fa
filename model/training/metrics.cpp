#include "model/training/metrics.h"

#include <cmath>

namespace ethreed {

namespace {

template <class T> std::span<const T> row(const Variable<T>& logits, int i) {
  return {logits.value().row(i), static_cast<std::size_t>(logits.columns())};
}

}  // namespace

template <class T> void EvaluationSums::add(const Batch& batch, const ForwardPass<T>& pass) {
  const RowLayout rows = batch.rows();
  for (int i = 0; i < batch.turns(); ++i) {
    const auto turn = static_cast<std::size_t>(i);
    if (batch.emotion[turn] >= 0) {
      ++speaker_turns_;
      speaker_right_ += argmax(row(pass.state.speaker_logits, i)) == batch.emotion[turn];
    }
    if (batch.listener_label[turn] >= 0) {
      ++counts_.listener_turns;
      listener_right_ += argmax(row(pass.state.listener_logits, i)) == batch.listener_label[turn];
    }
  }
  // Dialogues in the order they were given, their turns in order: sums do not depend on the layout of the batch.
  std::vector<std::vector<double>> turn_nll(static_cast<std::size_t>(batch.dialogues()));
  for (int i = 0; i < batch.turns(); ++i) {
    const auto turn = static_cast<std::size_t>(i);
    const int r = batch.row_of_turn[turn];
    double nll = 0;
    for (int token = rows.target(r); token < rows.target(r + 1); ++token) {
      nll -= static_cast<double>(pass.log_probability.data()[token]);
      coverage_ += static_cast<double>(pass.decoded.coverage_loss.data()[token]);
      unknown_ += batch.targets[static_cast<std::size_t>(token)] == unk_id;
    }
    nll_ += nll;
    turn_nll[static_cast<std::size_t>(batch.turn_dialogue[turn])].push_back(nll / rows.target_count(r));
  }
  for (const auto& turns : turn_nll) {
    double mean = 0;
    for (const double nll : turns) mean += nll / static_cast<double>(turns.size());
    macro_ += mean;
  }
  if (pass.losses.policy) divergence_ += static_cast<double>(pass.losses.policy.data()[0]) * batch.turns();
  counts_.dialogues += batch.dialogues();
  counts_.turns += batch.turns();
  counts_.tokens += batch.target_tokens();
}

EvaluationResult EvaluationSums::result() const {
  ETHREED_CHECK(counts_.tokens > 0, "evaluation: no dialogue to evaluate");
  const auto share = [](std::int64_t part, std::int64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  EvaluationResult result = counts_;
  const auto tokens = static_cast<double>(counts_.tokens);
  result.speaker_accuracy = share(speaker_right_, speaker_turns_);
  result.listener_accuracy = share(listener_right_, counts_.listener_turns);
  result.perplexity_token = std::exp(nll_ / tokens);
  result.perplexity_macro = std::exp(macro_ / static_cast<double>(counts_.dialogues));
  result.coverage = coverage_ / tokens;
  result.policy_divergence = divergence_ / static_cast<double>(counts_.turns);
  result.unk_share = share(unknown_, counts_.tokens);
  return result;
}

void DistinctCounter::add(std::span<const std::int32_t> words) {
  ++replies_;
  for (std::size_t i = 0; i < words.size(); ++i) {
    unigrams_.insert(words[i]);
    ++unigram_count_;
    if (i == 0) continue;
    bigrams_.emplace(words[i - 1], words[i]);
    ++bigram_count_;
  }
}

template void EvaluationSums::add(const Batch&, const ForwardPass<float>&);
template void EvaluationSums::add(const Batch&, const ForwardPass<double>&);

}  // namespace ethreed
