// What is asked of a reply beside its method: its length, its words, its emotion, how many there are, where they came
// from.

#include "model/evaluation/evaluator.h"
#include "tests/model/ethreed/generation.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

using Words = std::vector<std::int32_t>;

constexpr std::array methods{DecodeMethod::greedy, DecodeMethod::beam, DecodeMethod::sample};

// Calls check(reply) for every reply by every method.
template <class Check> void for_every_reply(DecodeOptions options, const Check& check) {
  TestModel<double> model = random_model(4);
  const Dialogues dialogues = random_dialogues(12, 5, model.config);
  for (const DecodeMethod method : methods) {
    options.method = method;
    Generation generation(model);
    for (const auto& dialogue : generation.replies(dialogues, options))
      for (const Reply& reply : dialogue) {
        INFO(name_of(method));
        check(reply);
      }
  }
}

bool repeats(const Words& words, std::size_t n) {
  std::set<Words> seen;
  for (std::size_t i = 0; i + n <= words.size(); ++i)
    if (!seen.emplace(words.begin() + static_cast<std::ptrdiff_t>(i),
                      words.begin() + static_cast<std::ptrdiff_t>(i + n))
             .second)
      return true;
  return false;
}

// A model that always says the same of what comes next.
class FixedSession final : public ReplySession<double> {
 public:
  FixedSession(int rows, std::vector<double> probabilities) : rows_(rows), probabilities_(std::move(probabilities)) {}
  int rows() const override { return rows_; }
  ReplyRow row(int r) const override { return {.dialogue = r, .place = r}; }
  NextWords<double> advance(Indices parents, Indices) override {
    log_.clear();
    for (int k = 0; k < parents.size(); ++k)
      for (const double p : probabilities_) log_.push_back(std::log(p));
    return {log_.data(), static_cast<int>(probabilities_.size())};
  }
  std::int32_t word_id(int, std::int32_t word) const override { return word; }
  std::span<const double> insight(int, int) const override { return {}; }
  std::span<const std::int32_t> source(int) const override { return {}; }
  PointerLook<double> look(int) const override { return {}; }

 private:
  int rows_;
  std::vector<double> probabilities_, log_;
};

// How often each word is the first of a reply, over many rows.
std::map<std::int32_t, int> first_words(const DecodeOptions& options) {
  Runtime runtime;
  Context context = runtime.context();
  FixedSession session(4000, {0, 0, 0, 0.1, 0.4, 0.3, 0.2});  // EOS, then words 4, 5 and 6
  std::map<std::int32_t, int> count;
  for (const Reply& reply : search_replies<double>(context, session, 7, options))
    ++count[reply.words.empty() ? eos_id : reply.words.front()];
  return count;
}

}  // namespace

TEST_CASE("no reply is shorter than the least length, and none longer for it where the model would end at once") {
  for_every_reply({.max_length = 12, .min_length = 5}, [](const Reply& reply) { CHECK(reply.words.size() >= 5); });
  TestModel<double> model = random_model(9);
  parameter(model, "decoder.vocabulary.bias")[eos_id] = 100;
  parameter(model, "decoder.pointer.bias")[0] = 40;
  for (const DecodeMethod method : methods)
    CHECK(
        Generation(model).reply({{{4, 3}, {3}}}, {.method = method, .max_length = 12, .min_length = 5}).words.size() ==
        5);
}

TEST_CASE("no sequence of the forbidden length is in a reply twice, where one would be without the option") {
  bool repeated = false;
  for (const int n : {1, 2, 3}) {
    const auto length = static_cast<std::size_t>(n);
    for_every_reply({.max_length = 14, .no_repeat = n},
                    [&](const Reply& reply) { CHECK(!repeats(reply.words, length)); });
    for_every_reply({.max_length = 14}, [&](const Reply& reply) { repeated |= repeats(reply.words, length); });
  }
  CHECK(repeated);
}

TEST_CASE("options that forbid nothing leave every reply its bits") {
  TestModel<double> model = random_model(5);
  const Dialogues dialogues = random_dialogues(13, 5, model.config);
  Generation generation(model);
  for (const DecodeMethod method : methods) {
    const auto plain = generation.replies(dialogues, {.method = method, .max_length = 9});
    const auto with = generation.replies(dialogues, {.method = method, .max_length = 9, .no_repeat = 9});
    generation.look = true;
    const auto looked = generation.replies(dialogues, {.method = method, .max_length = 9});
    generation.look = false;
    for (std::size_t d = 0; d < plain.size(); ++d)
      for (std::size_t t = 0; t < plain[d].size(); ++t)
        for (const auto* other : {&with, &looked}) {
          CHECK((*other)[d][t].words == plain[d][t].words);
          CHECK((*other)[d][t].log_probability == plain[d][t].log_probability);
        }
  }
}

