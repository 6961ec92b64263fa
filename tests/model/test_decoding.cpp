// Replies against the textbook's distributions, and what each way of decoding promises.

#include "model/training/decoding.h"
#include "model/training/evaluator.h"
#include "tests/model/tiny_dataset.h"

#include <catch2/catch.hpp>

#include <numeric>
#include <set>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

using Words = std::vector<std::int32_t>;

// Replies of a model to dialogues, by dialogue and turn.
class Generation {
 public:
  explicit Generation(ModelState<double>& model) : model_(model) {}

  /// `draws`: one number for every turn, by dialogue and turn; made up if empty.
  std::vector<std::vector<Reply>> replies(const Dialogues& dialogues, const DecodeOptions& options,
                                          const std::vector<std::vector<std::uint64_t>>& draws = {}) {
    const Batch batch = make_batch(dialogues, model_.config.vocabulary);
    Context context = runtime_.context();
    context.arena.reset();
    Tape<double> tape(context, false);
    const auto parameters = model_.bind(tape);
    const auto state = read_dialogues(tape, model_.config, parameters, batch, StepNoise<double>{});
    std::vector<std::uint64_t> by_row;
    const auto place = [&](int i) {
      return std::pair(static_cast<std::size_t>(batch.turn_dialogue[static_cast<std::size_t>(i)]),
                       static_cast<std::size_t>(batch.turn_time[static_cast<std::size_t>(i)]));
    };
    for (int i = 0; i < batch.turns(); ++i) {
      const auto [d, t] = place(i);
      by_row.push_back(draws.empty() ? 10 * d + t : draws[d][t]);
    }
    const std::vector<Reply> flat = generate_replies(tape, parameters, batch, state, options, by_row);
    std::vector<std::vector<Reply>> out;
    for (const DialogueData& dialogue : dialogues) out.emplace_back(dialogue.size());
    for (int i = 0; i < batch.turns(); ++i) {
      const auto [d, t] = place(i);
      out[d][t] = flat[static_cast<std::size_t>(i)];
    }
    return out;
  }
  Reply reply(const DialogueData& dialogue, const DecodeOptions& options) { return replies({dialogue}, options)[0][0]; }

  /// Σ log P of the reply under teacher forcing; without EOS if it was cut at the greatest length.
  double rescored(const Dialogues& dialogues, std::size_t d, std::size_t t, const Reply& reply, int max_length) {
    Dialogues forced{dialogues[d]};
    forced[0][t].response = reply.words;
    forced[0][t].response.push_back(eos_id);
    // Later turns would see another history, but they are not asked.
    const Batch batch = make_batch(forced, model_.config.vocabulary);
    Context context = runtime_.context();
    context.arena.reset();
    Tape<double> tape(context, false);
    const auto pass = forward_pass(tape, model_.config, LossWeights{}, model_.bind(tape), batch, StepNoise<double>{});
    const int row = batch.row_of_turn[t];  // one dialogue: turn rows are its turns
    const double* first = pass.log_probability.data() + batch.rows().target(row);
    const auto tokens = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(reply.words.size()) + 1, max_length);
    return std::accumulate(first, first + tokens, 0.0);
  }

 private:
  ModelState<double>& model_;
  Runtime runtime_;
};

ModelState<double> random_model(std::uint64_t seed = 1, double bound = 1.0) {
  ModelState<double> model(tiny_config(), false);
  randomise(model, seed, bound);
  return model;
}

bool may_be_written(int word, const DecodeOptions& options) {
  return word != pad_id && word != sos_id && (word != unk_id || options.allow_unknown);
}

// The textbook's decoder of the first turn of a dialogue, with R̂ = μ.
struct Textbook {
  reference::Parameters parameters;
  reference::TurnState state;
  std::vector<int> post;

