#include "model/training/decoding.h"

#include "autograd/functions/gather_rows.h"
#include "kernels/pointer_distribution/pointer_distribution.h"
#include "model/training/random_streams.h"

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
template <class T> struct Hypothesis {
  std::int32_t row = 0;             // decoder row it answers
  std::vector<std::int32_t> words;  // extended ids
  double log_probability = 0;
  bool finished = false;
  std::vector<T> state;     // s_{i−1}
  std::vector<T> coverage;  // what each source word has received
};

// A continuation of a hypothesis by one word.
struct Candidate {
  std::int64_t hypothesis = 0;
  std::int32_t word = 0;
  double log_probability = 0;  // of the whole
};

// The k likeliest allowed words of a distribution, likeliest first, ties by the lower id.
template <class T>
std::vector<std::int32_t> likeliest(const T* log_probability, int words, int k, const DecodeOptions& options) {
  std::vector<std::int32_t> order;
  const auto allowed = [&](int w) {
    return w != pad_id && w != sos_id && (w != unk_id || options.allow_unknown) &&
           log_probability[w] > -std::numeric_limits<T>::infinity();
  };
  const auto before = [&](std::int32_t a, std::int32_t b) {
    return log_probability[a] != log_probability[b] ? log_probability[a] > log_probability[b] : a < b;
  };
  if (k == 1) {
    std::int32_t best = eos_id;
    for (std::int32_t w = 0; w < words; ++w)
      if (allowed(w) && before(w, best)) best = w;
    return {best};
  }
  for (std::int32_t w = 0; w < words; ++w)
    if (allowed(w)) order.push_back(w);
  const auto count = std::min<std::int64_t>(k, static_cast<std::int64_t>(order.size()));
  std::partial_sort(order.begin(), order.begin() + count, order.end(), before);
  order.resize(at(count));
  return order;
}

