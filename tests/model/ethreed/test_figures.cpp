// The figures of an evaluation, by hand on made-up passes and by the textbook on a data set.

#include "model/ethreed/figures.h"
#include "model/evaluation/evaluator.h"
#include "tests/model/tiny_model.h"

#include <catch2/catch.hpp>

#include <map>
#include <set>

using namespace ethreed;
using namespace ethreed::test;

namespace {

// A finished pass over a batch, of numbers chosen by hand. Rows of logits go by turn row, tokens by decoder row.
struct MadeUpPass {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape{context, false};
  ForwardPass<double> pass;

  Variable<double> constant(Shape shape, const std::vector<double>& values) {
    return tape.constant({context.arena.copy(std::span<const double>(values)).data(), shape});
  }
  MadeUpPass(int classes, const std::vector<double>& speaker, const std::vector<double>& listener,
             const std::vector<double>& log_probability, const std::vector<double>& coverage) {
    const auto turns = static_cast<std::int64_t>(speaker.size()) / classes;
    pass.state.speaker_logits = constant({turns, classes}, speaker);
    pass.state.listener_logits = constant({turns, classes}, listener);
    pass.log_probability = constant({static_cast<std::int64_t>(log_probability.size())}, log_probability);
    pass.decoded.coverage_loss = constant({static_cast<std::int64_t>(coverage.size())}, coverage);
  }
};

// By the names of the columns.
class Figures {
 public:
  explicit Figures(const std::vector<double>& values) {
    REQUIRE(values.size() == EthreedFigures::columns.size());
    for (std::size_t i = 0; i < values.size(); ++i) values_[EthreedFigures::columns[i].name] = values[i];
  }
  double operator[](std::string_view name) const { return values_.at(name); }

 private:
  std::map<std::string_view, double> values_;
};

double p(double probability) { return std::log(probability); }

}  // namespace

TEST_CASE("accuracies, perplexities, coverage and UNK share are what a hand computes") {
  // Dialogue 0 has one turn of 1 token, dialogue 1 two turns of 3 and 2 tokens. The batch sorts dialogue 1 first, so
  // turn rows are (1, 0), (0, 0), (1, 1) and decoder rows, longest target first, (1, 0), (1, 1), (0, 0).
  const DialogueBatch batch =
      make_batch({{{{4, 3}, {3}, 2, -1}}, {{{5, 3}, {6, 30, 3}, 0, 1}, {{30, 3}, {1, 3}, 0, 2}}}, 30);
  REQUIRE(batch.turn_dialogue == std::vector<std::int32_t>{1, 0, 1});
  REQUIRE(batch.turn_of_row == std::vector<std::int32_t>{0, 2, 1});
  MadeUpPass made(3, {5, 1, 1, /**/ 0, 0, 9, /**/ 1, 2, 0},  // argmax 0, 2, 1 for y^P 0, 2, 0
                  {1, 0, 0, /**/ 7, 0, 0, /**/ 0, 1, 3},     // argmax 0, 0, 2 for y^R 1, none, 2
                  {p(.5), p(.25), p(.125), /**/ p(.5), p(.5), /**/ p(.0625)}, {0, .5, .25, /**/ 0, .25, /**/ 0});
  made.pass.losses.term[loss_policy] = made.constant({1}, {0.75});
  EthreedFigures sums(tiny_config());
  sums.add(batch, made.pass);
  const Figures result(sums.result());
  CHECK(result["speaker_accuracy"] == Approx(2.0 / 3));
  CHECK(result["listener_accuracy"] == Approx(1.0 / 2));
  // Tokens: −log₂ P is 1 2 3 1 1 4: 12 bits over 6 tokens.
  CHECK(result["perplexity_token"] == Approx(4.0));
  // Dialogue 0: 4 bits a token. Dialogue 1: turns of 2 and 1, so 1.5. The mean is 2.75.
  CHECK(result["perplexity_macro"] == Approx(std::exp2(2.75)));
  CHECK(result["coverage"] == Approx(1.0 / 6));
  CHECK(result["policy_divergence"] == Approx(0.75));
  // 30 is not in the post of its turn, so it is UNK; the other UNK is the word itself.
  CHECK(result["unk_share"] == Approx(2.0 / 6));
  CHECK(result["dialogues"] == 2);
  CHECK(result["turns"] == 3);
  CHECK(result["listener_turns"] == 2);
  CHECK(result["target_tokens"] == 6);
}

