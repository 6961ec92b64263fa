// Replies against the textbook's distributions: greedy, beam search and sampling as they are usually written down.

#include "tests/model/ethreed/generation.h"

#include <catch2/catch.hpp>

#include <limits>
#include <map>
#include <set>

using namespace ethreed;
using namespace ethreed::test;

namespace {

using Words = std::vector<std::int32_t>;

// The textbook's decoder of the first turn of a dialogue, with R̂ = μ.
struct Textbook {
  reference::Parameters parameters;
  reference::Switches switches;
  reference::TurnState state;
  std::vector<int> post;

  Textbook(const TestModel<double>& model, const DialogueData& dialogue)
      : parameters(reference_parameters(model)),
        switches(switches_of(model.config)),
        post(dialogue[0].post.begin(), dialogue[0].post.end()) {
    const reference::Turn turn{.post = post, .response = {dialogue[0].response.begin(), dialogue[0].response.end()}};
    state = reference::read_dialogue(parameters, switches, {turn})[0];
  }
  reference::Decoder decoder() const { return {parameters, switches, state, post}; }
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
  for (int w = 0; w < count_of(distribution); ++w) {
    if (!may_be_written(w, options)) continue;
    const double sum = log_probability + std::log(distribution[w]);
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
      for (int w = 0; w < count_of(distribution); ++w) {
        if (!may_be_written(w, options)) continue;
        longer.push_back({next, h.words, h.log_probability + std::log(distribution[w]), w});
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
    TestModel<double> model = random_model(seed);
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
        for (int w = 0; w < count_of(distribution); ++w)
          if (may_be_written(w, options) && distribution[w] > distribution[best]) best = w;
        log_probability += std::log(distribution[best]);
        if (best == eos_id) break;
        words.push_back(decoder.word(best));
        previous = best;
      }
      CHECK(replies[d][0].words == words);
      CHECK(replies[d][0].log_probability == Approx(log_probability).epsilon(1e-12));
    }
  }
}

TEST_CASE("a beam that holds everything finds the best of all replies") {
  EthreedConfig config = tiny_config();
  config.vocabulary = 7;
  std::set<std::size_t> lengths;
  for (const double power : {0.0, 0.7, 1.2})
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      INFO("length power " << power << ", seed " << seed);
      TestModel<double> model(config);
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
      TestModel<double> model = random_model(seed, 1.5);
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

TEST_CASE("sampled words are as frequent as the truncated, tempered distribution says") {
  TestModel<double> model = random_model(5, 0.7);
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
    for (int w = 0; w < count_of(distribution); ++w)
      if (may_be_written(w, options)) order.emplace_back(-distribution[w], w);
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