  Textbook(const ModelState<double>& model, const DialogueData& dialogue)
      : parameters(reference_parameters(model)), post(dialogue[0].post.begin(), dialogue[0].post.end()) {
    const reference::Turn turn{.post = post, .response = {dialogue[0].response.begin(), dialogue[0].response.end()}};
    state = reference::read_dialogue(parameters, switches_of(model.config), {turn})[0];
  }
  reference::Decoder decoder() const { return {parameters, state, post}; }
};

// Of all replies of up to `length` tokens, the one with the best log P / tokens^power, by trying every one.
struct Best {
  Words words;
  double score = -std::numeric_limits<double>::infinity();
  double log_probability = 0;
};
double score(double log_probability, const Words& words, const DecodeOptions& options) {
  return log_probability / std::pow(static_cast<double>(words.size() + 1), options.length_power);  // with EOS
}
void search(const reference::Decoder& decoder, int previous, const Words& words, double log_probability, int length,
            const DecodeOptions& options, Best& best) {
  reference::Decoder next = decoder;
  const auto distribution = next.step(previous).distribution;
  for (int w = 0; w < static_cast<int>(distribution.size()); ++w) {
    if (!may_be_written(w, options)) continue;
    const double sum = log_probability + std::log(distribution[static_cast<std::size_t>(w)]);
    Words longer = words;
    if (w != eos_id) longer.push_back(next.word(w));
    if (w != eos_id && length > 1) {
      search(next, w, longer, sum, length - 1, options, best);
      continue;
    }
    if (score(sum, longer, options) > best.score) best = {longer, score(sum, longer, options), sum};
  }
}

// Beam search as it is usually written down: `beam` hypotheses, of which those that have ended keep their place.
Best beam_search(const reference::Decoder& start, const DecodeOptions& options) {
  struct Hypothesis {
    reference::Decoder decoder;
    Words words;
    double log_probability = 0;
    int last = sos_id;
  };
  std::vector<Hypothesis> live{{.decoder = start}};
  std::vector<Best> ended;
  for (int step = 1; step <= options.max_length && !live.empty(); ++step) {
    std::vector<Hypothesis> longer;
    for (const Hypothesis& h : live) {
      reference::Decoder next = h.decoder;
      const auto distribution = next.step(h.last).distribution;
      for (int w = 0; w < static_cast<int>(distribution.size()); ++w) {
        if (!may_be_written(w, options)) continue;
        longer.push_back({next, h.words, h.log_probability + std::log(distribution[static_cast<std::size_t>(w)]), w});
        if (w != eos_id) longer.back().words.push_back(next.word(w));
      }
    }
    std::stable_sort(longer.begin(), longer.end(),
                     [](const Hypothesis& a, const Hypothesis& b) { return a.log_probability > b.log_probability; });
    const std::size_t room = static_cast<std::size_t>(options.beam) - ended.size();
    longer.erase(longer.begin() + static_cast<std::ptrdiff_t>(std::min(room, longer.size())), longer.end());
    live.clear();
    for (const Hypothesis& h : longer)
      if (h.last != eos_id && step < options.max_length)
        live.push_back(h);
      else
        ended.push_back({h.words, score(h.log_probability, h.words, options), h.log_probability});
  }
  return *std::max_element(ended.begin(), ended.end(), [](const Best& a, const Best& b) { return a.score < b.score; });
}

}  // namespace

TEST_CASE("a greedy reply is the chain of the textbook's likeliest words") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    INFO("seed " << seed);
    ModelState<double> model = random_model(seed);
    const Dialogues dialogues = random_dialogues(seed, 6, model.config);
    const DecodeOptions options{.max_length = 9};
    const auto replies = Generation(model).replies(dialogues, options);
    for (std::size_t d = 0; d < dialogues.size(); ++d) {
      const Textbook textbook(model, dialogues[d]);
      reference::Decoder decoder = textbook.decoder();
      Words words;
      double log_probability = 0;
      for (int i = 0, previous = sos_id; i < options.max_length; ++i) {
        const auto distribution = decoder.step(previous).distribution;
        int best = eos_id;
        for (int w = 0; w < static_cast<int>(distribution.size()); ++w)
          if (may_be_written(w, options) &&
              distribution[static_cast<std::size_t>(w)] > distribution[static_cast<std::size_t>(best)])
            best = w;
        log_probability += std::log(distribution[static_cast<std::size_t>(best)]);
        if (best == eos_id) break;
        words.push_back(decoder.word(best));
        previous = best;
      }
      CHECK(replies[d][0].words == words);
      CHECK(replies[d][0].log_probability == Approx(log_probability).epsilon(1e-12));
    }
  }
}