TEST_CASE("sums over batches are means over all of them, weighted by turns, tokens and dialogues") {
  const DialogueBatch small = make_batch({{{{4, 3}, {3}, 0, -1}}}, 30);
  const DialogueBatch large = make_batch({{{{4, 3}, {5, 6, 3}, 0, -1}, {{4, 3}, {3}, 0, -1}}}, 30);
  MadeUpPass first(2, {1, 0}, {0, 1}, {p(.25)}, {0});
  first.pass.losses.term[loss_policy] = first.constant({1}, {3.0});
  MadeUpPass second(2, {0, 1, 0, 1}, {0, 1, 0, 1}, {p(.5), p(.5), p(.5), p(.0625)}, {0, 1, .5, 0});
  second.pass.losses.term[loss_policy] = second.constant({1}, {1.5});
  EthreedFigures sums(tiny_config());
  sums.add(small, first.pass);
  sums.add(large, second.pass);
  const Figures result(sums.result());
  CHECK(result["speaker_accuracy"] == Approx(1.0 / 3));
  CHECK(std::isnan(result["listener_accuracy"]));  // of nothing
  CHECK(result["listener_turns"] == 0);
  CHECK(result["perplexity_token"] == Approx(std::exp2((2.0 + 3.0 + 4.0) / 5)));
  CHECK(result["perplexity_macro"] == Approx(std::exp2((2.0 + 2.5) / 2)));
  CHECK(result["coverage"] == Approx(1.5 / 5));
  CHECK(result["policy_divergence"] == Approx((3.0 + 2 * 1.5) / 3));
}

TEST_CASE("for a model that cannot copy, words outside the vocabulary count as unknown") {
  const DialogueBatch batch = make_batch({{{{5, 30, 3}, {1, 30, 6, 3}, 0, -1}}}, 30);
  REQUIRE(batch.targets == std::vector<std::int32_t>{unk_id, 30, 6, 3});
  const std::vector<double> log_probability(4, p(.5));
  PerplexitySum copies, does_not;
  copies.add(batch, log_probability.data());
  does_not.add(batch, log_probability.data(), 30);
  CHECK(copies.unknown_share() == Approx(1.0 / 4));
  CHECK(does_not.unknown_share() == Approx(2.0 / 4));
  CHECK(does_not.token() == Approx(2.0));
}

TEST_CASE("an evaluation of nothing is refused") {
  CHECK_THROWS_WITH(EthreedFigures(tiny_config()).result(), Catch::Contains("no dialogue"));
}

TEST_CASE("an evaluation over a split gives the textbook's figures, however the split is batched") {
  // 40 dialogues: more than one batch of the evaluator.
  const TemporaryFolder folder;
  const EthreedConfig config = dataset_config();
  Dialogues dialogues = random_dialogues(51, 40, config);
  for (DialogueData& dialogue : dialogues)
    for (TurnData& turn : dialogue) turn.emotion = std::max(0, turn.emotion);
  const Dataset data = make_dataset(folder, {{"test", dialogues}});
  ModelState<double> model = make_state<double>(config, false);
  randomise(model, 6);
  Runtime runtime;
  SplitExamples examples(data.split("test"), {});
  int done = 0;
  const auto made = make_model(config);
  const Figures got(
      Evaluator<double>(runtime.context(), *made, model).evaluate(examples, {.sample = false}, [&](int n) {
        done = n;
        return true;
      }));
  const DialogueBatch one = make_batch(dialogues, config.vocabulary);
  const auto wanted = reference::forward(reference_parameters(model), switches_of(config), {},
                                         reference_dialogues(dialogues, config, one, NoiseData<double>{}));
  reference::Mean macro, right;
  for (std::size_t d = 0; d < dialogues.size(); ++d) {
    reference::Mean turns;
    for (std::size_t t = 0; t < dialogues[d].size(); ++t) {
      reference::Mean tokens;
      for (const double log_probability : wanted.decoded[d][t].log_probability) tokens.add(-log_probability);
      turns.add(tokens.value());
      const auto& logits = wanted.states[d][t].speaker_logits;
      right.add(std::max_element(logits.begin(), logits.end()) - logits.begin() == dialogues[d][t].emotion);
    }
    macro.add(turns.value());
  }
  CHECK(done == 40);
  CHECK(got["perplexity_token"] == Approx(std::exp(wanted.losses.generation)).epsilon(1e-12));
  CHECK(got["perplexity_macro"] == Approx(std::exp(macro.value())).epsilon(1e-12));
  CHECK(got["speaker_accuracy"] == Approx(right.value()));
  CHECK(got["coverage"] == Approx(wanted.losses.coverage).epsilon(1e-12));
  CHECK(got["policy_divergence"] == Approx(*wanted.losses.policy).epsilon(1e-12));
  CHECK(got["turns"] == one.turns());
  CHECK(got["target_tokens"] == one.target_tokens());
}

