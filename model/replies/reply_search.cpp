#include "model/replies/reply_search.h"

#include "core/error.h"
#include "kernels/top_words/top_words.h"
#include "model/blocks/random_streams.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace ethreed {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// How many of the likeliest words a method looks at, of `words`.
int words_wanted(const DecodeOptions& options, int words) {
  const int wanted = options.method == DecodeMethod::greedy ? 1
                     : options.method == DecodeMethod::beam ? options.beam
                     : options.top_k == 0                   ? words
                                                            : options.top_k;
  return std::min(wanted, words);
}

}  // namespace

template <class T>
ReplySearch<T>::ReplySearch(Context& context, ReplySession<T>& session, int vocabulary,
                            std::vector<DecodeOptions> options)
    : context_(context), session_(session), vocabulary_(vocabulary), options_(std::move(options)) {
  ETHREED_CHECK(count_of(options_) == session.rows(), "search: {} options for {} rows, wanted one for each",
                options_.size(), session.rows());
  for (const DecodeOptions& one : options_) one.check();
  for (int r = 0; r < session.rows(); ++r) {
    const int draws = this->options(r).method == DecodeMethod::sample ? this->options(r).n_best : 1;
    std::vector<Hypothesis>& row = rows_.emplace_back();
    for (int draw = 0; draw < draws; ++draw) row.push_back({.place = r, .draw = draw});
  }
}

template <class T> int ReplySearch<T>::live(int row) const {
  const std::vector<Hypothesis>& all = rows_[at(row)];
  return static_cast<int>(std::count_if(all.begin(), all.end(), [](const Hypothesis& h) { return !h.finished; }));
}

template <class T> bool ReplySearch<T>::step() {
  find_live();
  if (live_.empty()) return false;
  const Arena::Mark host = context_.arena.mark(), device = context_.values.mark();
  find_likeliest(session_.advance(parents_, words_));
  std::vector<Candidate> candidates;
  for (std::size_t k = 0; k < live_.size(); ++k) {
    const Live& one = live_[k];
    Hypothesis& h = hypothesis(one);
    if (options(one.row).method != DecodeMethod::beam) {
      const std::size_t chosen = options(one.row).method == DecodeMethod::greedy ? 0 : draw(one, h);
      const auto of_word = static_cast<double>(one.log_probability[chosen]);
      append(one.row, h, one.words[chosen], of_word);
      continue;
    }
    for (int i = 0; i < one.count && one.words[i] >= 0; ++i) {
      const auto of_word = static_cast<double>(one.log_probability[i]);
      candidates.push_back({one.hypothesis, one.words[i], h.log_probability + of_word, of_word});
    }
    if (k + 1 < live_.size() && live_[k + 1].row == one.row) continue;
    extend_beam(one.row, candidates);
    candidates.clear();
  }
  ++step_;
  context_.arena.rewind(host);
  if (!context_.on_host()) context_.values.rewind(device);
  return true;
}

// What the session is asked for: parents_ and words_, a place for each.
template <class T> void ReplySearch<T>::find_live() {
  live_.clear();
  parents_.clear();
  words_.clear();
  for (int r = 0; r < count_of(rows_); ++r)
    for (std::size_t i = 0; i < rows_[at(r)].size(); ++i) {
      Hypothesis& h = rows_[at(r)][i];
      if (h.finished) continue;
      parents_.push_back(h.place);
      words_.push_back(h.words.empty() ? sos_id : h.words.back());
      h.place = static_cast<std::int32_t>(live_.size());
      live_.push_back({.row = r, .hypothesis = i});
      find_banned(live_.back());
    }
}

// What a hypothesis must not say next by min_length and no_repeat.
template <class T> void ReplySearch<T>::find_banned(Live& one) {
  const DecodeOptions& o = options(one.row);
  const std::vector<std::int32_t>& words = hypothesis(one).words;
  if (words.size() < at(o.min_length)) one.banned.push_back(eos_id);
  const std::size_t before = at(std::max(0, o.no_repeat - 1));
  if (o.no_repeat == 0 || words.size() < before) return;
  for (std::size_t i = 0; i + before < words.size(); ++i)
    if (std::equal(words.end() - static_cast<std::ptrdiff_t>(before), words.end(),
                   words.begin() + static_cast<std::ptrdiff_t>(i)) &&
        std::find(one.banned.begin(), one.banned.end(), words[i + before]) == one.banned.end())
      one.banned.push_back(words[i + before]);
}