TEST_CASE("the log probability of a reply is the teacher-forced one, however it was found") {
  ModelState<double> model = random_model(2);
  const Dialogues dialogues = random_dialogues(12, 5, model.config);
  Generation generation(model);
  for (const DecodeMethod method : {DecodeMethod::greedy, DecodeMethod::beam, DecodeMethod::sample})
    for (const bool allow_unknown : {false, true}) {
      const DecodeOptions options{.method = method, .max_length = 7, .beam = 3, .allow_unknown = allow_unknown};
      const auto replies = generation.replies(dialogues, options);
      for (std::size_t d = 0; d < dialogues.size(); ++d)
        for (std::size_t t = 0; t < dialogues[d].size(); ++t) {
          INFO(name_of(method) << ", dialogue " << d << ", turn " << t);
          CHECK(replies[d][t].log_probability ==
                Approx(generation.rescored(dialogues, d, t, replies[d][t], options.max_length)).epsilon(1e-12));
        }
    }
}

TEST_CASE("a beam of one is greedy, and so is sampling from the one likeliest word") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    ModelState<double> model = random_model(seed);
    const Dialogues dialogues = random_dialogues(seed + 20, 5, model.config);
    Generation generation(model);
    const auto greedy = generation.replies(dialogues, {.max_length = 10});
    const auto beam = generation.replies(dialogues, {.method = DecodeMethod::beam, .max_length = 10, .beam = 1});
    const auto sample = generation.replies(dialogues, {.method = DecodeMethod::sample, .max_length = 10, .top_k = 1});
    for (std::size_t d = 0; d < dialogues.size(); ++d)
      for (std::size_t t = 0; t < dialogues[d].size(); ++t) {
        CHECK(beam[d][t].words == greedy[d][t].words);
        CHECK(beam[d][t].log_probability == Approx(greedy[d][t].log_probability).epsilon(1e-12));
        CHECK(sample[d][t].words == greedy[d][t].words);
      }
  }
}

TEST_CASE("a beam that holds everything finds the best of all replies") {
  ModelConfig config = tiny_config();
  config.vocabulary = 7;
  std::set<std::size_t> lengths;
  for (const double power : {0.0, 0.7, 1.2})
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      INFO("length power " << power << ", seed " << seed);
      ModelState<double> model(config, false);
      randomise(model, seed, 1.5);
      const DialogueData dialogue{{{5, 9, 5, 8, 3}, {3}}};
      const DecodeOptions options{.method = DecodeMethod::beam, .max_length = 4, .beam = 1000, .length_power = power};
      const Textbook textbook(model, dialogue);
      Best best;
      search(textbook.decoder(), sos_id, {}, 0.0, options.max_length, options, best);
      const Reply reply = Generation(model).reply(dialogue, options);
      CHECK(reply.words == best.words);
      CHECK(reply.log_probability == Approx(best.log_probability).epsilon(1e-12));
      lengths.insert(best.words.size());
    }
  CHECK(lengths.size() > 2);  // short and long ones compete
}

