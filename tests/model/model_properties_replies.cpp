// Replies of a model: a search misses nothing, a session says what forward says, a conversation forgets nothing.

#include "core/indices.h"
#include "model/evaluation/reply_batch.h"
#include "tests/model/model_properties.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace ethreed::test {

namespace {

using Words = std::vector<std::int32_t>;

// Every reply of up to max_length words to every row of a session, tried through the session alone.
class EveryReply {
 public:
  struct Found {
    Words words;  // as the batch was given them, without EOS
    double log_probability = 0;
  };

  EveryReply(ReplySession<double>& session, int vocabulary, int max_length) : found_(rows_of(session)) {
    std::vector<Found> live(found_.size());
    std::vector<std::int32_t> parents, last(found_.size(), sos_id), row;
    for (std::size_t r = 0; r < live.size(); ++r) row.push_back(static_cast<std::int32_t>(r));
    parents = row;
    for (int length = 1; length <= max_length; ++length) {
      const NextWords<double> next = session.advance(parents, last);
      std::vector<Found> longer;
      std::vector<std::int32_t> longer_row;
      parents.clear();
      last.clear();
      for (std::size_t h = 0; h < live.size(); ++h)
        for (std::int32_t w = 0; w < next.words; ++w) {
          const double p = next.log_probability[static_cast<std::int64_t>(h) * next.words + w];
          if (w == pad_id || w == sos_id || w == unk_id || !std::isfinite(p)) continue;
          Found reply{live[h].words, live[h].log_probability + p};
          if (w != eos_id) reply.words.push_back(w < vocabulary ? w : session.word_id(row[h], w));
          if (w == eos_id || length == max_length) {
            found_[row[h]].push_back(std::move(reply));
            continue;
          }
          longer.push_back(std::move(reply));
          longer_row.push_back(row[h]);
          parents.push_back(static_cast<std::int32_t>(h));
          last.push_back(w);
        }
      live = std::move(longer);
      row = std::move(longer_row);
    }
  }

  std::size_t most() const {
    std::size_t count = 0;
    for (const auto& replies : found_) count = std::max(count, replies.size());
    return count;
  }
  /// All of a row, the best first.
  std::vector<Found> ranked(int row, double length_power) const {
    const auto score = [&](const Found& reply) {
      return reply.log_probability / std::pow(static_cast<double>(reply.words.size() + 1), length_power);
    };
    std::vector<Found> replies = found_[row];
    std::stable_sort(replies.begin(), replies.end(),
                     [&](const Found& a, const Found& b) { return score(a) > score(b); });
    return replies;
  }

