#include "model/metrics/reply_scores.h"

#include "core/error.h"
#include "core/philox.h"
#include "model/metrics/bleu.h"
#include "model/metrics/chrf.h"
#include "model/metrics/embedding.h"
#include "model/metrics/meteor.h"
#include "model/metrics/reply_scorer.h"
#include "model/metrics/rouge.h"
#include "model/metrics/sentence_bleu.h"

#include <algorithm>

namespace ethreed {

ReplyScorer::ReplyScorer(const ReplySet& set, const ScoreOptions& options)
    : set_(set), options_(options), group_of_(set.group_of), groups_(set.groups) {
  if (group_of_.empty()) {
    group_of_.resize(set.replies.size());
    std::iota(group_of_.begin(), group_of_.end(), 0);
    groups_ = static_cast<int>(group_of_.size());
  }
  for (const TokenText& reply : set.replies) replies_.push_back(ids(reply));
  for (const TokenText& reference : set.references) references_.push_back(ids(reference));
}

std::vector<ScoreFigure> ReplyScorer::all() {
  bleu_figures();
  sentence_figures();
  candidate_figures();
  overlap_figures();
  embedding_figures();
  variety_figures();
  self_bleu_figures();
  repetition_figures();
  length_figures();
  copy_figures();
  return std::move(figures_);
}

void ReplyScorer::bleu_figures() {
  constexpr std::string_view reason = "no references";
  if (references_.empty()) {
    add_absent("bleu", 4, FigureUnit::percent, std::string(reason));
    add_absent("sacrebleu", FigureUnit::percent, std::string(reason));
    for (const char* name : {"bleu_coco", "bleu_nltk"}) add_absent(name, 4, FigureUnit::percent, std::string(reason));
    return;
  }
  const auto groups = by_group<BleuCounts>([&](std::size_t i) { return bleu_counts(replies_[i], references_[i]); });
  const auto sum = once_a_draw([groups](GroupWeights weights) { return weighted_sum(*groups, weights); });
  const auto add_orders = [&](std::string_view name, Bleu (*variant)(const BleuCounts&)) {
    for (std::size_t n = 0; n < 4; ++n)
      add(fmt::format("{}_{}", name, n + 1), FigureUnit::percent,
          [sum, variant, n](GroupWeights weights) { return 100 * variant(sum(weights))[n]; });
  };
  const std::vector<std::int32_t> once(static_cast<std::size_t>(groups_), 1);
  const BleuCounts whole = weighted_sum(*groups, once);
  add_orders("bleu", bleu);
  for (std::size_t n = 0; n < 4; ++n)
    if (has_zero_count(whole, static_cast<int>(n) + 1)) figures_[figures_.size() - 4 + n].note = "a zero count";
  add("sacrebleu", FigureUnit::percent, [sum](GroupWeights weights) { return sacrebleu(sum(weights)).score; });
  add_orders("bleu_coco", bleu_coco);
  add_orders("bleu_nltk", bleu_nltk);
}

void ReplyScorer::sentence_figures() {
  for (const auto& [name, smoothing] :
       {std::pair("bleu_sent_m1", Smoothing::method_1), std::pair("bleu_sent_m7", Smoothing::method_7)}) {
    if (references_.empty()) {
      add_absent(name, 4, FigureUnit::percent, "no references");
      continue;
    }
    std::vector<Bleu> values;
    for (std::size_t i = 0; i < rows(); ++i)
      values.push_back(sentence_bleu(bleu_counts(replies_[i], references_[i]), smoothing));
    for (std::size_t n = 0; n < 4; ++n)
      add_mean(
          fmt::format("{}_{}", name, n + 1), FigureUnit::percent, [&](std::size_t i) { return values[i][n]; }, 100);
  }
}

// EmpHi's precision and recall of several replies a row.
void ReplyScorer::candidate_figures() {
  if (set_.candidates.empty() || references_.empty()) {
    const std::string reason = references_.empty() ? "no references" : "one reply a row; write several (--n-best)";
    for (const char* name : {"emphi_p", "emphi_r", "emphi_f1"}) add_absent(name, 4, FigureUnit::percent, reason);
    return;
  }
  std::vector<PrecisionRecall> values;
  for (std::size_t i = 0; i < rows(); ++i) values.push_back(emphi_bleu(set_.candidates[i], set_.references[i]));
  const auto add_orders = [&](std::string_view name, Bleu PrecisionRecall::*which) {
    for (std::size_t n = 0; n < 4; ++n)
      add_mean(
          fmt::format("{}_{}", name, n + 1), FigureUnit::percent, [&](std::size_t i) { return (values[i].*which)[n]; },
          100);
  };
  add_orders("emphi_p", &PrecisionRecall::precision);
  add_orders("emphi_r", &PrecisionRecall::recall);
  const std::size_t first = figures_.size() - 8;
  for (std::size_t n = 0; n < 4; ++n) {
    const GroupFigure p = figures_[first + n].of_draw, r = figures_[first + 4 + n].of_draw;
    add(fmt::format("emphi_f1_{}", n + 1), FigureUnit::percent,
        [p, r](GroupWeights weights) { return harmonic_mean(p(weights), r(weights)); });
  }
}

void ReplyScorer::overlap_figures() {
  if (references_.empty()) {
    for (const char* name : {"rouge_1", "rouge_2", "rouge_l", "rouge_l_coco", "meteor_exact_stem"})
      add_absent(name, FigureUnit::share, "no references");
    add_absent("chrf", FigureUnit::percent, "no references");
    return;
  }
  std::vector<TokenText> c, r;  // as rouge-score sees them
  for (std::size_t i = 0; i < rows(); ++i) {
    c.push_back(rouge_tokens(set_.replies[i]));
    r.push_back(rouge_tokens(set_.references[i]));
  }
  add_mean("rouge_1", FigureUnit::share, [&](std::size_t i) { return rouge_n(c[i], r[i], 1).f; });
  add_mean("rouge_2", FigureUnit::share, [&](std::size_t i) { return rouge_n(c[i], r[i], 2).f; });
  add_mean("rouge_l", FigureUnit::share, [&](std::size_t i) { return rouge_l(c[i], r[i]).f; });
  add_mean("rouge_l_coco", FigureUnit::share,
           [&](std::size_t i) { return rouge_l_coco(set_.replies[i], set_.references[i]).f; });
  const PorterStemmer stemmer;
  add_mean("meteor_exact_stem", FigureUnit::share,
           [&](std::size_t i) { return meteor_exact_stem(set_.replies[i], set_.references[i], stemmer).score; });
  add("chrf", FigureUnit::percent,
      of_sum(by_group<ChrfCounts>([&](std::size_t i) { return chrf_counts(set_.replies[i], set_.references[i]); }),
             chrf));
}

namespace {

WordRows vectors_of(const ScoreOptions& options, const TokenText& text) {
  WordRows rows;
  for (const std::string& word : text)
    if (const auto row = options.vector_of(word); !row.empty()) rows.push_back(row);
  return rows;
}

}  // namespace

void ReplyScorer::embedding_figures() {
  const bool possible = options_.vector_of && !references_.empty();
  const std::string reason = references_.empty() ? "no references" : "no word vectors (--vectors)";
  std::int64_t left_out = 0;
  for (const auto& [name, metric] : {std::pair("emb_average", &emb_average), std::pair("emb_extrema", &emb_extrema),
                                     std::pair("emb_greedy", &emb_greedy)}) {
    if (!possible) {
      add_absent(name, FigureUnit::share, reason);
      continue;
    }
    left_out = 0;
    add_ratio(name, FigureUnit::share, [&, metric = metric](std::size_t i) {
      const auto value = metric(vectors_of(options_, set_.replies[i]), vectors_of(options_, set_.references[i]));
      left_out += !value;
      return value ? RatioCounts{*value, 1} : RatioCounts{};
    });
  }
  if (possible)
    add("emb_rows_left_out", FigureUnit::count, static_cast<double>(left_out)).no_interval = counted_in_file;
  else
    add_absent("emb_rows_left_out", FigureUnit::count, reason);
}

namespace {

constexpr std::uint64_t sample_stream = 0x5E1FULL << 48;

void check(const ReplySet& set) {
  ETHREED_CHECK(!set.replies.empty(), "score_replies: no replies, wanted one row at least");
  const auto rows = [&](std::size_t size, std::string_view what) {
    ETHREED_CHECK(size == 0 || size == set.replies.size(), "score_replies: {} rows of {}, wanted {}, as of replies",
                  size, what, set.replies.size());
  };
  rows(set.references.size(), "references");
  rows(set.posts.size(), "posts");
  rows(set.candidates.size(), "candidates");
  rows(set.gates.size(), "gates");
  rows(set.cut.size(), "cut replies");
  rows(set.group_of.size(), "dialogues");
}

}  // namespace

std::string_view name_of(FigureUnit unit) {
  switch (unit) {
    case FigureUnit::percent: return "×100";
    case FigureUnit::share: return "share";
    case FigureUnit::nats: return "nats";
    case FigureUnit::tokens: return "tokens";
    case FigureUnit::count: return "count";
  }
  return "";
}

std::vector<std::size_t> sample_rows(std::size_t rows, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (rows <= count) return order;
  const PhiloxStream random(seed, sample_stream);
  for (std::size_t i = 0; i < count; ++i) std::swap(order[i], order[i + random.below(rows - i, i)]);
  order.resize(count);
  std::sort(order.begin(), order.end());
  return order;
}

std::vector<ScoreFigure> score_replies(const ReplySet& set, const ScoreOptions& options) {
  check(set);
  return ReplyScorer(set, options).all();
}

}  // namespace ethreed