TEST_CASE("a narrow beam is the textbook's beam search") {
  std::set<Words> different;
  for (const int beam : {2, 3, 5})
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      INFO("beam " << beam << ", seed " << seed);
      ModelState<double> model = random_model(seed, 1.5);
      parameter(model, "decoder.vocabulary.bias")[eos_id] += 2;  // so that hypotheses end at different lengths
      const Dialogues dialogues = random_dialogues(seed + 70, 4, model.config);
      const DecodeOptions options{.method = DecodeMethod::beam, .max_length = 8, .beam = beam};
      const auto replies = Generation(model).replies(dialogues, options);
      for (std::size_t d = 0; d < dialogues.size(); ++d) {
        const Textbook textbook(model, dialogues[d]);
        const Best best = beam_search(textbook.decoder(), options);
        CHECK(replies[d][0].words == best.words);
        CHECK(replies[d][0].log_probability == Approx(best.log_probability).epsilon(1e-12));
        different.insert(best.words);
      }
    }
  CHECK(different.size() > 20);
}

TEST_CASE("sampling depends on the seed and the turn's number, not on the company in the batch") {
  ModelState<double> model = random_model(3);
  const Dialogues dialogues = random_dialogues(31, 6, model.config);
  Generation generation(model);
  DecodeOptions options{.method = DecodeMethod::sample, .max_length = 10};
  const auto first = generation.replies(dialogues, options), again = generation.replies(dialogues, options);
  options.seed = 2;
  const auto other = generation.replies(dialogues, options);
  options.seed = 1;
  bool differs = false;
  for (std::size_t d = 0; d < dialogues.size(); ++d) {
    std::vector<std::uint64_t> draws;
    for (std::size_t t = 0; t < dialogues[d].size(); ++t) draws.push_back(10 * d + t);
    const auto alone = generation.replies({dialogues[d]}, options, {draws})[0];
    for (std::size_t t = 0; t < dialogues[d].size(); ++t) {
      CHECK(again[d][t].words == first[d][t].words);
      CHECK(alone[t].words == first[d][t].words);
      differs = differs || other[d][t].words != first[d][t].words;
    }
  }
  CHECK(differs);
}

TEST_CASE("greedy and beam replies do not depend on the company in the batch") {
  ModelState<double> model = random_model(4);
  const Dialogues dialogues = random_dialogues(32, 6, model.config);
  Generation generation(model);
  for (const DecodeMethod method : {DecodeMethod::greedy, DecodeMethod::beam}) {
    const DecodeOptions options{.method = method, .max_length = 10};
    const auto together = generation.replies(dialogues, options);
    for (std::size_t d = 0; d < dialogues.size(); ++d) {
      const auto alone = generation.replies({dialogues[d]}, options)[0];
      for (std::size_t t = 0; t < dialogues[d].size(); ++t) CHECK(alone[t].words == together[d][t].words);
    }
  }
}

TEST_CASE("sampled words are as frequent as the truncated, tempered distribution says") {
  ModelState<double> model = random_model(5, 0.7);
  const DialogueData dialogue{{{4, 30, 4, 9, 3}, {3}}};
  const auto distribution = Textbook(model, dialogue).decoder().step(sos_id).distribution;
  constexpr int draws = 4000;
  for (const auto& [top_k, temperature] : {std::pair(5, 1.0), std::pair(8, 0.5), std::pair(1000, 2.0)}) {
    INFO("top-k " << top_k << ", temperature " << temperature);
    const DecodeOptions options{
        .method = DecodeMethod::sample, .max_length = 1, .top_k = top_k, .temperature = temperature};
    std::map<int, int> counts;
    for (const auto& replies : Generation(model).replies(Dialogues(draws, dialogue), options))
      ++counts[replies[0].words.empty() ? eos_id : replies[0].words[0]];
    std::vector<std::pair<double, int>> order;  // likeliest first
    for (int w = 0; w < static_cast<int>(distribution.size()); ++w)
      if (may_be_written(w, options)) order.emplace_back(-distribution[static_cast<std::size_t>(w)], w);
    std::sort(order.begin(), order.end());
    order.resize(std::min<std::size_t>(order.size(), static_cast<std::size_t>(top_k)));
    double sum = 0;
    for (const auto& [minus_p, w] : order) sum += std::pow(-minus_p, 1 / temperature);
    int seen = 0;
    for (const auto& [minus_p, w] : order) {
      const double expected = std::pow(-minus_p, 1 / temperature) / sum * draws;
      CHECK(std::abs(counts[w] - expected) < 5 * std::sqrt(expected) + 1);
      seen += counts[w];
    }
    CHECK(seen == draws);  // nothing else is ever drawn
  }
}