TEST_CASE("top-p draws from the fewest likeliest words that have the share, in their proportion") {
  const auto share = [](const std::map<std::int32_t, int>& count, std::int32_t word) {
    const auto place = count.find(word);
    return place == count.end() ? 0.0 : place->second / 4000.0;
  };
  DecodeOptions options{.method = DecodeMethod::sample, .max_length = 2, .top_k = 0, .top_p = 0.6};
  const auto two = first_words(options);
  CHECK(two.size() == 2);
  CHECK(share(two, 4) == Approx(4.0 / 7).margin(0.03));
  CHECK(share(two, 5) == Approx(3.0 / 7).margin(0.03));
  options.top_p = 0.4;  // the likeliest alone has it
  CHECK(first_words(options).size() == 1);
  options.top_p = 1e-6;
  CHECK(first_words(options).size() == 1);
  options.top_p = 1;
  const auto all = first_words(options);
  CHECK(share(all, eos_id) == Approx(0.1).margin(0.03));
  CHECK(share(all, 6) == Approx(0.2).margin(0.03));
  options.top_p = 0.999;
  options.top_k = 2;  // both bounds hold
  CHECK(first_words(options).size() == 2);
}

TEST_CASE("the n best of a beam fall in rank, differ, and begin with the best, draws are independent of their number") {
  TestModel<double> model = random_model(6);
  const Dialogues dialogues = random_dialogues(14, 5, model.config);
  Generation generation(model);
  for (const DecodeMethod method : {DecodeMethod::beam, DecodeMethod::sample}) {
    const DecodeOptions one{.method = method, .max_length = 8, .beam = 5};
    DecodeOptions many = one;
    many.n_best = 4;
    const auto best = generation.replies(dialogues, one), all = generation.replies(dialogues, many);
    std::set<Words> different;
    for (std::size_t d = 0; d < best.size(); ++d)
      for (std::size_t t = 0; t < best[d].size(); ++t) {
        const Reply& reply = all[d][t];
        CHECK(reply.words == best[d][t].words);
        CHECK(reply.log_probability == best[d][t].log_probability);
        REQUIRE(reply.others.size() == 3);
        const auto score = [](const Reply& r) {
          return r.log_probability / std::pow(static_cast<double>(r.words.size() + 1), 0.7);
        };
        double last = score(reply);
        for (const Reply& other : reply.others) {
          CHECK(other.log_probability ==
                Approx(generation.rescored(dialogues, d, t, other, one.max_length)).epsilon(1e-12));
          different.insert(other.words);
          if (method != DecodeMethod::beam) continue;
          CHECK(other.words != reply.words);
          CHECK(score(other) <= last);
          last = score(other);
        }
      }
    CHECK(different.size() > 3);
  }
}

TEST_CASE("a planned emotion is what the classifier takes the reply's for, and changes nothing before the reply") {
  TestModel<double> model = random_model(7);
  const Dialogues dialogues = random_dialogues(15, 4, model.config);
  Generation generation(model);
  const auto free = generation.replies(dialogues, {.max_length = 8});
  const auto before = generation.insights;
  std::set<std::vector<Words>> different;
  for (int planned = 0; planned < model.config.emotion_classes; ++planned) {
    generation.planned_class = planned;
    const auto replies = generation.replies(dialogues, {.max_length = 8});
    CHECK(generation.insights[0] == before[0]);
    for (const auto& [place, logits] : generation.insights[1])
      CHECK(probabilities(std::span<const double>(logits))[static_cast<std::size_t>(planned)] >= 0.9);
    std::vector<Words> words;
    for (const auto& dialogue : replies)
      for (const Reply& reply : dialogue) words.push_back(reply.words);
    different.insert(words);
  }
  CHECK(different.size() > 1);  // it matters
  // Where the classifier is sure already, nothing moves: not even a bit of the reply.
  const auto& logits = before[1].at({0, 0});
  parameter(model, "classifier.bias")[0] += 200;
  generation.planned_class = -1;
  const auto sure = generation.replies(dialogues, {.max_length = 8});
  generation.planned_class = 0;
  const auto planned = generation.replies(dialogues, {.max_length = 8});
  CHECK(planned[0][0].words == sure[0][0].words);
  CHECK(planned[0][0].log_probability == sure[0][0].log_probability);
  CHECK(logits.size() == static_cast<std::size_t>(model.config.emotion_classes));
}

