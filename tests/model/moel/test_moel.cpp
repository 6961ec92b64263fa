// What MoEL must be beside what every model must: its parameters by module, its gate, its oracle, and the traps of its
// release.

#include "model/moel/moel.h"

#include "model/interface/run_config.h"
#include "model/text/emotions.h"
#include "model/training/trainer.h"
#include "tests/model/model_bench.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>

using namespace ethreed;
using namespace ethreed::test;

namespace {

/// Parameters of the modules whose names begin so.
std::int64_t parameters_of(const MoelConfig& config, std::initializer_list<std::string_view> prefixes) {
  const ParameterLayout layout = layout_of<MoelModel>(config);
  std::int64_t count = 0;
  for (const auto& entry : layout.entries())
    for (const std::string_view prefix : prefixes)
      if (entry.name.starts_with(prefix)) count += entry.shape.count();
  return count;
}

MoelConfig tiny_moel(bool oracle = false) {
  MoelConfig config;
  config.vocabulary = tiny_vocabulary;
  config.embedding = tiny_vector_width;
  config.transformer = {.width = 8, .heads = 2, .depth = 4, .inner = 5, .layers = 1};
  config.oracle = oracle;
  return config;
}

constexpr PassOptions training{.purpose = Purpose::train, .seed = 5, .step = 2};
constexpr PassOptions evaluation{.purpose = Purpose::validate, .seed = 5, .step = 2};

/// The choice from these logits, one row after the other.
std::vector<std::vector<int>> chosen(const MoelConfig& config, std::vector<double> logits, Indices gold = {}) {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context, false);
  const int rows = count_of(logits) / config.emotion_classes;
  const ListenerChoice choice = choose_listeners(
      context, config, tape.constant(View<const double>(logits.data(), {rows, config.emotion_classes})), gold);
  std::vector<std::vector<int>> out(static_cast<std::size_t>(rows));
  for (int r = 0; r < rows; ++r)
    for (int i = choice.offsets[r]; i < choice.offsets[r + 1]; ++i) {
      out[static_cast<std::size_t>(r)].push_back(choice.listeners[i]);
      CHECK(choice.gates[i] == r * config.emotion_classes + choice.listeners[i]);
    }
  return out;
}

Dialogues labelled(int count, int emotion) {
  Dialogues dialogues = random_dialogues(8, count, tiny_vocabulary, emotion_count);
  for (DialogueData& dialogue : dialogues)
    for (TurnData& turn : dialogue) turn.emotion = emotion;
  return dialogues;
}

template <class T> bool all_zero(std::span<T> values) {
  return std::all_of(values.begin(), values.end(), [](T x) { return x == 0; });
}

/// The gradient of every parameter whose name begins so.
std::vector<double> gradients_of(const ModelState<double>& state, std::string_view prefix) {
  std::vector<double> out;
  for (const auto& entry : state.layout.entries())
    if (entry.name.starts_with(prefix))
      out.insert(out.end(), state.gradients.data() + entry.offset,
                 state.gradients.data() + entry.offset + entry.shape.count());
  REQUIRE_FALSE(out.empty());
  return out;
}

std::string listener(int e) { return "listeners." + std::to_string(e) + "."; }

}  // namespace