TEST_CASE("UNK is written only where it is allowed, pad and SOS never") {
  ModelState<double> model = random_model(6);
  for (const std::int32_t word : {pad_id, unk_id, sos_id})
    parameter(model, "decoder.vocabulary.bias")[static_cast<std::size_t>(word)] = 30;
  const Dialogues dialogues = random_dialogues(33, 6, model.config);
  Generation generation(model);
  for (const DecodeMethod method : {DecodeMethod::greedy, DecodeMethod::beam, DecodeMethod::sample})
    for (const bool allow_unknown : {false, true}) {
      INFO(name_of(method) << (allow_unknown ? ", UNK allowed" : ""));
      std::set<std::int32_t> words;
      for (const auto& dialogue :
           generation.replies(dialogues, {.method = method, .max_length = 6, .allow_unknown = allow_unknown}))
        for (const Reply& reply : dialogue) words.insert(reply.words.begin(), reply.words.end());
      CHECK_FALSE(words.contains(pad_id));
      CHECK_FALSE(words.contains(sos_id));
      CHECK_FALSE(words.contains(eos_id));
      CHECK(words.contains(unk_id) == allow_unknown);
    }
}

TEST_CASE("a word outside the vocabulary is copied from the post under its own number") {
  ModelState<double> model = random_model(7);
  for (double& weight : parameter(model, "decoder.pointer.weight")) weight = 0;
  parameter(model, "decoder.pointer.bias")[0] = -40;  // p_gen = 0: nothing but copies
  const Dialogues dialogues(10, {{{1234, 77, 1234, 1234, 1234, 3}, {3}}});
  for (const DecodeMethod method : {DecodeMethod::greedy, DecodeMethod::beam, DecodeMethod::sample}) {
    INFO(name_of(method));
    std::set<std::int32_t> words;
    for (const auto& replies : Generation(model).replies(dialogues, {.method = method, .max_length = 8}))
      words.insert(replies[0].words.begin(), replies[0].words.end());
    CHECK(words.contains(1234));
    words.erase(1234);
    words.erase(77);
    CHECK(words.empty());
  }
  // Two posts with different words under the same extended id each get their own.
  const auto replies = Generation(model).replies({{{{500, 500, 3}, {3}}}, {{{600, 600, 3}, {3}}}}, {.max_length = 2});
  CHECK(replies[0][0].words == Words{500, 500});
  CHECK(replies[1][0].words == Words{600, 600});
}

TEST_CASE("a reply does not depend on the gold reply it stands in for, nor on later turns") {
  ModelState<double> model = random_model(8);
  Generation generation(model);
  Dialogues dialogues{{{{4, 30, 5, 3}, {9, 8, 3}}, {{6, 7, 3}, {10, 11, 3}}, {{8, 3}, {12, 3}}}};
  const auto before = generation.replies(dialogues, {.max_length = 8})[0];
  dialogues[0][1].response = {3};
  dialogues[0][2].post = {20, 21, 3};
  const auto after = generation.replies(dialogues, {.max_length = 8})[0];
  CHECK(after[0].words == before[0].words);
  CHECK(after[1].words == before[1].words);
  CHECK(after[1].log_probability == Approx(before[1].log_probability).epsilon(1e-12));
  CHECK(after[2].log_probability != Approx(before[2].log_probability).epsilon(1e-12));
}