// Neighbours that look at equally many words, and may or may not say UNK alike, are looked through together.
template <class T> void ReplySearch<T>::find_likeliest(const NextWords<T>& next) {
  const auto alike = [&](const Live& a, const Live& b) {
    const DecodeOptions &x = options(a.row), &y = options(b.row);
    return x.allow_unknown == y.allow_unknown && words_wanted(x, next.words) == words_wanted(y, next.words);
  };
  for (std::size_t first = 0, end = 0; first < live_.size(); first = end) {
    while (end < live_.size() && alike(live_[first], live_[end])) ++end;
    find_likeliest(next, first, end);
  }
}

template <class T> void ReplySearch<T>::find_likeliest(const NextWords<T>& next, std::size_t first, std::size_t end) {
  const DecodeOptions& o = options(live_[first].row);
  const int wanted = words_wanted(o, next.words);
  std::size_t most = 0;
  for (std::size_t k = first; k < end; ++k) most = std::max(most, live_[k].banned.size());
  // What a hypothesis must not say is asked for, too, and passed over.
  const int count = static_cast<int>(std::min<std::int64_t>(wanted + static_cast<std::int64_t>(most), next.words));
  const auto rows = static_cast<std::int64_t>(end - first);
  std::int32_t* word = context_.values.template allocate<std::int32_t>(rows * count);
  T* log_probability = context_.values.template allocate<T>(rows * count);
  top_words<T>(context_, {.rows = static_cast<int>(rows),
                          .words = next.words,
                          .k = count,
                          .banned = {pad_id, sos_id, o.allow_unknown ? -1 : unk_id},
                          .fallback = eos_id,
                          .log_probability = next.log_probability + static_cast<std::int64_t>(first) * next.words,
                          .top = word,
                          .top_log_probability = log_probability});
  const std::int32_t* words = context_.to_host(word, rows * count);
  const T* of_words = context_.to_host(log_probability, rows * count);
  for (std::size_t k = first; k < end; ++k) {
    Live& one = live_[k];
    one.words = words + static_cast<std::int64_t>(k - first) * count;
    one.log_probability = of_words + static_cast<std::int64_t>(k - first) * count;
    one.count = count;
    leave_out_banned(one, wanted);
  }
}

// The first `wanted` that are not banned. Where all are, the reply ends, as it does without options.
template <class T> void ReplySearch<T>::leave_out_banned(Live& one, int wanted) {
  if (one.banned.empty()) {
    one.count = wanted;
    return;
  }
  std::int32_t* words = context_.arena.allocate<std::int32_t>(wanted);
  T* log_probability = context_.arena.allocate<T>(wanted);
  std::fill_n(words, wanted, -1);
  std::fill_n(log_probability, wanted, -std::numeric_limits<T>::infinity());
  T end = -std::numeric_limits<T>::infinity();
  int kept = 0;
  for (int i = 0; i < one.count && kept < wanted && one.words[i] >= 0; ++i) {
    if (one.words[i] == eos_id) end = one.log_probability[i];
    if (std::find(one.banned.begin(), one.banned.end(), one.words[i]) != one.banned.end()) continue;
    words[kept] = one.words[i];
    log_probability[kept] = one.log_probability[i];
    ++kept;
  }
  if (kept == 0) {
    words[0] = eos_id;
    log_probability[0] = end;
  }
  one.words = words;
  one.log_probability = log_probability;
  one.count = wanted;
}

// Which of the likeliest words is drawn.
template <class T> std::size_t ReplySearch<T>::draw(const Live& from, const Hypothesis& h) const {
  const DecodeOptions& o = options(from.row);
  const T* p = from.log_probability;
  std::vector<double> weight;
  for (int i = 0; i < from.count && from.words[i] >= 0; ++i)
    weight.push_back(std::exp((static_cast<double>(p[i]) - static_cast<double>(p[0])) / o.temperature));
  double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
  if (o.top_p < 1) {
    double kept = 0;
    std::size_t count = 0;
    while (count < weight.size() && (count == 0 || kept < o.top_p * sum)) kept += weight[count++];
    weight.resize(count);
    sum = kept;
  }
  const auto turn = static_cast<std::uint64_t>(session_.row(from.row).place);
  // Every draw has numbers of its own, the first those of a search for one reply.
  const std::uint64_t number = static_cast<std::uint64_t>(h.draw) << 32 | static_cast<std::uint64_t>(step_);
  double point = random_stream(o.seed, Draw::sampling, turn).uniform(number) * sum;
  for (std::size_t i = 0; i < weight.size(); ++i)
    if ((point -= weight[i]) < 0) return i;
  return weight.size() - 1;
}

