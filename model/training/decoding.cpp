#include "model/training/decoding.h"

#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "kernels/pointer_distribution/pointer_distribution.h"
#include "kernels/top_words/top_words.h"
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
  std::int32_t state_row = 0;  // where s_{i−1} stands among the states kept on the device
  std::vector<T> coverage;     // what each source word has received
};

// A continuation of a hypothesis by one word.
struct Candidate {
  std::int64_t hypothesis = 0;
  std::int32_t word = 0;
  double log_probability = 0;  // of the whole
};

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
      Context& context = tape_.context();
      const Arena::Mark host = context.arena.mark(), device = context.values.mark();
      advance(step);
      context.arena.rewind(host);
      if (!context.on_host()) context.values.rewind(device);
    }
    return best_of_each_row();
  }

 private:
  void start() {
    for (int r = 0; r < batch_.turns(); ++r) {
      Hypothesis<T> h;
      h.row = r;
      h.state_row = r;
      h.coverage.assign(at(batch_.rows().source_count(r)), T{0});
      hypotheses_.push_back(std::move(h));
    }
    // States outlive the memory of their step here. A beam holds at most `beam` hypotheses a row.
    const std::int64_t most =
        std::int64_t{batch_.turns()} * (options_.method == DecodeMethod::beam ? options_.beam : 1);
    Context& context = tape_.context();
    states_ = context.values.template allocate<T>(most * state_width());
    context.copy(states_, memory_.initial.data(), std::int64_t{batch_.turns()} * state_width());
    kept_ = batch_.turns();
  }

  // One step of every live hypothesis: one ragged batch, one target token each.
  void advance(int step) {
    Context& context = tape_.context();
    const auto n = static_cast<std::int64_t>(live_.size());
    lay_out();
    const Variable<T> kept = tape_.constant({states_, Shape{kept_, state_width()}});
    const Variable<T> previous = gather_rows<T>(tape_, {{kept, state_rows_}});
    const Variable<T> words = embedding<T>(tape_, parameters_.embedding, inputs_);
    const Variable<T> s = decoder_states<T>(tape_, parameters_, Packing{step_offsets_}, words, previous);
    const DecoderMemory<T> memory{.states = gather_rows<T>(tape_, {{memory_.states, source_rows_}}),
                                  .keys = gather_rows<T>(tape_, {{memory_.keys, source_rows_}}),
                                  .initial = previous,
                                  .emotion = gather_rows<T>(tape_, {{memory_.emotion, rows_}}),
                                  .emotion_keys = gather_rows<T>(tape_, {{memory_.emotion_keys, rows_}})};
    const RowLayout layout{source_offsets_, target_offsets_, weight_offsets_};
    const T* coverage = context.to_device(coverage_.data(), static_cast<std::int64_t>(coverage_.size()));
    const DecoderOutput<T> out = decode(tape_, parameters_, layout, memory, s, previous, coverage);
    context.copy(states_, s.data(), n * state_width());
    kept_ = n;
    const T* attention = context.to_host(out.attention.data(), layout.weights());
    for (std::size_t k = 0; k < live_.size(); ++k) {
      Hypothesis<T>& h = hypotheses_[live_[k]];
      h.state_row = static_cast<std::int32_t>(k);
      for (std::size_t j = 0; j < h.coverage.size(); ++j) h.coverage[j] += attention[at(weight_offsets_[k]) + j];
    }
    extend(likeliest(layout, out), step);
  }

  // The likeliest words after every live hypothesis, on the host: `count` each, likeliest first; −1 where there are
  // fewer.
  struct Likeliest {
    const std::int32_t* words;
    const T* log_probability;
    int count;
  };
  Likeliest likeliest(const RowLayout& layout, const DecoderOutput<T>& out) {
    Context& context = tape_.context();
    const int n = layout.rows(), extra = extra_words(source_ids_, vocabulary_), words = vocabulary_ + extra;
    T* distribution = context.values.template allocate<T>(std::int64_t{n} * words);
    pointer_distribution_forward(context, PointerDistributionForward<T>{.layout = layout,
                                                                        .vocabulary = vocabulary_,
                                                                        .extra = extra,
                                                                        .logits = out.logits.data(),
                                                                        .gate_logit = out.gate_logit.data(),
                                                                        .weights = out.attention.data(),
                                                                        .source_ids = source_ids_.data(),
                                                                        .out = distribution});
    const int wanted = options_.method == DecodeMethod::greedy ? 1
                       : options_.method == DecodeMethod::beam ? options_.beam
                                                               : options_.top_k;
    const int count = std::min(wanted, words);
    const std::int64_t size = std::int64_t{n} * count;
    std::int32_t* word = context.values.template allocate<std::int32_t>(size);
    T* log_probability = context.values.template allocate<T>(size);
    top_words<T>(context, {.rows = n,
                           .words = words,
                           .k = count,
                           .banned = {pad_id, sos_id, options_.allow_unknown ? -1 : unk_id},
                           .fallback = eos_id,
                           .log_probability = distribution,
                           .top = word,
                           .top_log_probability = log_probability});
    return {context.to_host(word, size), context.to_host(log_probability, size), count};
  }

  // The arrays of one step, from the live hypotheses.
  void lay_out() {
    const RowLayout all = batch_.rows();
    for (auto* ids : {&inputs_, &rows_, &state_rows_, &source_rows_, &source_ids_}) ids->clear();
    coverage_.clear();
    source_offsets_.assign(1, 0);
    target_offsets_.assign(1, 0);
    weight_offsets_.assign(1, 0);
    for (const std::size_t index : live_) {
      const Hypothesis<T>& h = hypotheses_[index];
      const std::int32_t last = h.words.empty() ? sos_id : h.words.back();
      inputs_.push_back(last < vocabulary_ ? last : unk_id);
      rows_.push_back(h.row);
      state_rows_.push_back(h.state_row);
      for (int j = all.source(h.row); j < all.source(h.row + 1); ++j) {
        source_rows_.push_back(j);
        source_ids_.push_back(batch_.source_ids[at(j)]);
      }
      coverage_.insert(coverage_.end(), h.coverage.begin(), h.coverage.end());
      source_offsets_.push_back(static_cast<std::int32_t>(source_rows_.size()));
      target_offsets_.push_back(target_offsets_.back() + 1);
      weight_offsets_.push_back(source_offsets_.back());
    }
    step_offsets_ = {0, static_cast<std::int32_t>(live_.size())};
  }

  void extend(const Likeliest& likeliest, int step) {
    if (options_.method == DecodeMethod::beam) return extend_beams(likeliest, step);
    for (std::size_t k = 0; k < live_.size(); ++k) {
      Hypothesis<T>& h = hypotheses_[live_[k]];
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
    const auto turn = at(batch_.turn_of_row[at(row)]);
    double point =
        random_stream(options_.seed, Draw::sampling, draws_[turn]).uniform(static_cast<std::uint64_t>(step)) *
        std::accumulate(weight.begin(), weight.end(), 0.0);
    for (std::size_t i = 0; i < weight.size(); ++i)
      if ((point -= weight[i]) < 0) return i;
    return weight.size() - 1;
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
  void extend_beams(const Likeliest& likeliest, int step) {
    std::vector<std::vector<Candidate>> candidates(at(batch_.turns()));
    for (std::size_t k = 0; k < live_.size(); ++k) {
      const Hypothesis<T>& h = hypotheses_[live_[k]];
      const auto first = at(likeliest.count) * k;
      for (std::size_t i = first; i < first + at(likeliest.count) && likeliest.words[i] >= 0; ++i)
        candidates[at(h.row)].push_back({static_cast<std::int64_t>(live_[k]), likeliest.words[i],
                                         h.log_probability + static_cast<double>(likeliest.log_probability[i])});
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
  T* states_ = nullptr;    // on the device: s of every hypothesis that was live at the step before
  std::int64_t kept_ = 0;  // how many
  // arrays of one step
  std::vector<std::int32_t> inputs_, rows_, state_rows_, source_rows_, source_ids_, source_offsets_, target_offsets_,
      step_offsets_;
  std::vector<std::int64_t> weight_offsets_;
  std::vector<T> coverage_;
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