TEST_CASE("no reply is longer than it may be, and one that may never end is cut there") {
  ModelState<double> model = random_model(9);
  parameter(model, "decoder.vocabulary.bias")[eos_id] = -100;
  parameter(model, "decoder.pointer.bias")[0] = 40;
  const DialogueData dialogue{{{4, 3}, {3}}};
  for (const DecodeMethod method : {DecodeMethod::greedy, DecodeMethod::beam, DecodeMethod::sample})
    for (const int length : {1, 2, 13})
      CHECK(Generation(model).reply(dialogue, {.method = method, .max_length = length}).words.size() ==
            static_cast<std::size_t>(length));
}

TEST_CASE("options of decoding out of range are refused by name") {
  const auto refuses = [](const DecodeOptions& options, const char* name) {
    CHECK_THROWS_WITH(options.check(), Contains(name));
  };
  CHECK_NOTHROW(DecodeOptions{}.check());
  refuses({.max_length = 0}, "max length");
  refuses({.beam = 0}, "beam");
  refuses({.length_power = -1}, "length power");
  refuses({.top_k = 0}, "top-k");
  refuses({.temperature = 0}, "temperature");
  refuses({.temperature = std::numeric_limits<double>::quiet_NaN()}, "temperature");
  for (const DecodeMethod method : {DecodeMethod::greedy, DecodeMethod::beam, DecodeMethod::sample})
    CHECK(decode_method_from(name_of(method)) == method);
  CHECK_THROWS_WITH(decode_method_from("best"), Contains("'best'") && Contains("greedy, beam or sample"));
}

TEST_CASE("replies need a tape that does not record and a draw for every turn") {
  ModelState<double> model(tiny_config(), true);
  randomise(model, 1);
  const Batch batch = make_batch({{{{4, 3}, {3}}}}, 30);
  Runtime runtime;
  Context context = runtime.context();
  const auto generate = [&](bool recording, std::size_t draws) {
    Tape<double> tape(context, recording);
    const auto parameters = model.bind(tape);
    const auto state = read_dialogues(tape, model.config, parameters, batch, StepNoise<double>{});
    generate_replies(tape, parameters, batch, state, {}, std::vector<std::uint64_t>(draws));
  };
  CHECK_NOTHROW(generate(false, 1));
  CHECK_THROWS_WITH(generate(true, 1), Contains("records"));
  CHECK_THROWS_WITH(generate(false, 2), Contains("2 draws for 1 turns"));
}

TEST_CASE("an evaluator generates turn by turn in the order of the split, up to the limit or a stop") {
  const TemporaryFolder folder;
  Dialogues dialogues = random_dialogues(61, 35, dataset_config());
  const Dataset data = make_dataset(folder, {{"test", dialogues}});
  ModelState<float> model = initial_model<float>(data, dataset_config());
  Runtime runtime;
  SplitBatches batches(data.split("test"), data.vocabulary_size());
  const auto places = [&](int limit, std::size_t stop) {
    std::vector<std::pair<int, int>> seen;
    Evaluator<float>(runtime.context(), model)
        .generate(batches, limit, {}, {.max_length = 4}, [&](const GeneratedTurn& turn) {
          CHECK(turn.speaker_emotion >= 0);
          CHECK(turn.speaker_emotion < emotion_count);
          seen.emplace_back(turn.dialogue, turn.turn);
          return seen.size() < stop;
        });
    return seen;
  };
  const auto all_of = [&](std::size_t count) {
    std::vector<std::pair<int, int>> wanted;
    for (std::size_t d = 0; d < count; ++d)
      for (std::size_t t = 0; t < dialogues[d].size(); ++t)
        wanted.emplace_back(static_cast<int>(d), static_cast<int>(t));
    return wanted;
  };
  CHECK(places(-1, 1000) == all_of(35));
  CHECK(places(3, 1000) == all_of(3));
  CHECK(places(100, 1000) == all_of(35));
  CHECK(places(-1, 2).size() == 2);
}
