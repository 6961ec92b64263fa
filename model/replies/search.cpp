#include "model/replies/search.h"

#include "core/error.h"
#include "kernels/top_words/top_words.h"
#include "model/blocks/random_streams.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
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
  bool finished = false, ended = false;
  std::int32_t place = 0;  // among the hypotheses of the last call of advance()
  int draw = 0;            // of sampling: which of the row's draws
  std::vector<WordOrigin> origins{};
};

// A continuation of a hypothesis by one word.
struct Candidate {
  std::int64_t hypothesis = 0;
  std::int32_t word = 0;
  double log_probability = 0;  // of the whole
  double of_word = 0;
};

template <class T> class Search {
 public:
  Search(Context& context, ReplySession<T>& session, const DecodeOptions& options)
      : context_(context), session_(session), options_(options) {}

  /// The n_best hypotheses of every row.
  std::vector<std::vector<Hypothesis>> run() {
    const int draws = options_.method == DecodeMethod::sample ? options_.n_best : 1;
    for (int r = 0; r < session_.rows(); ++r)
      for (int draw = 0; draw < draws; ++draw) hypotheses_.push_back({.row = r, .words = {}, .place = r, .draw = draw});
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
    int wanted = options_.method == DecodeMethod::greedy ? 1
                 : options_.method == DecodeMethod::beam ? options_.beam
                 : options_.top_k == 0                   ? next.words
                                                         : options_.top_k;
    wanted = std::min(wanted, next.words);
    // What a hypothesis must not say is asked for, too, and passed over.
    const int count = static_cast<int>(std::min<std::int64_t>(std::int64_t{wanted} + find_banned(), next.words));
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
    const Likeliest all{context_.to_host(word, size), context_.to_host(log_probability, size), count};
    return banned_.empty() ? all : without_banned(all, wanted);
  }

  // Fills banned_ with what each live hypothesis must not say next, or leaves it empty where no option bans anything.
  // Returns the most words that one of them has there.
  int find_banned() {
    banned_.clear();
    if (options_.min_length == 0 && options_.no_repeat == 0) return 0;
    std::size_t most = 0;
    for (const std::size_t h : live_) {
      const std::vector<std::int32_t>& words = hypotheses_[h].words;
      std::vector<std::int32_t>& banned = banned_.emplace_back();
      if (words.size() < at(options_.min_length)) banned.push_back(eos_id);
      const std::size_t before = at(std::max(0, options_.no_repeat - 1));
      if (options_.no_repeat > 0 && words.size() >= before)
        for (std::size_t i = 0; i + before < words.size(); ++i)
          if (std::equal(words.end() - static_cast<std::ptrdiff_t>(before), words.end(),
                         words.begin() + static_cast<std::ptrdiff_t>(i)) &&
              std::find(banned.begin(), banned.end(), words[i + before]) == banned.end())
            banned.push_back(words[i + before]);
      most = std::max(most, banned.size());
    }
    return static_cast<int>(most);
  }

  // The first `wanted` of each that are not banned. Where all are, the reply ends, as it does without options.
  Likeliest without_banned(const Likeliest& all, int wanted) {
    kept_words_.assign(live_.size() * at(wanted), -1);
    kept_log_probability_.assign(live_.size() * at(wanted), -std::numeric_limits<T>::infinity());
    for (std::size_t k = 0; k < live_.size(); ++k) {
      const std::size_t first = at(all.count) * k, to = at(wanted) * k;
      T end = -std::numeric_limits<T>::infinity();
      std::size_t kept = 0;
      for (std::size_t i = first; i < first + at(all.count) && kept < at(wanted) && all.words[i] >= 0; ++i) {
        if (all.words[i] == eos_id) end = all.log_probability[i];
        if (std::find(banned_[k].begin(), banned_[k].end(), all.words[i]) != banned_[k].end()) continue;
        kept_words_[to + kept] = all.words[i];
        kept_log_probability_[to + kept] = all.log_probability[i];
        ++kept;
      }
      if (kept > 0) continue;
      kept_words_[to] = eos_id;
      kept_log_probability_[to] = end;
    }
    return {kept_words_.data(), kept_log_probability_.data(), wanted};
  }

  void extend(const Likeliest& likeliest, int step) {
    if (options_.method == DecodeMethod::beam) return extend_beams(likeliest, step);
    for (std::size_t k = 0; k < live_.size(); ++k) {
      Hypothesis& h = hypotheses_[live_[k]];
      const auto first = at(likeliest.count) * k;
      const std::size_t chosen =
          first + (options_.method == DecodeMethod::greedy ? 0 : draw(likeliest, first, h, step));
      const auto of_word = static_cast<double>(likeliest.log_probability[chosen]);
      append(h, likeliest.words[chosen], h.log_probability + of_word, of_word, step);
    }
  }

  // The place of the word drawn among the likeliest, which start at `first`.
  std::size_t draw(const Likeliest& likeliest, std::size_t first, const Hypothesis& h, int step) const {
    const T* p = likeliest.log_probability + first;
    std::vector<double> weight;
    for (int i = 0; i < likeliest.count && likeliest.words[first + at(i)] >= 0; ++i)
      weight.push_back(std::exp((static_cast<double>(p[i]) - static_cast<double>(p[0])) / options_.temperature));
    double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
    if (options_.top_p < 1) {
      double kept = 0;
      std::size_t count = 0;
      while (count < weight.size() && (count == 0 || kept < options_.top_p * sum)) kept += weight[count++];
      weight.resize(count);
      sum = kept;
    }
    const auto turn = static_cast<std::uint64_t>(session_.row(h.row).place);
    // Every draw has numbers of its own, the first those of a search for one reply.
    const std::uint64_t number = static_cast<std::uint64_t>(h.draw) << 32 | static_cast<std::uint64_t>(step);
    double point = random_stream(options_.seed, Draw::sampling, turn).uniform(number) * sum;
    for (std::size_t i = 0; i < weight.size(); ++i)
      if ((point -= weight[i]) < 0) return i;
    return weight.size() - 1;
  }

  void append(Hypothesis& h, std::int32_t word, double log_probability, double of_word, int step) const {
    note_origin(h, word, of_word);
    h.log_probability = log_probability;
    h.ended = word == eos_id;
    h.finished = word == eos_id || step + 1 == options_.max_length;
    if (word != eos_id) h.words.push_back(word);
  }

  void note_origin(Hypothesis& h, std::int32_t word, double log_probability) const {
    const PointerLook<T> look = session_.look(h.place);
    if (look.attention.empty()) return;
    const auto gate = static_cast<double>(look.generation_gate);
    const std::span<const std::int32_t> source = session_.source(h.row);
    double pointed = 0;  // (21): Σ γ_j over the places of the word
    for (std::size_t j = 0; j < source.size(); ++j)
      if (source[j] == word) pointed += static_cast<double>(look.attention[j]);
    h.origins.push_back({.log_probability = log_probability,
                         .generation_gate = gate,
                         .copied = std::min(1.0, (1 - gate) * pointed / std::exp(log_probability)),
                         .attention = {look.attention.begin(), look.attention.end()},
                         .coverage = {look.coverage.begin(), look.coverage.end()}});
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
      for (std::size_t i = first; i < first + at(likeliest.count) && likeliest.words[i] >= 0; ++i) {
        const auto of_word = static_cast<double>(likeliest.log_probability[i]);
        candidates[at(h.row)].push_back(
            {static_cast<std::int64_t>(live_[k]), likeliest.words[i], h.log_probability + of_word, of_word});
      }
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
        append(h, row[i].word, row[i].log_probability, row[i].of_word, step);
        next.push_back(std::move(h));
      }
    }
    hypotheses_ = std::move(next);
  }

  std::vector<std::vector<Hypothesis>> best_of_each_row() const {
    std::vector<std::vector<Hypothesis>> best(at(session_.rows()));
    for (const Hypothesis& h : hypotheses_) best[at(h.row)].push_back(h);
    if (options_.method != DecodeMethod::beam) return best;
    for (auto& row : best) {
      std::stable_sort(row.begin(), row.end(),
                       [&](const Hypothesis& a, const Hypothesis& b) { return score(a) > score(b); });
      row.resize(std::min(row.size(), at(options_.n_best)));
    }
    return best;
  }

  Context& context_;
  ReplySession<T>& session_;
  const DecodeOptions& options_;
  std::vector<Hypothesis> hypotheses_;
  std::vector<std::size_t> live_;
  std::vector<std::int32_t> parents_, words_;  // of one step
  std::vector<std::vector<std::int32_t>> banned_;
  std::vector<std::int32_t> kept_words_;
  std::vector<T> kept_log_probability_;
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
  ETHREED_CHECK(top_k >= 0, "decoding: top-k is {}, wanted 0 (all words) or more", top_k);
  ETHREED_CHECK(top_p > 0 && top_p <= 1, "decoding: top-p is {}, wanted more than 0, at most 1", top_p);
  ETHREED_CHECK(std::isfinite(temperature) && temperature > 0, "decoding: temperature is {}, wanted more than 0",
                temperature);
  ETHREED_CHECK(std::isfinite(length_power) && length_power >= 0, "decoding: length power is {}, wanted at least 0",
                length_power);
  ETHREED_CHECK(min_length >= 0 && min_length < max_length,
                "decoding: min length is {}, wanted 0 to {} (less than max length, which counts the end mark)",
                min_length, max_length - 1);
  ETHREED_CHECK(no_repeat >= 0, "decoding: no-repeat is {}, wanted 0 (off) or more", no_repeat);
  ETHREED_CHECK(n_best >= 1, "decoding: n-best is {}, wanted at least 1", n_best);
  ETHREED_CHECK(n_best == 1 || method != DecodeMethod::greedy,
                "decoding: greedy search finds one reply, not the best {}; decode by beam or sample", n_best);
  ETHREED_CHECK(method != DecodeMethod::beam || n_best <= beam,
                "decoding: n-best is {}, but a beam of {} has {} hypotheses; widen the beam", n_best, beam, beam);
}