template <class T> class Generator {
 public:
  Generator(Tape<T>& tape, const ModelParameters<Variable<T>>& parameters, const Batch& batch,
            const DecoderMemory<T>& memory, const DecodeOptions& options, std::span<const std::uint64_t> draws)
      : tape_(tape),
        parameters_(parameters),
        batch_(batch),
        memory_(memory),
        options_(options),
        draws_(draws),
        vocabulary_(parameters.vocabulary.weight.rows()) {}

  std::vector<Hypothesis<T>> run() {
    start();
    for (int step = 0; step < options_.max_length; ++step) {
      live_.clear();
      for (std::size_t h = 0; h < hypotheses_.size(); ++h)
        if (!hypotheses_[h].finished) live_.push_back(h);
      if (live_.empty()) break;
      const Arena::Mark mark = tape_.context().arena.mark();
      advance(step);
      tape_.context().arena.rewind(mark);
    }
    return best_of_each_row();
  }

 private:
  void start() {
    const int width = memory_.initial.columns();
    for (int r = 0; r < batch_.turns(); ++r) {
      Hypothesis<T> h;
      h.row = r;
      h.state.assign(memory_.initial.value().row(r), memory_.initial.value().row(r) + width);
      h.coverage.assign(at(batch_.rows().source_count(r)), T{0});
      hypotheses_.push_back(std::move(h));
    }
  }

  // One step of every live hypothesis: one ragged batch, one target token each.
  void advance(int step) {
    const std::size_t n = live_.size();
    lay_out();
    const Packing packing{step_offsets_};
    const Variable<T> previous = tape_.constant({previous_.data(), Shape{static_cast<std::int64_t>(n), state_width()}});
    const Variable<T> s = decoder_states<T>(tape_, parameters_, packing, inputs_, previous);
    const DecoderMemory<T> memory{.states = gather_rows<T>(tape_, {{memory_.states, source_rows_}}),
                                  .keys = gather_rows<T>(tape_, {{memory_.keys, source_rows_}}),
                                  .initial = previous,
                                  .emotion = gather_rows<T>(tape_, {{memory_.emotion, rows_}}),
                                  .emotion_keys = gather_rows<T>(tape_, {{memory_.emotion_keys, rows_}})};
    const RowLayout layout{source_offsets_, target_offsets_, weight_offsets_};
    const DecoderOutput<T> out = decode(tape_, parameters_, layout, memory, s, previous, coverage_.data());
    const int extra = extra_words(source_ids_, vocabulary_);
    T* distribution = tape_.context().arena.template allocate<T>(static_cast<std::int64_t>(n) * (vocabulary_ + extra));
    pointer_distribution_forward(tape_.context(), PointerDistributionForward<T>{.layout = layout,
                                                                                .vocabulary = vocabulary_,
                                                                                .extra = extra,
                                                                                .logits = out.logits.data(),
                                                                                .gate_logit = out.gate_logit.data(),
                                                                                .weights = out.attention.data(),
                                                                                .source_ids = source_ids_.data(),
                                                                                .out = distribution});
    for (std::size_t k = 0; k < n; ++k) {
      Hypothesis<T>& h = hypotheses_[live_[k]];
      h.state.assign(s.value().row(static_cast<std::int64_t>(k)),
                     s.value().row(static_cast<std::int64_t>(k)) + state_width());
      for (std::size_t j = 0; j < h.coverage.size(); ++j)
        h.coverage[j] += out.attention.data()[at(weight_offsets_[k]) + j];
    }
    extend(distribution, vocabulary_ + extra, step);
  }

  // The arrays of one step, from the live hypotheses.
  void lay_out() {
    const RowLayout all = batch_.rows();
    for (auto* ids : {&inputs_, &rows_, &source_rows_, &source_ids_}) ids->clear();
    previous_.clear();
    coverage_.clear();
    source_offsets_.assign(1, 0);
    target_offsets_.assign(1, 0);
    weight_offsets_.assign(1, 0);
    for (const std::size_t index : live_) {
      const Hypothesis<T>& h = hypotheses_[index];
      const std::int32_t last = h.words.empty() ? sos_id : h.words.back();
      inputs_.push_back(last < vocabulary_ ? last : unk_id);
      rows_.push_back(h.row);
      for (int j = all.source(h.row); j < all.source(h.row + 1); ++j) {
        source_rows_.push_back(j);
        source_ids_.push_back(batch_.source_ids[at(j)]);
      }
      previous_.insert(previous_.end(), h.state.begin(), h.state.end());
      coverage_.insert(coverage_.end(), h.coverage.begin(), h.coverage.end());
      source_offsets_.push_back(static_cast<std::int32_t>(source_rows_.size()));
      target_offsets_.push_back(target_offsets_.back() + 1);
      weight_offsets_.push_back(source_offsets_.back());
    }
    step_offsets_ = {0, static_cast<std::int32_t>(live_.size())};
  }

  void extend(const T* distribution, int words, int step) {
    if (options_.method == DecodeMethod::beam) return extend_beams(distribution, words, step);
    for (std::size_t k = 0; k < live_.size(); ++k) {
      const T* p = distribution + at(words) * k;
      Hypothesis<T>& h = hypotheses_[live_[k]];
      const std::int32_t word = options_.method == DecodeMethod::greedy ? likeliest(p, words, 1, options_).front()
                                                                        : draw(p, words, h.row, step);
      append(h, word, h.log_probability + static_cast<double>(p[word]), step);
    }
  }

  std::int32_t draw(const T* p, int words, std::int32_t row, int step) const {
    const std::vector<std::int32_t> top = likeliest(p, words, options_.top_k, options_);
    std::vector<double> weight;
    for (const std::int32_t w : top)
      weight.push_back(
          std::exp((static_cast<double>(p[w]) - static_cast<double>(p[top.front()])) / options_.temperature));
    const auto turn = at(batch_.turn_of_row[at(row)]);
    double point =
        random_stream(options_.seed, Draw::sampling, draws_[turn]).uniform(static_cast<std::uint64_t>(step)) *
        std::accumulate(weight.begin(), weight.end(), 0.0);
    for (std::size_t i = 0; i < top.size(); ++i)
      if ((point -= weight[i]) < 0) return top[i];
    return top.back();
  }

  void append(Hypothesis<T>& h, std::int32_t word, double log_probability, int step) const {
    h.log_probability = log_probability;
    h.finished = word == eos_id || step + 1 == options_.max_length;
    if (word != eos_id) h.words.push_back(word);
  }

  double score(const Hypothesis<T>& h) const {
    return h.log_probability / std::pow(static_cast<double>(h.words.size() + 1), options_.length_power);
  }

  // Per row: the beam's best continuations compete with what is finished already.
  void extend_beams(const T* distribution, int words, int step) {
    std::vector<std::vector<Candidate>> candidates(at(batch_.turns()));
    for (std::size_t k = 0; k < live_.size(); ++k) {
      const T* p = distribution + at(words) * k;
      const Hypothesis<T>& h = hypotheses_[live_[k]];
      for (const std::int32_t w : likeliest(p, words, options_.beam, options_))
        candidates[at(h.row)].push_back(
            {static_cast<std::int64_t>(live_[k]), w, h.log_probability + static_cast<double>(p[w])});
    }
    std::vector<Hypothesis<T>> next;
    std::vector<int> finished(at(batch_.turns()), 0);
    for (Hypothesis<T>& h : hypotheses_)
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
        Hypothesis<T> h = hypotheses_[at(row[i].hypothesis)];
        append(h, row[i].word, row[i].log_probability, step);
        next.push_back(std::move(h));
      }
    }
    hypotheses_ = std::move(next);
  }

  std::vector<Hypothesis<T>> best_of_each_row() const {
    std::vector<Hypothesis<T>> best(at(batch_.turns()));
    std::vector<bool> seen(best.size(), false);
    for (const Hypothesis<T>& h : hypotheses_) {
      const std::size_t r = at(h.row);
      if (!seen[r] || score(h) > score(best[r])) best[r] = h;
      seen[r] = true;
    }
    return best;
  }

  int state_width() const { return memory_.initial.columns(); }

  Tape<T>& tape_;
  const ModelParameters<Variable<T>>& parameters_;
  const Batch& batch_;
  const DecoderMemory<T>& memory_;
  const DecodeOptions& options_;
  std::span<const std::uint64_t> draws_;
  int vocabulary_;
  std::vector<Hypothesis<T>> hypotheses_;
  std::vector<std::size_t> live_;
  // arrays of one step
  std::vector<std::int32_t> inputs_, rows_, source_rows_, source_ids_, source_offsets_, target_offsets_, step_offsets_;
  std::vector<std::int64_t> weight_offsets_;
  std::vector<T> previous_, coverage_;
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