TEST_CASE("MoEL has the parameters of its table, module by module") {
  MoelConfig config;
  const std::int64_t published_v = 24486, marks = mark_count;  // V of the release counts the marks
  config.vocabulary = static_cast<int>(published_v - marks);
  CHECK(parameters_of(config, {"embedding.", "marks."}) == 300 * published_v);
  CHECK(parameters_of(config, {"output."}) == 301 * (published_v - marks));
  CHECK(parameters_of(config, {"context."}) == 230'150);
  CHECK(parameters_of(config, {"decoder.projection"}) == 90'000);
  CHECK(parameters_of(config, {"shared_listener."}) == 188'150);
  CHECK(parameters_of(config, {"listeners."}) == 6'020'800);
  CHECK(parameters_of(config, {"meta_listener."}) == 188'150);
  CHECK(parameters_of(config, {"decoder.norm."}) == 600);
  CHECK(parameters_of(config, {"decoder.", "shared_listener.", "listeners.", "meta_listener."}) == 6'487'700);
  CHECK(parameters_of(config, {"keys."}) == 9'600);
  CHECK(published_parameters(config) == 601 * published_v + 6'746'951);
  CHECK(published_parameters(config) - layout_of<MoelModel>(config).parameter_count() == 19'501 + 301 * marks);
  CHECK(MoelModel::notes(config).front().find("21463037") != std::string::npos);
  // The 23.10 M that MIME's authors print of it are those of six layers, the encoder's and the meta listener's.
  config.transformer.layers = 6;
  CHECK(published_parameters(config) == 601 * published_v + 8'385'451);
  config.transformer.layers = 1;
  config.vocabulary = static_cast<int>(23710 - marks);
  CHECK(published_parameters(config) == 601 * 23710 + 6'746'951);
}

TEST_CASE("a reply has the listeners of its largest logits, of equal ones the first") {
  MoelConfig config = tiny_moel();
  config.emotion_classes = 6;
  config.top_k = 3;
  using Rows = std::vector<std::vector<int>>;
  CHECK(chosen(config, {0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0}) == Rows{{3, 4, 5}, {0, 1, 2}});
  CHECK(chosen(config, {0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2}) == Rows{{0, 1, 2}, {0, 2, 5}});
  CHECK(chosen(config, {7, 0, 7, 0, 7, 7}) == Rows{{0, 2, 4}});
  const double nan = std::nan("");
  CHECK(chosen(config, {nan, 1, nan, nan, nan, nan}) == Rows{{0, 1, 2}});
  CHECK(chosen(config, {nan, nan, nan, 3, 2, 1}) == Rows{{3, 4, 5}});
  // A gold emotion is its listener's alone; where there is none the logits decide.
  CHECK(chosen(config, {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}, std::vector<std::int32_t>{1, -1}) == Rows{{1}, {3, 4, 5}});
  config.top_k = 60;
  CHECK(chosen(config, {0, 1, 2, 3, 4, 5}) == Rows{{0, 1, 2, 3, 4, 5}});
  config.top_k = 1;
  config.gate = ListenerGate::softmax;
  CHECK(chosen(config, {0, 1, 2, 3, 4, 5}) == Rows{{0, 1, 2, 3, 4, 5}});
}

TEST_CASE("the oracle's coin is a function of seed and step, and falls as the release has it") {
  MoelConfig config;
  const auto share = [&](std::int64_t around) {
    int heads = 0;
    constexpr int steps = 4000;
    for (int i = 0; i < steps; ++i) heads += oracle_step(config, 3, around - steps / 2 + i);
    return heads / static_cast<double>(steps);
  };
  for (std::uint64_t seed = 1; seed < 200; ++seed) CHECK_FALSE(oracle_step(config, seed, 0));
  int first = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) first += oracle_step(config, seed, 1);
  CHECK(first == 200);  // the coin after step 0 has probability 1
  CHECK(share(10'000) == Approx(0.37).margin(0.03));
  CHECK(share(20'000) == Approx(0.135).margin(0.03));
  CHECK(share(200'000) < 0.002);
  config.oracle_least = 0.5;
  CHECK(share(200'000) == Approx(0.5).margin(0.03));
  config.oracle_least = 0.0001;
  int other_seed = 0, again = 0;
  for (int step = 9000; step < 9500; ++step) {
    other_seed += oracle_step(config, 3, step) != oracle_step(config, 4, step);
    again += oracle_step(config, 3, step) != oracle_step(config, 3, step);
  }
  CHECK(other_seed > 100);
  CHECK(again == 0);
  config.oracle = false;
  CHECK_FALSE(oracle_step(config, 3, 1));
}

TEST_CASE("MoEL's oracle chooses in training alone: evaluation and replies do not know the gold emotion") {
  const ModelOf<MoelModel> model(tiny_moel(true));
  REQUIRE(oracle_step(model.config(), training.seed, training.step));
  Bench<double> bench(model, random_state<double>(model, 7));
  struct Seen {
    double trained, evaluated, perplexity;
    std::vector<double> next;
  };
  const auto with = [&](int emotion) {
    const Dialogues dialogues = labelled(2, emotion);
    const DialogueExamples examples(dialogues);
    const std::vector<Example> all(examples.all().begin(), examples.all().end());
    Seen seen{.trained = bench.losses(all, training)[moel_generation],
              .evaluated = bench.losses(all, evaluation)[moel_generation],
              .perplexity = bench.figures({&all, 1}, evaluation)[0],
              .next = {}};
    bench.load(all);
    Tape<double> tape(bench.context(), false);
    const auto session = model.steps<double>().replies(tape, bench.bind(tape), bench.batch(), {});
    const std::vector<std::int32_t> row{0}, word{sos_id};
    const NextWords<double> next = session->advance(row, word);
    seen.next.assign(next.log_probability, next.log_probability + next.words);
    return seen;
  };
  const Seen one = with(3), other = with(17), none = with(-1);
  CHECK(one.trained != other.trained);
  CHECK(one.evaluated == other.evaluated);
  CHECK(one.evaluated == none.evaluated);
  CHECK(one.perplexity == other.perplexity);
  CHECK(one.next == other.next);
  // A reply that nobody has labelled has the listeners of its logits in a step of the oracle, too.
  CHECK(none.trained == Approx(none.evaluated).epsilon(1e-12));
}

TEST_CASE("in a step of the oracle the gate learns from the emotion alone, and one listener learns") {
  const ModelOf<MoelModel> model(tiny_moel(true));
  Bench<double> bench(model, random_state<double>(model, 7));
  const Dialogues dialogues = labelled(3, 9);
  const DialogueExamples examples(dialogues);
  bench.differentiate(examples.all(), training);
  const std::vector<double> before = gradients_of(bench.state(), "keys.");
  for (int e = 0; e < emotion_count; ++e) {
    const std::vector<double> gradient = gradients_of(bench.state(), listener(e));
    CHECK(all_zero(std::span(gradient)) == (e != 9));
  }
  for (double& x : parameter(bench.state(), "listeners.9.feed_forward.outer.bias")) x += 1;
  bench.differentiate(examples.all(), training);
  CHECK(gradients_of(bench.state(), "keys.") == before);
}

TEST_CASE("the emotion's loss reads all logits, the gate the largest five") {
  const ModelOf<MoelModel> model(tiny_moel());
  Bench<double> bench(model, random_state<double>(model, 7));
  const Dialogues dialogues = labelled(1, 9);
  const DialogueExamples examples(dialogues);
  bench.differentiate(examples.all(), training);
  const std::vector<double> keys = gradients_of(bench.state(), "keys.");
  int heard = 0, learning = 0;
  for (int e = 0; e < emotion_count; ++e) {
    const std::vector<double> gradient = gradients_of(bench.state(), listener(e));
    heard += !all_zero(std::span(gradient));
    learning += !all_zero(std::span(keys).subspan(static_cast<std::size_t>(e) * 8, 8));
  }
  CHECK(learning == emotion_count);
  CHECK(heard >= 5);
  CHECK(heard < emotion_count);
}

TEST_CASE("where all replies of a batch have the same five listeners, these are heard with equal weights") {
  const ModelOf<MoelModel> model(tiny_moel());
  Bench<double> bench(model, random_state<double>(model, 7));
  for (double& key : parameter(bench.state(), "keys.weight")) key = 0;
  const Dialogues dialogues = labelled(3, 9);
  const DialogueExamples examples(dialogues);
  const auto generation = [&] { return bench.losses(examples.all(), evaluation)[moel_generation]; };
  const double before = generation();
  const std::vector<double> own(parameter(bench.state(), listener(2) + "feed_forward.outer.bias").begin(),
                                parameter(bench.state(), listener(2) + "feed_forward.outer.bias").end());
  const auto set = [&](int e, std::string_view name, const std::vector<double>& values) {
    const auto to = parameter(bench.state(), listener(e) + std::string(name));
    std::copy(values.begin(), values.end(), to.begin());
  };
  for (int e = 5; e < emotion_count; ++e) set(e, "feed_forward.outer.bias", std::vector<double>(8, 3.0));
  CHECK(generation() == before);
  // Listeners that change places leave the mixture as it was: every one has a fifth.
  for (const auto& entry : bench.state().layout.entries()) {
    const std::string_view name = entry.name;
    if (!name.starts_with("listeners.0.")) continue;
    const std::string part(name.substr(std::string_view("listeners.0.").size()));
    const auto first = parameter(bench.state(), listener(0) + part),
               other = parameter(bench.state(), listener(4) + part);
    std::swap_ranges(first.begin(), first.end(), other.begin());
  }
  CHECK(generation() == Approx(before).epsilon(1e-12));
  set(2, "feed_forward.outer.bias", std::vector<double>(8, 3.0));
  CHECK(generation() != before);
  set(2, "feed_forward.outer.bias", own);
  CHECK(generation() == Approx(before).epsilon(1e-12));
}

TEST_CASE("a listener that a batch does not have has a gradient of 0, and Adam's moments still move it") {
  const ModelOf<MoelModel> model(tiny_moel(true));
  Runtime runtime;
  Context context = runtime.context();
  ModelState<float> state = random_state<float>(model, 7);
  const std::unique_ptr<ModelBatch> batch = model.new_batch();
  const auto step = [&](std::int64_t number, int emotion) {
    const Dialogues dialogues = labelled(2, emotion);
    const DialogueExamples examples(dialogues);
    batch->build(examples.all());
    REQUIRE(oracle_step(model.config(), MoelModel::recipe().seed, number));
    training_step(context, model, state, MoelModel::recipe(), *batch, {.step = number, .learning_rate = 0.01});
  };
  const auto weights = [&](int e) {
    const auto all = parameter(state, listener(e) + "self.query");
    return std::vector<float>(all.begin(), all.end());
  };
  step(1, 4);
  const std::vector<float> of_4 = weights(4), of_11 = weights(11);
  step(2, 20);
  CHECK(weights(4) != of_4);
  CHECK(weights(11) == of_11);  // never heard: moments of 0
}

TEST_CASE("MoEL's generation loss is a sum, that of the emotion a mean") {
  const ModelOf<MoelModel> model(tiny_moel());
  Bench<double> bench(model, random_state<double>(model, 11));
  const Dialogues dialogues = random_dialogues(5, 6, tiny_vocabulary, emotion_count);
  const DialogueExamples examples(dialogues);
  const std::vector<double> all = bench.losses(examples.all(), evaluation);
  double generation = 0, emotion = 0, count = 0;
  for (std::size_t i = 0; i < examples.all().size(); ++i) {
    const Example& one = examples.all()[i];
    const std::vector<double> losses = bench.losses({&one, 1}, evaluation);
    generation += losses[moel_generation];
    if (one.turns.front().emotion < 0) continue;
    count += static_cast<double>(one.turns.size());
    emotion += static_cast<double>(one.turns.size()) * losses[moel_emotion];
  }
  CHECK(all[moel_generation] == Approx(generation).epsilon(1e-10));
  CHECK(all[moel_emotion] == Approx(emotion / count).epsilon(1e-10));
  CHECK(all.back() == Approx(all[0] + all[1]).epsilon(1e-12));
}

TEST_CASE("the emotion is read from CLS, or from the mean of the states") {
  MoelConfig config = tiny_moel();
  const Dialogues dialogues = labelled(2, 9);
  const DialogueExamples examples(dialogues);
  std::map<ContextQuery, double> emotion;
  for (const ContextQuery query : {ContextQuery::cls, ContextQuery::mean}) {
    config.query = query;
    const ModelOf<MoelModel> model(config);
    Bench<double> bench(model, random_state<double>(model, 7));
    emotion[query] = bench.losses(examples.all(), evaluation)[moel_emotion];
  }
  CHECK(emotion[ContextQuery::cls] != emotion[ContextQuery::mean]);
}

TEST_CASE("MoEL's recipe is the release's: the warm-up, no clipping, patience") {
  const Recipe recipe = MoelModel::recipe();
  // d^{−1/2}·min(step^{−1/2}, step·8000^{−3/2}), step from 1
  CHECK(recipe.learning_rate_at(0, 999, 2500) == Approx(8.07e-5).epsilon(1e-3));
  CHECK(recipe.learning_rate_at(3, 7999, 2500) == Approx(6.455e-4).epsilon(1e-3));
  CHECK(recipe.learning_rate_at(7, 19999, 2500) == Approx(4.08e-4).epsilon(1e-3));
  CHECK(recipe.patience == 3);
}

TEST_CASE("more emotions than MoEL has listeners for are an error that says so") {
  MoelConfig config = tiny_moel();
  config.emotion_classes = most_listeners + 1;
  CHECK_THROWS_WITH(config.check(), Catch::Contains("emotions"));
}