TEST_CASE("a model without a policy refuses a planned emotion") {
  EthreedConfig config = tiny_config();
  config.ablation = Ablation::no_policy;
  TestModel<double> model(config);
  randomise(model, 1, 1.0);
  Generation generation(model);
  generation.planned_class = 1;
  CHECK_THROWS_WITH(generation.reply({{{4, 3}, {3}}}, {}), Contains("no_policy") && Contains("cannot be set"));
}

TEST_CASE("every word says where it came from: its attention, what was covered before, and the pointer's share") {
  TestModel<double> model = random_model(8);
  parameter(model, "decoder.pointer.bias")[0] = -1;  // much is copied
  const Dialogues dialogues = random_dialogues(16, 8, model.config);
  Generation generation(model);
  CHECK(generation.replies(dialogues, {.max_length = 8})[0][0].origins.empty());
  generation.look = true;
  int unknown = 0;
  for (const DecodeMethod method : methods) {
    const auto replies = generation.replies(dialogues, {.method = method, .max_length = 8});
    for (std::size_t d = 0; d < replies.size(); ++d)
      for (std::size_t t = 0; t < replies[d].size(); ++t) {
        const Reply& reply = replies[d][t];
        REQUIRE(reply.origins.size() == reply.words.size() + (reply.ended ? 1 : 0));
        std::vector<double> covered(dialogues[d][t].post.size(), 0.0);
        double sum = 0;
        for (std::size_t i = 0; i < reply.origins.size(); ++i) {
          const WordOrigin& origin = reply.origins[i];
          REQUIRE(origin.attention.size() == covered.size());
          CHECK(std::accumulate(origin.attention.begin(), origin.attention.end(), 0.0) == Approx(1));
          for (std::size_t j = 0; j < covered.size(); ++j) {
            CHECK(origin.coverage[j] == Approx(covered[j]));
            covered[j] += origin.attention[j];
          }
          CHECK((origin.generation_gate > 0 && origin.generation_gate < 1));
          CHECK((origin.copied >= 0 && origin.copied <= 1));
          sum += origin.log_probability;
          const std::int32_t word = i < reply.words.size() ? reply.words[i] : eos_id;
          double pointed = 0;
          for (std::size_t j = 0; j < covered.size(); ++j)
            if (dialogues[d][t].post[j] == word) pointed += origin.attention[j];
          CHECK(origin.copied * std::exp(origin.log_probability) ==
                Approx((1 - origin.generation_gate) * pointed).epsilon(1e-9).margin(1e-15));
          if (word < model.config.vocabulary) continue;
          ++unknown;
          CHECK(origin.copied == Approx(1));  // what the vocabulary lacks can only be copied
        }
        CHECK(sum == Approx(reply.log_probability));
      }
  }
  CHECK(unknown > 0);
}

TEST_CASE("an evaluator says of every post what a reply's insight says, whatever is batched, in order") {
  const TemporaryFolder folder;
  const Dialogues dialogues = random_dialogues(62, 35, dataset_config());
  const Dataset data = make_dataset(folder, {{"test", dialogues}});
  ModelState<float> state = initial_model<float>(data, dataset_config());
  Runtime runtime;
  SplitExamples examples(data.split("test"), {});
  const auto made = make_model(dataset_config());
  CHECK(made->utterance_labels() == "emotion");
  Evaluator<float> evaluator(runtime.context(), *made, state);
  std::map<std::pair<int, int>, std::vector<double>> of_posts;
  evaluator.generate(examples, -1, {}, {.max_length = 2}, [&](const GeneratedTurn& turn) {
    of_posts[{turn.dialogue, turn.turn}] = turn.distributions.at(0);
    return true;
  });
  std::vector<std::int32_t> numbers(35);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::pair<int, int> last{-1, -1};
  evaluator.label_utterances(examples.make(numbers), [&](const LabelledTurn<float>& turn) {
    const std::pair place{turn.dialogue, turn.turn};
    CHECK(last < place);
    last = place;
    CHECK(probabilities(turn.post) == of_posts.at(place));
    CHECK(turn.response.size() == turn.post.size());
    of_posts.erase(place);
  });
  CHECK(of_posts.empty());
}