TEST_CASE("the noise of an evaluation belongs to the turn, not to its place in a batch") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const EthreedConfig config = dataset_config();
  SplitExamples examples(data.split("train"), {});
  DialogueBatch batch;
  Runtime runtime;
  Context context = runtime.context();
  using Places = std::map<std::pair<int, int>, std::vector<double>>;
  const auto noise_of = [&](const std::vector<std::int32_t>& dialogues, std::uint64_t seed) {
    batch.build(examples.make(dialogues), config.vocabulary);
    const PassOptions options{.purpose = Purpose::validate, .seed = seed};
    const StepNoise<double> all = ethreed::draw_noise<double>(context, config, batch, options);
    CHECK(all.masks.global == nullptr);  // no dropout
    CHECK(all.masks.content == nullptr);
    const double* noise = all.policy;
    Places places;
    for (int i = 0; i < batch.turns(); ++i) {
      places[{dialogues[batch.turn_dialogue[i]], batch.turn_time[i]}] = {noise + i * config.emotion_state,
                                                                         noise + (i + 1) * config.emotion_state};
    }
    return places;
  };
  const Places all = noise_of({0, 1, 2, 3, 4, 5}, 1), some = noise_of({4, 1}, 1), other = noise_of({4, 1}, 2);
  std::set<std::vector<double>> different;
  for (const auto& [place, values] : all) different.insert(values);
  CHECK(different.size() == all.size());
  for (const auto& [place, values] : some) {
    CHECK(all.at(place) == values);
    CHECK(other.at(place) != values);
  }
  const PassOptions mean{.purpose = Purpose::validate, .sample_latent = false};
  CHECK(ethreed::draw_noise<double>(context, config, batch, mean).policy == nullptr);
}

TEST_CASE("shuffled plans are those of another dialogue, and nothing else of a pass is another's") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const EthreedConfig config = dataset_config();
  SplitExamples examples(data.split("train"), {});
  ModelState<double> state = initial_model<double>(data, config);
  Runtime runtime;
  Context context = runtime.context();
  for (const std::vector<std::int32_t>& dialogues : {std::vector<std::int32_t>{0, 1, 2, 3, 4, 5}, {2}}) {
    DialogueBatch batch;
    batch.build(examples.make(dialogues), config.vocabulary);
    Tape<double> tape(context, false);
    const auto parameters = bind_named(tape, config, state);
    const DialogueState<double> own = read_dialogues(tape, config, parameters, batch, StepNoise<double>{});
    const DialogueState<double> other =
        read_dialogues(tape, config, parameters, batch, StepNoise<double>{.shuffle_plans = true});
    const auto row = [](const Variable<double>& rows, int i) {
      const auto span = rows.value().row_span(i);
      return std::vector<double>(span.begin(), span.end());
    };
    for (int i = 0; i < batch.turns(); ++i) {
      CHECK(row(other.speaker_logits, i) == row(own.speaker_logits, i));
      CHECK((row(other.policy.reply, i) == row(own.policy.reply, i)) == (dialogues.size() == 1));
      int donor = -1;
      for (int j = 0; j < batch.turns(); ++j)
        if (row(own.policy.reply, j) == row(other.policy.reply, i)) donor = j;
      REQUIRE(donor >= 0);
      CHECK((batch.turn_dialogue[donor] == batch.turn_dialogue[i]) == (dialogues.size() == 1));
      CHECK(batch.turn_time[donor] <= batch.turn_time[i]);
    }
  }
}

TEST_CASE("an evaluation stops where it is told to") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  ModelState<float> model = initial_model<float>(data, dataset_config());
  Runtime runtime;
  SplitExamples examples(data.split("valid"), {});
  const auto made = make_model(dataset_config());
  CHECK_THROWS_WITH(Evaluator<float>(runtime.context(), *made, model).evaluate(examples, {}, [](int) { return false; }),
                    Catch::Contains("interrupted"));
}