 private:
  static std::size_t rows_of(const ReplySession<double>& session) { return static_cast<std::size_t>(session.rows()); }
  std::vector<std::vector<Found>> found_;  // by row
};

// Σ log P of the gold words of every row, given to the session one by one.
struct Forced {
  double log_probability = 0;
  std::int64_t tokens = 0;
};
Failure force(ReplySession<double>& session, int vocabulary, std::span<const Example> dialogues, Forced& sum) {
  struct Row {
    std::int32_t row = 0, parent = 0, word = sos_id;
    Indices gold{};
  };
  std::vector<Row> live;
  for (int r = 0; r < session.rows(); ++r) {
    const ReplyRow place = session.row(r);
    const Example& dialogue = dialogues[place.dialogue];
    if (place.place != dialogue.place + place.turn) return fmt::format("row {} has the place {}", r, place.place);
    live.push_back({.row = r, .parent = r, .gold = dialogue.turns[place.turn].response});
  }
  while (!live.empty()) {
    std::vector<std::int32_t> parents, words;
    for (const Row& row : live) {
      parents.push_back(row.parent);
      words.push_back(row.word);
    }
    const NextWords<double> next = session.advance(parents, words);
    for (std::size_t k = 0; k < live.size(); ++k) {
      Row& row = live[k];
      const double* p = next.log_probability + static_cast<std::int64_t>(k) * next.words;
      double sum_of_all = 0;
      for (int w = 0; w < next.words; ++w) sum_of_all += std::exp(p[w]);
      if (!(std::abs(sum_of_all - 1) < 1e-10)) return fmt::format("probabilities sum to {}", sum_of_all);
      row.word = row.gold.front();
      if (row.word >= vocabulary) {  // the session's word for it, if it has one, else unknown
        row.word = unk_id;
        for (std::int32_t w = vocabulary; w < next.words; ++w)
          if (std::isfinite(p[w]) && session.word_id(row.row, w) == row.gold.front()) row.word = w;
      }
      sum.log_probability += p[row.word];
      ++sum.tokens;
      row.parent = static_cast<std::int32_t>(k);
      row.gold = row.gold.subspan(1);
    }
    std::erase_if(live, [](const Row& row) { return row.gold.empty(); });
  }
  return {};
}

Failure compare_forced(const Model& model, Bench<double>& bench, const std::vector<Example>& dialogues, bool sample) {
  std::size_t figure = 0;
  while (figure < model.figures().size() && model.figures()[figure].name != "perplexity_token") ++figure;
  if (figure == model.figures().size()) return "a model that writes replies has the figure perplexity_token";
  const PassOptions pass{.purpose = Purpose::validate, .seed = 9, .sample_latent = sample};
  const double wanted = bench.figures({&dialogues, 1}, pass)[figure];
  bench.load(dialogues);
  Tape<double> tape(bench.context(), false);
  const auto session = model.steps<double>().replies(tape, bench.bind(tape), bench.batch(),
                                                     {.sample_latent = sample, .seed = pass.seed});
  Forced sum;
  if (const Failure failure = force(*session, model.vocabulary(), dialogues, sum)) return failure;
  const double got = std::exp(-sum.log_probability / static_cast<double>(sum.tokens));
  return differ({&got, 1}, {&wanted, 1}, 1e-10, [](std::size_t) { return "the perplexity of a session"; });
}

// A reply and what is said beside it.
struct Answered {
  Reply reply;
  std::vector<double> insights;
};
Answered answer(const Model& model, Bench<double>& bench, ReplySession<double>& session, const DecodeOptions& options) {
  Answered out;
  for (int i = 0; i < count_of(model.insights()); ++i)
    for (const double logit : session.insight(0, i)) out.insights.push_back(logit);
  out.reply = search_replies(bench.context(), session, model.vocabulary(), options).at(0);
  return out;
}

Answered from_nothing(const Model& model, Bench<double>& bench, const Example& dialogue, std::size_t turns,
                      const ReplyOptions& reply_options, const DecodeOptions& options) {
  static constexpr std::array<std::int32_t, 1> nothing{eos_id};
  std::vector<TurnInput> history(dialogue.turns.begin(), dialogue.turns.begin() + static_cast<std::ptrdiff_t>(turns));
  history.back().response = nothing;
  for (TurnInput& turn : history) turn.emotion = turn.listener_label = -1;  // nobody has labelled a chat
  const Example example{.turns = history, .place = dialogue.place};
  bench.load({&example, 1});
  Tape<double> tape(bench.context(), false);
  const auto session = model.steps<double>().replies(tape, bench.bind(tape), bench.batch(), reply_options);
  if (session->rows() != 1) fail("test: {} rows for the last turn of one dialogue", session->rows());
  return answer(model, bench, *session, options);
}

Failure compare_conversation(const Model& model, Bench<double>& bench, const Example& dialogue, bool sample,
                             const DecodeOptions& options) {
  const ReplyOptions reply_options{
      .answer = Answer::last_turn, .sample_latent = sample, .seed = 4, .hypotheses_per_row = hypotheses(options)};
  const auto conversation = model.steps<double>().converse();
  for (std::size_t t = 0; t < dialogue.turns.size(); ++t) {
    bench.context().begin_step();
    const Indices before = t == 0 ? Indices() : Indices(dialogue.turns[t - 1].response);
    Answered got;
    {
      Tape<double> tape(bench.context(), false);
      const auto session = conversation->read(tape, bench.bind(tape), before, dialogue.turns[t].post,
                                              dialogue.place + static_cast<std::int64_t>(t), reply_options);
      got = answer(model, bench, *session, options);
    }
    const Answered wanted = from_nothing(model, bench, dialogue, t + 1, reply_options, options);
    const auto where = [&](const std::string& what) { return fmt::format("turn {}, {}", t, what); };
    if (const Failure failure = differ(got.insights, wanted.insights, 1e-10,
                                       [](std::size_t k) { return fmt::format("insight logit {}", k); }))
      return where(*failure);
    if (got.reply.words != wanted.reply.words) return where("other words");
    if (const Failure failure = differ({&got.reply.log_probability, 1}, {&wanted.reply.log_probability, 1}, 1e-10,
                                       [](std::size_t) { return "the log probability"; }))
      return where(*failure);
  }
  return {};
}

// What dialogues get that are asked together: the last reply of each, and its words as they came. `leaves`, if it is
// one of them, is dropped after the first step.
struct Together {
  std::vector<GeneratedTurn> turns;
  std::vector<std::vector<NewestWord>> words;
  std::vector<std::vector<WordOrigin>> origins;  // of the words as they came
};
Together reply_together(const Model& model, Bench<float>& bench, std::span<const AskedDialogue> dialogues,
                        int leaves = -1) {
  ReplyBatch<float> batch(bench.context(), model, bench.device().model());
  batch.open(dialogues);
  Together out;
  out.words.resize(dialogues.size());
  out.origins.resize(dialogues.size());
  while (batch.step()) {
    for (int d = 0; d < count_of(dialogues); ++d)
      if (const std::optional<NewestWord> word = batch.newest(d)) {
        out.words[d].push_back(*word);
        if (word->origin != nullptr) out.origins[d].push_back(*word->origin);
      }
    if (leaves >= 0) batch.drop(leaves);
  }
  for (int d = 0; d < count_of(dialogues); ++d) {
    out.turns.push_back(batch.take(d));
    out.turns.back().source = {};
  }
  return out;
}

bool same(const WordOrigin& a, const WordOrigin& b) {
  return a.log_probability == b.log_probability && a.generation_gate == b.generation_gate && a.copied == b.copied &&
         a.attention == b.attention && a.coverage == b.coverage;
}

bool same(const Reply& a, const Reply& b) {
  const auto alike = [](const auto& x, const auto& y) { return same(x, y); };
  return a.words == b.words && a.log_probability == b.log_probability && a.ended == b.ended &&
         std::equal(a.origins.begin(), a.origins.end(), b.origins.begin(), b.origins.end(), alike) &&
         std::equal(a.others.begin(), a.others.end(), b.others.begin(), b.others.end(), alike);
}

// Do the words that came one by one make up the reply of greedy search or sampling; none came in beam search.
bool makes_up(const std::vector<NewestWord>& words, const std::vector<WordOrigin>& origins, const Reply& reply,
              DecodeMethod method) {
  if (method == DecodeMethod::beam) return words.empty();
  Words came;
  double log_probability = 0;
  for (const NewestWord& word : words) {
    if (word.word != eos_id) came.push_back(word.word);
    log_probability += word.log_probability;
  }
  return came == reply.words && log_probability == reply.log_probability &&
         std::equal(origins.begin(), origins.end(), reply.origins.begin(), reply.origins.end(),
                    [](const WordOrigin& x, const WordOrigin& y) { return same(x, y); });
}

}  // namespace

