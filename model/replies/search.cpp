#include "model/replies/search.h"

#include "core/error.h"
#include "kernels/top_words/top_words.h"
#include "model/blocks/random_streams.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace ethreed {

namespace {

constexpr std::array<std::string_view, 3> method_names{"greedy", "beam", "sample"};

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// A reply in the making.
struct Hypothesis {
  std::int32_t row = 0;             // of the session
  std::vector<std::int32_t> words;  // as the session counts them
  double log_probability = 0;
  bool finished = false;
  std::int32_t place = 0;  // among the hypotheses of the last call of advance()
};

// A continuation of a hypothesis by one word.
struct Candidate {
  std::int64_t hypothesis = 0;
  std::int32_t word = 0;
  double log_probability = 0;  // of the whole
};

template <class T> class Search {
 public:
  Search(Context& context, ReplySession<T>& session, const DecodeOptions& options)
      : context_(context), session_(session), options_(options) {}

  std::vector<Hypothesis> run() {
    for (int r = 0; r < session_.rows(); ++r) hypotheses_.push_back({.row = r, .place = r});
    for (int step = 0; step < options_.max_length; ++step) {
      live_.clear();
      for (std::size_t h = 0; h < hypotheses_.size(); ++h)
        if (!hypotheses_[h].finished) live_.push_back(h);
      if (live_.empty()) break;
      const Arena::Mark host = context_.arena.mark(), device = context_.values.mark();
      advance(step);
      context_.arena.rewind(host);
      if (!context_.on_host()) context_.values.rewind(device);
    }
    return best_of_each_row();
  }

 private:
  // One step of every live hypothesis.
  void advance(int step) {
    parents_.clear();
    words_.clear();
    for (std::size_t k = 0; k < live_.size(); ++k) {
      Hypothesis& h = hypotheses_[live_[k]];
      parents_.push_back(h.place);
      words_.push_back(h.words.empty() ? sos_id : h.words.back());
      h.place = static_cast<std::int32_t>(k);
    }
    extend(likeliest(session_.advance(parents_, words_)), step);
  }

  // The likeliest words after every live hypothesis, on the host: `count` each, likeliest first; −1 where there are
  // fewer.
  struct Likeliest {
    const std::int32_t* words;
    const T* log_probability;
    int count;
  };
  Likeliest likeliest(const NextWords<T>& next) {
    const int n = static_cast<int>(live_.size());
    const int wanted = options_.method == DecodeMethod::greedy ? 1
                       : options_.method == DecodeMethod::beam ? options_.beam
                                                               : options_.top_k;
    const int count = std::min(wanted, next.words);
    const std::int64_t size = std::int64_t{n} * count;
    std::int32_t* word = context_.values.template allocate<std::int32_t>(size);
    T* log_probability = context_.values.template allocate<T>(size);
    top_words<T>(context_, {.rows = n,
                            .words = next.words,
                            .k = count,
                            .banned = {pad_id, sos_id, options_.allow_unknown ? -1 : unk_id},
                            .fallback = eos_id,
                            .log_probability = next.log_probability,
                            .top = word,
                            .top_log_probability = log_probability});
    return {context_.to_host(word, size), context_.to_host(log_probability, size), count};
  }

  void extend(const Likeliest& likeliest, int step) {
    if (options_.method == DecodeMethod::beam) return extend_beams(likeliest, step);
    for (std::size_t k = 0; k < live_.size(); ++k) {
      Hypothesis& h = hypotheses_[live_[k]];
      const auto first = at(likeliest.count) * k;
      const std::size_t chosen =
          first + (options_.method == DecodeMethod::greedy ? 0 : draw(likeliest, first, h.row, step));
      append(h, likeliest.words[chosen], h.log_probability + static_cast<double>(likeliest.log_probability[chosen]),
             step);
    }
  }

  // The place of the word drawn among the likeliest, which start at `first`.
  std::size_t draw(const Likeliest& likeliest, std::size_t first, std::int32_t row, int step) const {
    const T* p = likeliest.log_probability + first;
    std::vector<double> weight;
    for (int i = 0; i < likeliest.count && likeliest.words[first + at(i)] >= 0; ++i)
      weight.push_back(std::exp((static_cast<double>(p[i]) - static_cast<double>(p[0])) / options_.temperature));
    const auto turn = static_cast<std::uint64_t>(session_.row(row).place);
    double point = random_stream(options_.seed, Draw::sampling, turn).uniform(static_cast<std::uint64_t>(step)) *
                   std::accumulate(weight.begin(), weight.end(), 0.0);
    for (std::size_t i = 0; i < weight.size(); ++i)
      if ((point -= weight[i]) < 0) return i;
    return weight.size() - 1;
  }

  void append(Hypothesis& h, std::int32_t word, double log_probability, int step) const {
    h.log_probability = log_probability;
    h.finished = word == eos_id || step + 1 == options_.max_length;
    if (word != eos_id) h.words.push_back(word);
  }

  double score(const Hypothesis& h) const {
    return h.log_probability / std::pow(static_cast<double>(h.words.size() + 1), options_.length_power);
  }

  // Per row: the beam's best continuations compete with what is finished already.
  void extend_beams(const Likeliest& likeliest, int step) {
    std::vector<std::vector<Candidate>> candidates(at(session_.rows()));
    for (std::size_t k = 0; k < live_.size(); ++k) {
      const Hypothesis& h = hypotheses_[live_[k]];
      const auto first = at(likeliest.count) * k;
      for (std::size_t i = first; i < first + at(likeliest.count) && likeliest.words[i] >= 0; ++i)
        candidates[at(h.row)].push_back({static_cast<std::int64_t>(live_[k]), likeliest.words[i],
                                         h.log_probability + static_cast<double>(likeliest.log_probability[i])});
    }
    std::vector<Hypothesis> next;
    std::vector<int> finished(at(session_.rows()), 0);
    for (const Hypothesis& h : hypotheses_)
      if (h.finished) {
        ++finished[at(h.row)];
        next.push_back(h);
      }
    for (std::size_t r = 0; r < candidates.size(); ++r) {
      auto& row = candidates[r];
      std::stable_sort(row.begin(), row.end(),
                       [](const Candidate& a, const Candidate& b) { return a.log_probability > b.log_probability; });
      const auto room = at(std::max(0, options_.beam - finished[r]));
      for (std::size_t i = 0; i < std::min(room, row.size()); ++i) {
        Hypothesis h = hypotheses_[at(row[i].hypothesis)];
        append(h, row[i].word, row[i].log_probability, step);
        next.push_back(std::move(h));
      }
    }
    hypotheses_ = std::move(next);
  }

  std::vector<Hypothesis> best_of_each_row() const {
    std::vector<Hypothesis> best(at(session_.rows()));
    std::vector<bool> seen(best.size(), false);
    for (const Hypothesis& h : hypotheses_) {
      const std::size_t r = at(h.row);
      if (!seen[r] || score(h) > score(best[r])) best[r] = h;
      seen[r] = true;
    }
    return best;
  }

  Context& context_;
  ReplySession<T>& session_;
  const DecodeOptions& options_;
  std::vector<Hypothesis> hypotheses_;
  std::vector<std::size_t> live_;
  std::vector<std::int32_t> parents_, words_;  // of one step
};

}  // namespace