template <class T> void ReplySearch<T>::append(int row, Hypothesis& h, std::int32_t word, double of_word) const {
  note_origin(row, h, word, of_word);
  h.log_probability += of_word;
  h.of_newest = of_word;
  h.ended = word == eos_id;
  h.finished = word == eos_id || step_ + 1 == options(row).max_length;
  ++h.length;
  if (word != eos_id) h.words.push_back(word);
}

template <class T>
void ReplySearch<T>::note_origin(int row, Hypothesis& h, std::int32_t word, double log_probability) const {
  const PointerLook<T> look = session_.look(h.place);
  if (look.attention.empty()) return;
  const auto gate = static_cast<double>(look.generation_gate);
  const std::span<const std::int32_t> source = session_.source(row);
  double pointed = 0;  // (21): Σ γ_j over the places of the word
  for (std::size_t j = 0; j < source.size(); ++j)
    if (source[j] == word) pointed += static_cast<double>(look.attention[j]);
  h.origins.push_back({.log_probability = log_probability,
                       .generation_gate = gate,
                       .copied = std::min(1.0, (1 - gate) * pointed / std::exp(log_probability)),
                       .attention = {look.attention.begin(), look.attention.end()},
                       .coverage = {look.coverage.begin(), look.coverage.end()}});
}

template <class T> double ReplySearch<T>::score(int row, const Hypothesis& h) const {
  return h.log_probability / std::pow(static_cast<double>(h.words.size() + 1), options(row).length_power);
}

// The beam's best continuations compete with what is finished already.
template <class T> void ReplySearch<T>::extend_beam(int row, const std::vector<Candidate>& candidates) {
  std::vector<Candidate> sorted = candidates;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Candidate& a, const Candidate& b) { return a.log_probability > b.log_probability; });
  std::vector<Hypothesis> next;
  for (const Hypothesis& h : rows_[at(row)])
    if (h.finished) next.push_back(h);
  const std::size_t room = at(std::max(0, options(row).beam - count_of(next)));
  for (std::size_t i = 0; i < std::min(room, sorted.size()); ++i) {
    Hypothesis h = rows_[at(row)][sorted[i].hypothesis];
    append(row, h, sorted[i].word, sorted[i].of_word);
    next.push_back(std::move(h));
  }
  rows_[at(row)] = std::move(next);
}

template <class T> std::int32_t ReplySearch<T>::word_id(int row, std::int32_t word) const {
  return word < vocabulary_ ? word : session_.word_id(row, word);
}

template <class T> std::optional<NewestWord> ReplySearch<T>::newest(int row) const {
  if (options(row).method == DecodeMethod::beam || rows_[at(row)].empty()) return std::nullopt;
  const Hypothesis& h = rows_[at(row)].front();
  if (h.length == 0 || h.length != step_) return std::nullopt;
  return NewestWord{.word = h.ended ? eos_id : word_id(row, h.words.back()),
                    .log_probability = h.of_newest,
                    .origin = h.origins.empty() ? nullptr : &h.origins.back()};
}

template <class T> Reply ReplySearch<T>::take(int row) {
  std::vector<Hypothesis> all = std::move(rows_[at(row)]);
  rows_[at(row)].clear();
  if (options(row).method == DecodeMethod::beam) {
    std::stable_sort(all.begin(), all.end(),
                     [&](const Hypothesis& a, const Hypothesis& b) { return score(row, a) > score(row, b); });
    all.resize(std::min(all.size(), at(options(row).n_best)));
  }
  std::vector<Reply> replies;
  for (Hypothesis& h : all) {
    Reply& reply = replies.emplace_back();
    for (const std::int32_t word : h.words) reply.words.push_back(word_id(row, word));
    reply.log_probability = h.log_probability;
    reply.ended = h.ended;
    reply.origins = std::move(h.origins);
  }
  Reply first = replies.empty() ? Reply{} : std::move(replies.front());
  for (std::size_t i = 1; i < replies.size(); ++i) first.others.push_back(std::move(replies[i]));
  return first;
}

template class ReplySearch<float>;
template class ReplySearch<double>;

}  // namespace ethreed
