// What KEMP must be beside what every model must: its parameters by module, its concepts and edges, and what it says of
// itself without knowledge.

#include "model/kemp/kemp.h"

#include "model/interface/run_config.h"
#include "model/interface/textbook.h"
#include "tests/model/model_bench.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

std::int64_t parameters_of(const KempConfig& config, std::initializer_list<std::string_view> prefixes) {
  const ParameterLayout layout = layout_of<KempModel>(config);
  std::int64_t count = 0;
  for (const auto& entry : layout.entries())
    for (const std::string_view prefix : prefixes)
      if (entry.name.starts_with(prefix)) count += entry.shape.count();
  return count;
}

KempConfig tiny_kemp(Knowledge knowledge = Knowledge::concept_map) {
  KempConfig config;
  config.vocabulary = tiny_vocabulary;
  config.embedding = tiny_vector_width;
  config.transformer = {.width = 8, .heads = 2, .depth = 4, .inner = 5, .layers = 1};
  config.knowledge = knowledge;
  return config;
}

// Random parameters, and of every word no more than its intensity is known, 0.
ModelState<double> state_of(const KempConfig& config, std::uint64_t seed = 3) {
  ModelState<double> state(layout_of<KempModel>(config), true);
  randomise(state, seed, 0.5);
  if (!config.has_knowledge()) return state;
  const std::span<double> known = parameter(state, "knowledge.words");
  for (std::size_t i = 0; i < known.size(); ++i)
    known[i] = i % static_cast<std::size_t>(config.knowledge_width()) % 2 == 1 ? -1 : 0;
  return state;
}

void know(ModelState<double>& state, int word, double intensity, int related = -1, double of_related = 0) {
  const std::span<double> known = parameter(state, "knowledge.words");
  const auto row = static_cast<std::size_t>(word) * 3;
  known[row] = intensity;
  known[row + 1] = related;
  known[row + 2] = of_related;
}

// The concepts of the only context of these words, and what stands with them.
struct OneContext {
  OneContext(const KempConfig& config, const ModelState<double>& state, const std::vector<std::int32_t>& post) {
    const std::vector<std::int32_t> reply{eos_id};
    const TurnInput turn{.post = post, .response = reply};
    const Example example{.turns = {&turn, 1}};
    batch.build({&example, 1}, config.vocabulary, config.max_context);
    const ParameterLayout::Entry* entry = state.layout.find("knowledge.words");
    const std::vector<std::int32_t>& ids = batch.dialogues.word_ids;
    const int width = config.knowledge_width();
    for (const std::int32_t id : ids)
      for (int k = 0; k < width; ++k)
        if (entry != nullptr) known.push_back(state.values[entry->offset + std::int64_t{id} * width + k]);
    Context context = runtime.context();
    rows = concept_rows<double>(context, config, batch.contexts,
                                {known.data(), {entry == nullptr ? 0 : count_of(ids), width}});
  }
  Runtime runtime;
  ContextBatch batch;
  std::vector<double> known;
  ConceptRows rows;
};

std::vector<int> list(Indices values) { return {values.begin(), values.end()}; }

constexpr PassOptions evaluation{.purpose = Purpose::validate, .seed = 3};

}  // namespace