int hypotheses(const DecodeOptions& options) {
  return options.method == DecodeMethod::beam     ? options.beam
         : options.method == DecodeMethod::sample ? options.n_best
                                                  : 1;
}

std::string description_of(const DecodeOptions& options) {
  std::string text(name_of(options.method));
  if (options.method == DecodeMethod::beam)
    text += fmt::format(" {}, length power {}", options.beam, options.length_power);
  if (options.method == DecodeMethod::sample) {
    text += options.top_k == 0 ? ", all words" : fmt::format(", top-k {}", options.top_k);
    if (options.top_p < 1) text += fmt::format(", top-p {}", options.top_p);
    text += fmt::format(", temperature {}", options.temperature);
  }
  text += fmt::format(", max length {}", options.max_length);
  if (options.min_length > 0) text += fmt::format(", min length {}", options.min_length);
  if (options.no_repeat > 0) text += fmt::format(", no {} words twice", options.no_repeat);
  if (options.allow_unknown) text += ", unknown allowed";
  return text;
}

template <class T>
std::vector<Reply> search_replies(Context& context, ReplySession<T>& session, int vocabulary,
                                  const DecodeOptions& options) {
  options.check();
  std::vector<std::vector<Hypothesis>> best = Search<T>(context, session, options).run();
  std::vector<Reply> replies;
  for (std::size_t r = 0; r < best.size(); ++r) {
    std::vector<Reply> of_row;
    for (Hypothesis& h : best[r]) {
      Reply& reply = of_row.emplace_back();
      for (const std::int32_t word : h.words)
        reply.words.push_back(word < vocabulary ? word : session.word_id(static_cast<int>(r), word));
      reply.log_probability = h.log_probability;
      reply.ended = h.ended;
      reply.origins = std::move(h.origins);
    }
    Reply first = of_row.empty() ? Reply{} : std::move(of_row.front());
    for (std::size_t i = 1; i < of_row.size(); ++i) first.others.push_back(std::move(of_row[i]));
    replies.push_back(std::move(first));
  }
  return replies;
}

template std::vector<Reply> search_replies(Context&, ReplySession<float>&, int, const DecodeOptions&);
template std::vector<Reply> search_replies(Context&, ReplySession<double>&, int, const DecodeOptions&);

}  // namespace ethreed