Failure widest_beam_finds_best(const Subject& subject) {
  const RunConfig run = subject.run(smallest_data());
  const Model& model = *run.model;
  const TinyExamples train(smallest_data().split("train"), model);
  std::set<std::size_t> lengths;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Bench<double> bench(model, random_state<double>(model, seed, 1.5, smallest_data()));
    DecodeOptions options{.method = DecodeMethod::beam, .max_length = 4, .beam = 1000, .n_best = 3};
    const ReplyOptions reply_options{.hypotheses_per_row = hypotheses(options)};
    std::optional<EveryReply> every;
    for (const double power : {0.0, 0.7, 1.2}) {
      bench.load(train.all());
      Tape<double> tape(bench.context(), false);
      if (!every) {
        const auto session = model.steps<double>().replies(tape, bench.bind(tape), bench.batch(), reply_options);
        every.emplace(*session, model.vocabulary(), options.max_length);
        if (every->most() > 1000) return fmt::format("{} replies are too many to try", every->most());
      }
      options.length_power = power;
      const auto session = model.steps<double>().replies(tape, bench.bind(tape), bench.batch(), reply_options);
      const std::vector<Reply> replies = search_replies(bench.context(), *session, model.vocabulary(), options);
      if (replies.empty()) return "no replies";
      for (int r = 0; r < session->rows(); ++r) {
        const std::vector<EveryReply::Found> ranked = every->ranked(r, power);
        const EveryReply::Found& best = ranked.front();
        const Reply& got = replies[r];
        if (got.others.size() != 2 || got.others[0].words != ranked.at(1).words ||
            got.others[1].words != ranked.at(2).words)
          return fmt::format("seed {}, row {}: not the second and third best words", seed, r);
        if (got.words != best.words) return fmt::format("seed {}, row {}: not the best words", seed, r);
        if (const Failure failure = differ({&got.log_probability, 1}, {&best.log_probability, 1}, 1e-12,
                                           [](std::size_t) { return "the log probability"; }))
          return failure;
        lengths.insert(best.words.size());
      }
    }
  }
  if (lengths.size() < 2) return "the best replies are all of one length: nothing competes";
  return {};
}