template <class T>
std::vector<Reply> generate_replies(Tape<T>& tape, const ModelParameters<Variable<T>>& parameters, const Batch& batch,
                                    const DialogueState<T>& state, const DecodeOptions& options,
                                    std::span<const std::uint64_t> draws) {
  options.check();
  ETHREED_CHECK(!tape.recording(), "generate_replies: the tape records; make it without recording");
  ETHREED_CHECK(draws.size() == at(batch.turns()), "generate_replies: {} draws for {} turns", draws.size(),
                batch.turns());
  const DecoderMemory<T> memory = decoder_memory(tape, parameters, batch, state);
  const auto hypotheses = Generator<T>(tape, parameters, batch, memory, options, draws).run();
  const int vocabulary = parameters.vocabulary.weight.rows();
  std::vector<Reply> replies(at(batch.turns()));
  for (const Hypothesis<T>& h : hypotheses) {
    Reply& reply = replies[at(batch.turn_of_row[at(h.row)])];
    reply.log_probability = h.log_probability;
    for (const std::int32_t word : h.words) {
      if (word < vocabulary) {
        reply.words.push_back(word);
        continue;
      }
      const auto first = batch.source_ids.begin() + batch.source_offsets[at(h.row)];
      const auto place = std::find(first, batch.source_ids.begin() + batch.source_offsets[at(h.row + 1)], word);
      reply.words.push_back(batch.source_words[at(place - batch.source_ids.begin())]);
    }
  }
  return replies;
}

template std::vector<Reply> generate_replies(Tape<float>&, const ModelParameters<Variable<float>>&, const Batch&,
                                             const DialogueState<float>&, const DecodeOptions&,
                                             std::span<const std::uint64_t>);
template std::vector<Reply> generate_replies(Tape<double>&, const ModelParameters<Variable<double>>&, const Batch&,
                                             const DialogueState<double>&, const DecodeOptions&,
                                             std::span<const std::uint64_t>);

}  // namespace ethreed