TEST_CASE("KEMP has the parameters of its table, module by module, to the last") {
  KempConfig config;
  const std::int64_t published_v = 23'710, marks = kemp_mark_count;  // V of the release counts the marks
  config.vocabulary = static_cast<int>(published_v - marks);
  config.knowledge = Knowledge::conceptnet;
  CHECK(parameters_of(config, {"embedding.", "marks."}) == 300 * published_v);
  CHECK(parameters_of(config, {"output."}) == 301 * (published_v - marks));
  CHECK(parameters_of(config, {"graph."}) == 4 * 90'300 + 600);
  CHECK(parameters_of(config, {"context."}) == 410'151 - 180'001);
  CHECK(parameters_of(config, {"decoder."}) == 278'750 + 180'000);
  CHECK(parameters_of(config, {"classifier."}) == 9'600);
  CHECK(parameters_of(config, {"start."}) == 9'900);
  CHECK(parameters_of(config, {"copy_gate."}) == 301);
  CHECK(trained_parameters(config) + 301 * marks == 601 * published_v + 1'070'501);
  CHECK(published_parameters(config) == 1202 * published_v + 1'440'104);
  CHECK(parameters_of(config, {"knowledge."}) == 3 * (published_v - marks));  // no parameters: numbers of files
  config.knowledge = Knowledge::none;
  CHECK(trained_parameters(config) + 301 * marks == 601 * published_v + 1'070'501);
  config.transformer.layers = 4;
  CHECK(published_parameters(config) == 1202 * published_v + 1'440'104 + 3 * 867'703);
  CHECK(published_parameters(config) / 10'000 == 3254);  // 32.54 M, as published
  config.graph_mask = GraphMask::strict;
  CHECK(parameters_of(config, {"graph."}) == 4 * 90'300 + 600 - 300);  // see visit_parameters
  CHECK(published_parameters(config) / 10'000 == 3254);
  config.variant_choice = KempVariant::without_ece;
  CHECK(parameters_of(config, {"graph."}) == 0);
  CHECK(published_parameters(config) / 10'000 == 3254);
}

TEST_CASE("without files the model is not KEMP, and says so wherever a run says what it is") {
  const nlohmann::json keys{{"model", {{"name", "kemp"}}}};
  const DataDescription data{.vocabulary = 30, .embedding = 6, .labels = {{"emotion", {"sad", "glad"}}}};
  const ConfigPatch patch{&keys, "test"};
  const RunConfig run = make_run_config("kemp", &data, {&patch, 1});
  CHECK(run.model->variant() == "kemp (no knowledge)");
  CHECK_THAT(run.model->notes().front(), Contains("kemp (no knowledge), NOT KEMP"));
  CHECK(run.model->losses().size() == 2);
  for (const FigureColumn& column : run.model->figures()) CHECK(column.name != "concepts_per_reply");
  KempConfig config = tiny_kemp();
  CHECK(config.variant() == "kemp (concept map)");
  CHECK_THAT(KempModel::notes(config).front(), Contains("concept map") && Contains("test contexts"));
  config.knowledge = Knowledge::conceptnet;
  CHECK(config.variant() == "kemp");
  config.variant_choice = KempVariant::without_edd;
  CHECK(config.variant() == "without_edd");
}

TEST_CASE("KEMP asks for the files that its knowledge needs, and for files that nobody reads says what they lack") {
  const DataDescription data{.vocabulary = 30, .embedding = 6, .labels = {{"emotion", {"sad", "glad"}}}};
  const auto refused = [&](const nlohmann::json& model, const nlohmann::json& training) {
    const nlohmann::json keys{{"model", model}, {"training", training}};
    const ConfigPatch patch{&keys, "test"};
    try {
      make_run_config("kemp", &data, {&patch, 1});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const nlohmann::json map{{"knowledge", "concept_map"}}, net{{"knowledge", "conceptnet"}};
  CHECK_THAT(refused(map, nlohmann::json::object()), Contains("'lexicon'") && Contains("non-commercial research"));
  CHECK_THAT(refused(map, {{"lexicon", "l"}}), Contains("'concepts'") && Contains("CC BY-SA 4.0"));
  CHECK_THAT(refused(net, {{"lexicon", "l"}}), Contains("conceptnet-assertions-5.7.0") && Contains("CC BY-SA 4.0"));
  CHECK_THAT(refused(nlohmann::json::object(), {{"lexicon", "l"}}), Contains("'knowledge' is none"));
  CHECK_THAT(refused(nlohmann::json::object(), {{"concepts", "c"}}), Contains("'knowledge' is none"));
  CHECK(refused(net, {{"lexicon", "l"}, {"concepts", "c"}}).empty());
  CHECK_THAT(refused({{"total_concepts", 0}}, nlohmann::json::object()), Contains("total_concepts"));
}

TEST_CASE("behind a context stand SEP and the concepts of its words in their order, a word's as often as the word") {
  const KempConfig config = tiny_kemp();
  ModelState<double> state = state_of(config);
  know(state, 7, 0.2, 20, 0.9);
  know(state, 9, 0.3, 21, 0.7);
  const OneContext one(config, state, {9, 7, 8, 9, 31, 3});  // 31 is outside the vocabulary
  CHECK(list(one.rows.concepts) == std::vector<int>{21, 20, 21});
  CHECK(list(one.rows.owner) == std::vector<int>{-1, 1, 2, 4});
  CHECK(list(one.rows.behind) == std::vector<int>{3 + mark_sep, 0, 1, 2});
  CHECK(list(one.rows.offsets) == std::vector<int>{0, 10});
  const std::vector<double> intensity(one.rows.intensity.begin(), one.rows.intensity.end());
  CHECK(intensity == std::vector<double>{0, 0.3, 0.2, 0, 0.3, 0, 0, 0.7, 0.9, 0.7});
  const OneContext none(config, state, {8, 3});  // SEP is there all the same
  CHECK(list(none.rows.owner) == std::vector<int>{-1});
  CHECK(list(none.rows.offsets) == std::vector<int>{0, 3});
}

TEST_CASE("of too many concepts the most intense stay, of equal ones those of the earlier word, in the words' order") {
  KempConfig config = tiny_kemp();
  config.total_concepts = 3;
  ModelState<double> state = state_of(config);
  know(state, 5, 0, 20, 0.7);
  know(state, 6, 0, 21, 0.9);
  know(state, 7, 0, 22, 0.7);
  know(state, 8, 0, 23, 0.8);
  CHECK(list(OneContext(config, state, {5, 7, 6, 8, 3}).rows.concepts) == std::vector<int>{20, 21, 23});
  CHECK(list(OneContext(config, state, {7, 5, 8, 6, 3}).rows.concepts) == std::vector<int>{22, 23, 21});
  CHECK(list(OneContext(config, state, {6, 6, 6, 6, 5, 3}).rows.owner) == std::vector<int>{-1, 1, 2, 3});
}

TEST_CASE("the graph's edges are those of the paper: all with CLS, the word before, a word's own concepts") {
  const std::vector<std::int32_t> owner{-1, 1, 2, 2};  // SEP, a concept of word 1, two of word 2
  const auto edges = [&](int i) {
    std::vector<int> columns;
    for (int j = 0; j < 4 + 4; ++j)
      if (has_edge(4, owner, i, j)) columns.push_back(j);
    return columns;
  };
  CHECK(edges(0) == std::vector<int>{0, 1, 2, 3, 5, 6, 7});  // SEP not; itself, alone of all words
  CHECK(edges(1) == std::vector<int>{0, 5});
  CHECK(edges(2) == std::vector<int>{0, 1, 6, 7});
  CHECK(edges(3) == std::vector<int>{0, 2});
}

TEST_CASE("off the edges the graph's logits are 0 by default, so that every word has something of every column") {
  // With W_q at zero all logits are 0: by zeros every word has the mean of all columns, strictly that of its edges.
  for (const GraphMask mask : {GraphMask::zero, GraphMask::strict}) {
    KempConfig config = tiny_kemp();
    config.graph_mask = mask;
    ModelState<double> state = state_of(config);
    for (const char* name : {"graph.query.weight", "graph.query.bias"}) std::ranges::fill(parameter(state, name), 0.0);
    const auto loss_with = [&](double third_word) {
      ModelState<double> other = state_of(config);
      std::copy(state.values.span().begin(), state.values.span().end(), other.values.span().begin());
      parameter(other, "embedding.weight")[8 * tiny_vector_width] += third_word;
      const ModelOf<KempModel> model(config);
      Bench<double> bench(model, std::move(other));
      const std::vector<std::int32_t> post{5, 6, 8, 3}, reply{3};
      const TurnInput turn{.post = post, .response = reply};
      const Example example{.turns = {&turn, 1}};
      bench.load({&example, 1});
      Tape<double> tape(bench.context(), false);
      const auto named = named_parameters<KempModel>(config, bench.bind(tape));
      ContextBatch batch;
      batch.build({&example, 1}, config.vocabulary, 1000);
      const Variable<double> words = read_words(tape, named.table, batch);
      const ConceptRows rows =
          concept_rows<double>(bench.context(), config, batch.contexts, {nullptr, {0, config.knowledge_width()}});
      const Variable<double> t = read_contexts(tape, named.table, words, batch.contexts);
      const Variable<double> sep = gather_rows<double>(tape, {{named.table.marks, rows.behind}});
      const Variable<double> x = gather_stacked_rows<double>(tape, t, sep, rows.order);
      const Variable<double> seen = graph_attention(tape, config, named, batch.contexts, rows, t, x, evaluation);
      const auto first_word = seen.value().row_span(1);
      return std::vector<double>(first_word.begin(), first_word.end());
    };
    // Word 1 has no edge to word 3.
    CHECK((loss_with(0) == loss_with(1)) == (mask == GraphMask::strict));
  }
}

TEST_CASE("KEMP's losses of replies and emotions are sums over the batch, that of the attention is a mean") {
  KempConfig config = tiny_kemp();
  config.weight_attention = 0.3;
  const ModelOf<KempModel> model(config);
  ModelState<double> state = state_of(config);
  for (int word = 4; word < tiny_vocabulary; ++word) know(state, word, word * 0.03, word % 3 == 0 ? 20 : -1, 0.8);
  Bench<double> bench(model, std::move(state));
  const Dialogues dialogues = random_dialogues(5, 6, tiny_vocabulary, emotion_count);
  const DialogueExamples examples(dialogues);
  const std::vector<double> all = bench.losses(examples.all(), evaluation);
  double generation = 0, emotion = 0, attention = 0, replies = 0;
  for (const Example& one : examples.all()) {
    const std::vector<double> losses = bench.losses({&one, 1}, evaluation);
    generation += losses[kemp_generation];
    emotion += std::isnan(losses[kemp_emotion]) ? 0 : losses[kemp_emotion];
    attention += static_cast<double>(one.turns.size()) * losses[kemp_attention];
    replies += static_cast<double>(one.turns.size());
  }
  CHECK(all[kemp_generation] == Approx(generation).epsilon(1e-10));
  CHECK(all[kemp_emotion] == Approx(emotion).epsilon(1e-10));
  CHECK(all[kemp_attention] == Approx(attention / replies).epsilon(1e-10));
  CHECK(all.back() == Approx(all[0] + all[1] + all[2]).epsilon(1e-10));
  // The weight is in the term.
  config.weight_attention = 0.6;
  const ModelOf<KempModel> twice(config);
  Bench<double> other(twice, std::move(bench.state()));
  CHECK(other.losses(examples.all(), evaluation)[kemp_attention] == Approx(2 * all[kemp_attention]).epsilon(1e-12));
}

TEST_CASE("KEMP refuses concepts that are no words") {
  const KempConfig config = tiny_kemp();
  const ModelOf<KempModel> model(config);
  const Dialogues dialogues{{{{9, 3}, {3}, 1, -1}}};
  const DialogueExamples examples(dialogues);
  for (const double bad : {-2.0, 0.5, 30.0, std::nan("")}) {
    ModelState<double> state = state_of(config);
    parameter(state, "knowledge.words")[9 * 3 + 1] = bad;
    Bench<double> bench(model, std::move(state));
    CHECK_THROWS_WITH(bench.losses(examples.all(), {}), Contains("a concept of a word is"));
  }
}

TEST_CASE("KEMP's recipe is the released one, and kemp-4 has four layers") {
  const Recipe recipe = KempModel::recipe();
  CHECK(recipe.learning_rate_at(0, 999, 2500) == Approx(8.07e-5).epsilon(1e-3));
  CHECK(recipe.learning_rate_at(3, 7999, 2500) == Approx(6.455e-4).epsilon(1e-3));
  CHECK(recipe_keys(model_kind("kemp"), "kemp-4")["model"]["layers"] == 4);
  CHECK(KempConfig{}.transformer.layers == 1);
  CHECK(KempConfig{}.graph_mask == GraphMask::zero);
}