Failure session_says_what_forward_says(const Subject& subject) {
  const RunConfig run = subject.run(tiny_data());
  const TinyExamples train(tiny_data().split("train"), *run.model);
  const std::vector<Example> all(train.all().begin(), train.all().end());
  Bench<double> bench(*run.model, random_state<double>(*run.model, 13));
  for (const bool sample : {true, false}) {
    if (const Failure failure = compare_forced(*run.model, bench, all, sample)) return failure;
    for (const Example& dialogue : all)
      if (const Failure failure = compare_forced(*run.model, bench, {dialogue}, sample))
        return "a dialogue alone: " + *failure;
  }
  return {};
}

Failure conversation_is_recomputation(const Subject& subject) {
  const RunConfig run = subject.run(tiny_data());
  const TinyExamples train(tiny_data().split("train"), *run.model);
  Bench<double> bench(*run.model, random_state<double>(*run.model, 17));
  for (const Example& dialogue : train.all())
    for (const bool sample : {true, false})
      for (const DecodeMethod method : {DecodeMethod::greedy, DecodeMethod::beam, DecodeMethod::sample})
        if (const Failure failure = compare_conversation(*run.model, bench, dialogue, sample,
                                                         {.method = method, .max_length = 6, .beam = 3, .top_k = 5}))
          return fmt::format("{}: {}", name_of(method), *failure);
  return {};
}

Failure batch_changes_no_bit(const Subject& subject) {
  static constexpr std::array<std::int32_t, 1> nothing{eos_id};
  const std::array<DecodeOptions, 5> searches{{
      {.max_length = 7},
      {.method = DecodeMethod::beam, .max_length = 6, .beam = 3, .length_power = 0.3, .n_best = 2},
      {.method = DecodeMethod::sample, .max_length = 9, .top_k = 0, .temperature = 1.5, .seed = 5, .n_best = 3},
      {.max_length = 12, .allow_unknown = true, .min_length = 4, .no_repeat = 2},
      {.method = DecodeMethod::sample, .max_length = 5, .top_k = 4, .top_p = 0.9, .seed = 6},
  }};
  const RunConfig run = subject.run(tiny_data());
  const Model& model = *run.model;
  const TinyExamples train(tiny_data().split("train"), model);
  Bench<float> bench(model, random_state<float>(model, 19, 0.8), Device::cpu, 2);
  std::vector<std::vector<TurnInput>> turns;
  std::vector<AskedDialogue> asked;
  for (const Example& dialogue : train.all()) {
    turns.emplace_back(dialogue.turns.begin(), dialogue.turns.end());
    for (TurnInput& turn : turns.back()) turn.emotion = turn.listener_label = -1;
    turns.back().back().response = nothing;
  }
  std::set<Words> different;
  for (const bool sample : {true, false}) {
    asked.clear();
    for (std::size_t i = 0; i < turns.size(); ++i) {
      DecodeOptions decode = searches[(i + (sample ? 0 : 1)) % searches.size()];
      decode.seed += i % 2;
      asked.push_back({.example = {.turns = turns[i], .place = static_cast<std::int64_t>(i % 3)},
                       .mode = {.latent = {.sample = sample, .seed = 11 + i % 4},
                                .planned_class = model.reply_plan().empty() || i % 4 != 1 ? -1 : 1,
                                .look = model.has_pointer()},
                       .decode = decode});
    }
    const int leaves = sample ? -1 : 0;
    const Together all = reply_together(model, bench, asked, leaves);
    for (int d = 0; d < count_of(asked); ++d) {
      const GeneratedTurn& got = all.turns[d];
      if (d == leaves) {
        if (!got.reply.words.empty()) return "a dialogue that was dropped has words";
        continue;
      }
      const Together alone = reply_together(model, bench, {&asked[d], 1});
      const auto where = [&](const std::string& what) {
        return fmt::format("dialogue {} of {}: {}", d, asked.size(), what);
      };
      if (got.turn != alone.turns[0].turn || got.dialogue != d) return where("another turn");
      if (got.distributions != alone.turns[0].distributions) return where("other bits of the insights");
      if (!same(got.reply, alone.turns[0].reply)) return where("other words or bits of the reply");
      if (!makes_up(all.words[d], all.origins[d], got.reply, asked[d].decode.method))
        return where("the words that came one by one are not the reply");
      different.insert(got.reply.words);
    }
  }
  if (different.size() < 4) return fmt::format("only {} different replies: nothing is told apart", different.size());
  return {};
}

}  // namespace ethreed::test
