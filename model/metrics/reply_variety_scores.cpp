#include "model/metrics/distinct.h"
#include "model/metrics/repetition.h"
#include "model/metrics/reply_scorer.h"
#include "model/metrics/self_bleu.h"

#include <algorithm>

namespace ethreed {

void ReplyScorer::variety_figures() {
  std::vector<std::shared_ptr<const NgramVariety>> variety;
  for (int n = 1; n <= 3; ++n) variety.push_back(std::make_shared<const NgramVariety>(replies_, n, group_of_, groups_));
  using Draw = NgramVariety::Draw;
  std::vector<std::function<const Draw&(GroupWeights)>> draws;  // by n − 1
  for (const auto& v : variety) draws.emplace_back(once_a_draw([v](GroupWeights weights) { return v->draw(weights); }));
  const auto add_each = [&](const char* name, int orders, FigureUnit unit, auto value_of) {
    for (int n = 1; n <= orders; ++n)
      add(fmt::format(fmt::runtime(name), n), unit,
          [draw = draws[static_cast<std::size_t>(n) - 1], value_of, n](GroupWeights weights) {
            return value_of(draw(weights), n);
          });
  };
  add_each("distinct_{}", 3, FigureUnit::percent,
           [](const Draw& d, int) { return 100 * NgramVariety::distinct_of(d); });
  add_each("distinct_{}_words", 3, FigureUnit::share,
           [](const Draw& d, int) { return NgramVariety::distinct_words_of(d); });
  for (int n = 1; n <= 3; ++n)
    add(fmt::format("distinct_{}_reply", n), FigureUnit::share,
        [v = variety[static_cast<std::size_t>(n) - 1]](GroupWeights weights) { return v->distinct_n_reply(weights); });
  if (options_.vocabulary > 0)
    add_each("ead_{}", 2, FigureUnit::share, [words = static_cast<double>(options_.vocabulary)](const Draw& d, int n) {
      return NgramVariety::expectation_adjusted_of(d, std::pow(words, n));
    });
  else
    add_absent("ead", 2, FigureUnit::share, "no size of the vocabulary (--vocabulary)");
  add_each("entropy_{}", 2, FigureUnit::nats, [](const Draw& d, int) { return NgramVariety::entropy_of(d); });
}

void ReplyScorer::self_bleu_figures() {
  std::vector<Ids> sample;
  Ids sample_groups;
  for (const std::size_t i : sample_rows(rows(), options_.self_bleu_sample, options_.seed)) {
    sample.push_back(replies_[i]);
    sample_groups.push_back(group_of_[i]);
  }
  if (sample.size() < 2) {
    add_absent("self_bleu", 4, FigureUnit::share, "one reply");
    return;
  }
  const auto of_draw = once_a_draw(
      [self = SelfBleu(sample, sample_groups, groups_)](GroupWeights weights) { return self.of_draw(weights); });
  for (std::size_t n = 0; n < 4; ++n)
    add(fmt::format("self_bleu_{}", n + 1), FigureUnit::share, [of_draw, n](GroupWeights weights) {
      return of_draw(weights)[n];
    }).note = fmt::format("{} replies, seed {}", sample.size(), options_.seed);
}

void ReplyScorer::repetition_figures() {
  for (int n = 1; n <= 3; ++n)
    add_mean(fmt::format("rep_{}", n), FigureUnit::share, [&](std::size_t i) { return repetition(replies_[i], n); });
  const auto same = once_a_draw(duplicates_of_draw(set_.replies, group_of_));
  const auto add_share = [&](const char* name, double Duplicates::*which) -> ScoreFigure& {
    return add(name, FigureUnit::share, [same, which](GroupWeights weights) { return same(weights).*which; });
  };
  add_share("duplicate_replies", &Duplicates::duplicate_replies);
  add_share("unique_replies", &Duplicates::unique_replies);
  std::string text;
  for (const std::string& word : set_.replies[duplicates(set_.replies).top_row])
    text += (text.empty() ? "" : " ") + word;
  add_share("top_reply", &Duplicates::top_reply).note = "\"" + text + "\"";
  if (!options_.train) {
    add_absent("copied_from_train", FigureUnit::share, "no training replies (--train)");
    return;
  }
  const std::vector<bool> copied = copied_from(set_.replies, *options_.train);
  add_mean("copied_from_train", FigureUnit::share, [&](std::size_t i) { return copied[i] ? 1 : 0; });
}

void ReplyScorer::length_figures() {
  const auto lengths = once_a_draw(lengths_of_draw(set_.replies, group_of_));
  const auto length = [&](std::size_t i) { return static_cast<int>(set_.replies[i].size()); };
  add_mean("length_mean", FigureUnit::tokens, length);
  add("length_median", FigureUnit::tokens, [lengths](GroupWeights weights) { return lengths(weights).median; });
  add("length_p95", FigureUnit::tokens, [lengths](GroupWeights weights) {
    const std::int64_t p95 = lengths(weights).p95;
    return p95 < 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(p95);
  });
  add_mean(fmt::format("cut_at_{}", options_.longest), FigureUnit::share,
           [&](std::size_t i) { return set_.cut.empty() ? length(i) >= options_.longest : set_.cut[i] != 0; });
  add_mean("empty_replies", FigureUnit::share, [&](std::size_t i) { return length(i) == 0; });
  if (references_.empty())
    add_absent("length_ratio", FigureUnit::share, "no references");
  else
    add_ratio("length_ratio", FigureUnit::share, [&](std::size_t i) {
      return RatioCounts{static_cast<double>(length(i)), static_cast<double>(references_[i].size())};
    });
  add_mean("ends_in_question", FigureUnit::share,
           [&](std::size_t i) { return length(i) > 0 && set_.replies[i].back() == "?"; });
}

void ReplyScorer::copy_figures() {
  std::vector<std::vector<Ids>> posts(set_.posts.size());
  for (std::size_t i = 0; i < posts.size(); ++i)
    for (const TokenText& post : set_.posts[i]) posts[i].push_back(ids(post));
  for (int n = 1; n <= 3; ++n) {
    const std::string name = fmt::format("novel_{}", n);
    if (posts.empty())
      add_absent(name, FigureUnit::share, "no posts");
    else
      add_ratio(name, FigureUnit::share, [&](std::size_t i) {
        const Novelty counts = novelty(replies_[i], posts[i], n);
        return RatioCounts{static_cast<double>(counts.novel), static_cast<double>(counts.total)};
      });
  }
  if (set_.gates.empty())
    add_absent("copy_rate", FigureUnit::share, "no p_gen in the records");
  else
    add_ratio("copy_rate", FigureUnit::share, [&](std::size_t i) {
      RatioCounts counts;
      for (const double gate : set_.gates[i]) counts.add({1 - gate, 1});
      return counts;
    });
  const std::int32_t unknown = words_.id("unk");
  add_ratio("oov_out", FigureUnit::share, [&](std::size_t i) {
    return RatioCounts{static_cast<double>(std::count(replies_[i].begin(), replies_[i].end(), unknown)),
                       static_cast<double>(replies_[i].size())};
  });
}

}  // namespace ethreed