DecodeMethod decode_method_from(std::string_view name) {
  for (std::size_t i = 0; i < method_names.size(); ++i)
    if (method_names[i] == name) return static_cast<DecodeMethod>(i);
  fail("decoding method '{}' does not exist; give greedy, beam or sample", name);
}

std::string_view name_of(DecodeMethod method) { return method_names[static_cast<std::size_t>(method)]; }

void DecodeOptions::check() const {
  ETHREED_CHECK(max_length >= 1 && max_length <= 10000, "decoding: max length is {}, wanted 1 to 10000", max_length);
  ETHREED_CHECK(beam >= 1 && beam <= 1000, "decoding: beam is {}, wanted 1 to 1000", beam);
  ETHREED_CHECK(top_k >= 1, "decoding: top-k is {}, wanted at least 1", top_k);
  ETHREED_CHECK(std::isfinite(temperature) && temperature > 0, "decoding: temperature is {}, wanted more than 0",
                temperature);
  ETHREED_CHECK(std::isfinite(length_power) && length_power >= 0, "decoding: length power is {}, wanted at least 0",
                length_power);
}

int hypotheses(const DecodeOptions& options) { return options.method == DecodeMethod::beam ? options.beam : 1; }

template <class T>
std::vector<Reply> search_replies(Context& context, ReplySession<T>& session, int vocabulary,
                                  const DecodeOptions& options) {
  options.check();
  const std::vector<Hypothesis> best = Search<T>(context, session, options).run();
  std::vector<Reply> replies;
  for (std::size_t r = 0; r < best.size(); ++r) {
    Reply& reply = replies.emplace_back(Reply{.log_probability = best[r].log_probability});
    for (const std::int32_t word : best[r].words)
      reply.words.push_back(word < vocabulary ? word : session.word_id(static_cast<int>(r), word));
  }
  return replies;
}

template std::vector<Reply> search_replies(Context&, ReplySession<float>&, int, const DecodeOptions&);
template std::vector<Reply> search_replies(Context&, ReplySession<double>&, int, const DecodeOptions&);

}  // namespace ethreed
