// What EmpDG must be beside what every model must: its parameters by module, its emotion words, and the traps of its
// release.

#include "model/empdg/empdg.h"

#include "model/interface/run_config.h"
#include "model/text/emotions.h"
#include "model/text/prepare.h"
#include "tests/model/model_bench.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

constexpr PassOptions training{.purpose = Purpose::train, .seed = 5, .step = 2};
constexpr PassOptions evaluation{.purpose = Purpose::validate, .seed = 3};

/// Parameters of the modules whose names begin so, numbers of the data left out.
std::int64_t parameters_of(const EmpdgConfig& config, std::initializer_list<std::string_view> prefixes) {
  const ParameterLayout layout = layout_of<EmpdgModel>(config);
  std::int64_t count = 0;
  for (const auto& entry : layout.entries())
    for (const std::string_view prefix : prefixes)
      if (entry.name.starts_with(prefix) && entry.start.how != Initialisation::from_data) count += entry.shape.count();
  return count;
}

EmpdgConfig tiny_empdg() {
  EmpdgConfig config;
  config.vocabulary = tiny_vocabulary;
  config.embedding = tiny_vector_width;
  config.transformer = {.width = 8, .heads = 2, .depth = 4, .inner = 5, .layers = 1};
  config.lexicon_count = 1;
  return config;
}

/// A corpus of four dialogues with their situations; V is the special words, cry, fine, rain, sing and the.
class Situations {
 public:
  Situations() {
    std::filesystem::create_directory(folder_ / "corpus");
    std::string rows = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n";
    int number = 0;
    const auto add = [&](std::string_view emotion, std::string_view situation,
                         std::initializer_list<const char*> said) {
      ++number;
      int place = 0;
      for (const char* text : said) {
        ++place;
        rows += fmt::format("c{},{},{},{},{},{},,\n", number, place, emotion, situation, place % 2, text);
      }
    };
    add("sad", "cry cry the rain", {"cry the the rain", "fine cry"});
    add("sad", "cry rain", {"the rain", "sing fine"});
    add("joyful", "sing rain sing", {"sing the", "fine rain"});
    add("joyful", "sing rain", {"rain the", "sing the", "the", "rain"});
    folder_.file("corpus/train.csv", rows);
    PrepareOptions options{.corpus_directory = folder_ / "corpus", .output_directory = folder_ / "data"};
    options.min_frequency = 2;
    options.dimension = 4;
    PrepareSummary summary;
    data_.emplace(prepare_in_memory(options, summary));
  }
  const Dataset& data() const { return *data_; }
  const TemporaryFolder& folder() const { return folder_; }

  /// The emotion words by this configuration.
  std::set<std::string> words(EmpdgConfig config) const {
    config.take_data(describe(data()));
    const std::vector<float> plain = plain_words(config, data());
    REQUIRE(count_of(plain) == data().vocabulary_size());
    std::set<std::string> words;
    for (std::int32_t w = 0; w < count_of(plain); ++w) {
      CHECK((plain[static_cast<std::size_t>(w)] == 0 || plain[static_cast<std::size_t>(w)] == 1));
      if (plain[static_cast<std::size_t>(w)] == 0) words.emplace(data().word(w));
    }
    return words;
  }

 private:
  TemporaryFolder folder_;
  std::optional<Dataset> data_;
};

/// Word ids of every emotion context of a batch, −1 for LAB, and whether the rows of each source are those of the
/// context and then these.
std::vector<std::vector<int>> contexts_of(const EmpdgBatch& batch, const std::vector<double>& plain) {
  Runtime runtime;
  const Context context = runtime.context();
  EmpdgConfig config;
  config.vocabulary = count_of(plain);
  const ContextRows& rows = batch.replies.contexts;
  const std::vector<std::int32_t>& ids = batch.replies.dialogues.word_ids;
  const EmotionContexts emotion =
      emotion_contexts(context, config, View<const double>(plain.data(), {config.vocabulary, 1}), ids, rows);
  std::vector<std::vector<int>> out;
  REQUIRE(emotion.offsets.size() == rows.rows() + 1);
  for (int r = 0; r < rows.rows(); ++r) {
    auto& words = out.emplace_back();
    int source = emotion.source_offsets[r];
    for (int i = rows.offsets[r]; i < rows.offsets[r + 1]; ++i) CHECK(emotion.source_rows[source++] == i);
    for (int i = emotion.offsets[r]; i < emotion.offsets[r + 1]; ++i) {
      CHECK(emotion.source_rows[source++] == rows.positions() + i);
      words.push_back(emotion.words[i] == count_of(ids) ? -1 : ids[emotion.words[i]]);
    }
    CHECK(source == emotion.source_offsets[r + 1]);
  }
  return out;
}

/// That the error says, in one line, where a lexicon is from, under which terms, and how to do without.
template <class Refused> void check_advice(Refused refused) {
  CHECK_THROWS_WITH(refused(), Contains("NRC Word-Emotion Association Lexicon") && Contains("saifmohammad.com") &&
                                   Contains("free for research and education") && Contains("--variant data_lexicon") &&
                                   !Contains("\n"));
}

std::vector<double> gradient_of(const ModelState<double>& state, std::string_view name) {
  const ParameterLayout::Entry* entry = state.layout.find(name);
  REQUIRE(entry != nullptr);
  const double* first = state.gradients.data() + entry->offset;
  return {first, first + entry->shape.count()};
}

bool all_zero(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return x == 0; });
}

}  // namespace

TEST_CASE("EmpDG has the parameters of its table, module by module") {
  EmpdgConfig config;
  const std::int64_t published_v = 23'710, marks = mark_count + 1;  // V of the release counts CLS, USR, SYS and LAB
  config.vocabulary = static_cast<int>(published_v - marks);
  CHECK(parameters_of(config, {"embedding.", "marks.", "label_mark."}) == 300 * published_v);
  CHECK(parameters_of(config, {"output."}) == 301 * (published_v - marks));
  CHECK(parameters_of(config, {"context.", "emotion."}) == 460'300);
  CHECK(parameters_of(config, {"decoder."}) == 278'750);
  CHECK(parameters_of(config, {"classifier."}) == 19'200);
  CHECK(parameters_of(config, {"start."}) == 9'900);
  // All that computes anything in the port; which words are emotion words is no parameter.
  const std::int64_t own = layout_of<EmpdgModel>(config).parameter_count();
  CHECK(own + 301 * marks == 601 * published_v + 768'150);
  CHECK(own + 301 * marks == 15'017'860);
  const EmpdgPublished published = published_parameters(config);
  CHECK(published.port == 1202 * published_v + 787'651);
  CHECK(published.port == 29'287'071);  // the 29.29 M of table 1 of the ETHREED paper
  CHECK(published.release == 1202 * published_v + 1'507'655);
  CHECK(published.release == 30'007'075);
  config.copy = true;  // the gate is in port and release whether they copy or not
  CHECK(parameters_of(config, {"copy_gate."}) == 301);
  CHECK(published_parameters(config).port == published.port);
  config.copy = false;
  CHECK_THAT(EmpdgModel::notes(config).front(), Contains("15016656") && Contains("29287071") && Contains("30007075"));
}

TEST_CASE("without a lexicon the emotion words are those that tell most of the situations' emotions") {
  const Situations corpus;
  using Words = std::set<std::string>;
  // 11 tokens, 6 of them sad. cry: log 11/6 = 0.61; sing: log 11/5 = 0.79; rain: 0.004; `the` is a stop word and `fine`
  // stands in no situation. Of the 15 tokens of contexts sing is 2, cry 1 and rain 4: a post of a dialogue's first turn
  // stands before both of its replies, and a last reply before none.
  EmpdgConfig config;
  config.lexicon_count = 1;
  for (const auto& [coverage, words] :
       {std::pair(0.13, Words{"sing"}), std::pair(0.14, Words{"cry", "sing"}), std::pair(0.199, Words{"cry", "sing"}),
        std::pair(0.21, Words{"cry", "rain", "sing"}), std::pair(1.0, Words{"cry", "rain", "sing"})}) {
    INFO(coverage);
    config.lexicon_coverage = coverage;
    CHECK(corpus.words(config) == words);
  }
  config.lexicon_count = 4;
  CHECK(corpus.words(config) == Words{"rain"});
  config.lexicon_count = 5;
  CHECK_THROWS_WITH(corpus.words(config), Contains("no word stands 5 times") && Contains("model.lexicon_count"));
  CHECK_THAT(EmpdgModel::notes(config).back(), Contains("EmpDG (data lexicon)"));
}

TEST_CASE("a lexicon's words are the emotion words, stop words left out") {
  const Situations corpus;
  EmpdgConfig config;
  config.words = EmpdgWords::lexicon;
  config.lexicon = corpus.folder().file("list.txt", "RAIN\nthe\nabandon\nfine\n").string();
  CHECK(corpus.words(config) == std::set<std::string>{"fine", "rain"});
  config.lexicon = corpus.folder().file("nrc.txt", "\ncry\tanger\t0\ncry\tjoy\t0\n").string();
  CHECK(corpus.words(config) == std::set<std::string>{"cry"});
  CHECK(EmpdgModel::notes(config).size() == 1);
  config.lexicon = corpus.folder().file("other.txt", "the\nabandon\n").string();
  CHECK_THROWS_WITH(corpus.words(config), Contains("of its 2 words") && Contains("has none"));
  check_advice([&] { corpus.words(config); });
  for (const char* text : {"good 0.7\n", ""}) {  // of another kind, without a word
    config.lexicon = corpus.folder().file("bad.txt", text).string();
    CHECK_THROWS_WITH(corpus.words(config), Contains("bad.txt"));
    check_advice([&] { corpus.words(config); });
  }
  config.lexicon = (corpus.folder() / "none.txt").string();
  CHECK_THROWS_WITH(corpus.words(config), Contains("none.txt") && Contains("no file"));
  check_advice([&] { corpus.words(config); });
  config.words = EmpdgWords::data_lexicon;
  CHECK_THROWS_WITH(corpus.words(config), Contains("--variant lexicon") && Contains("reads no file"));

  const DataDescription data = describe(corpus.data());
  const auto configure = [&](const nlohmann::json& keys) {
    const ConfigPatch patch{&keys, "command line"};
    return make_run_config("empdg", &data, {&patch, 1});
  };
  const nlohmann::json nameless{{"model", {{"emotion_words", "lexicon"}}}};
  CHECK_THROWS_WITH(configure(nameless), Contains("none is named"));
  check_advice([&] { configure(nameless); });
  CHECK(configure({{"model", {{"emotion_words", "lexicon"}, {"lexicon", "x"}}}}).model->variant() == "lexicon");
  CHECK(configure(nlohmann::json::object()).model->variant() == "data_lexicon");
}

TEST_CASE("data without situations can have no list of its own, and says what to bring") {
  DatasetContents contents;
  for (const std::string_view word : special_words) contents.words.id(word);
  contents.words.id("rain");
  contents.vectors = Tensor<float>({5, 4});
  contents.min_frequency = 1;
  contents.max_length = 5;
  contents.vectors_source = "random";
  SplitContents& split = contents.splits.emplace_back(SplitContents{.name = "train"});
  split.tokens = {4, 3, 4, 3};
  split.utterance_offsets = {0, 2, 4};
  split.dialogue_offsets = {0, 1};
  split.emotion = {3};
  split.listener_label = {-1};
  split.conversation_bytes = "c";
  split.conversation_offsets = {0, 1};
  const Dataset data = open_in_memory(contents, "bare");
  EmpdgConfig config;
  config.take_data(describe(data));
  CHECK_THROWS_WITH(plain_words(config, data),
                    Contains("bare") && Contains("no situations") && Contains("saifmohammad"));
}

TEST_CASE("an emotion context is LAB and the emotion words of all that was said, in order, repeats kept") {
  // 5, 7 and 9 are emotion words; 31 is no word of the vocabulary, and UNK is none of these.
  std::vector<double> plain(tiny_vocabulary, 1);
  plain[5] = plain[7] = plain[9] = 0;
  const Dialogues dialogues{{{{9, 6, 5, 3}, {7, 31, 7, 8, 3}, 1, -1}, {{5, 9, 3}, {4, 3}, 1, -1}},
                            {{{6, 31, 3}, {9, 9, 9, 9, 9, 3}, 2, -1}}};
  const DialogueExamples examples(dialogues);
  EmpdgBatch batch;
  batch.build(examples.all(), tiny_vocabulary, 1000);
  auto read = contexts_of(batch, plain);
  std::sort(read.begin(), read.end());
  // A target is in no context of its own; nothing but LAB is left of a context without emotion words.
  CHECK(read == std::vector<std::vector<int>>{{-1}, {-1, 9, 5}, {-1, 9, 5, 7, 7, 5, 9}});
  // CLS and the last three words, and of these the emotion words.
  batch.build(examples.all(), tiny_vocabulary, 4);
  read = contexts_of(batch, plain);
  std::sort(read.begin(), read.end());
  CHECK(read == std::vector<std::vector<int>>{{-1}, {-1, 5, 9}, {-1, 9, 5}});
  for (const double bad : {0.5, -1.0, std::nan("")}) {
    plain[5] = bad;
    CHECK_THROWS_WITH(contexts_of(batch, plain), Contains("the mark of word 5") && Contains("checkpoint"));
  }
}

TEST_CASE("EmpDG's decoder begins with the logits' vector, unscaled: SOS is never read") {
  const ModelOf<EmpdgModel> model(tiny_empdg());
  Bench<double> bench(model, random_state<double>(model, 7));
  Dialogues dialogues = random_dialogues(8, 2, tiny_vocabulary, emotion_count);
  for (DialogueData& dialogue : dialogues)
    for (TurnData& turn : dialogue) turn.emotion = -1;
  const DialogueExamples examples(dialogues);
  const double before = bench.losses(examples.all(), evaluation)[empdg_generation];
  const auto table = parameter(bench.state(), "embedding.weight");
  for (int j = 0; j < tiny_vector_width; ++j) table[static_cast<std::size_t>(sos_id * tiny_vector_width + j)] += 3;
  CHECK(bench.losses(examples.all(), evaluation)[empdg_generation] == before);
  // No post has an emotion: the classifier learns from the reply alone, through W_s.
  CHECK(std::isnan(bench.differentiate(examples.all(), training)[empdg_emotion]));
  CHECK_FALSE(all_zero(gradient_of(bench.state(), "classifier.weight")));
  CHECK(all_zero(gradient_of(bench.state(), "emotion_words.plain")));
  for (double& x : parameter(bench.state(), "start.weight")) x = 0;
  bench.differentiate(examples.all(), training);
  CHECK(all_zero(gradient_of(bench.state(), "classifier.weight")));
  CHECK_FALSE(all_zero(gradient_of(bench.state(), "start.bias")));
}

TEST_CASE("EmpDG's emotion loss is a sum over replies, or by the switch of the port their mean") {
  const Dialogues dialogues = random_dialogues(5, 6, tiny_vocabulary, emotion_count);
  const DialogueExamples examples(dialogues);
  int labelled = 0;
  for (const Example& one : examples.all())
    for (const TurnInput& turn : one.turns) labelled += turn.emotion >= 0;
  REQUIRE(labelled > 1);
  EmpdgConfig config = tiny_empdg();
  const auto losses = [&](EmpdgEmotionLoss how) {
    config.emotion_loss = how;
    const ModelOf<EmpdgModel> model(config);
    Bench<double> bench(model, random_state<double>(model, 11));
    return bench.losses(examples.all(), evaluation);
  };
  const std::vector<double> sum = losses(EmpdgEmotionLoss::sum), mean = losses(EmpdgEmotionLoss::mean);
  CHECK(sum[empdg_emotion] == Approx(labelled * mean[empdg_emotion]).epsilon(1e-12));
  CHECK(sum[empdg_generation] == mean[empdg_generation]);
  CHECK(sum.back() == Approx(sum[0] + sum[1]).epsilon(1e-12));
  CHECK(mean.back() == Approx(mean[0] + mean[1]).epsilon(1e-12));
  const std::span<const NamedRecipe> recipes = EmpdgModel::recipes();
  CHECK(recipes.front().name == "port");
  CHECK(nlohmann::json::parse(recipes.front().keys)["training"]["emotion_loss"] == "mean");
}

TEST_CASE("EmpDG's second stage makes five steps on each batch and chooses by accuracy") {
  const nlohmann::json keys = recipe_keys(model_kind("empdg"), "second_stage");
  const DataDescription data{
      .vocabulary = 100, .embedding = 8, .situations = true, .labels = {{"emotion", {"sad", "proud"}}}};
  const RunConfig run = make_run_config("empdg", &data, std::array{ConfigPatch{&keys, "recipe"}});
  CHECK(run.recipe.updates_per_batch == 5);
  CHECK(run.recipe.epoch_steps == 1000);                       // 200 rounds
  CHECK(run.recipe.epoch_steps * run.recipe.epochs == 25000);  // 5,000 rounds
  CHECK(run.recipe.patience == 3);
  const Selection selection = run.model->selection();
  CHECK(run.model->figures()[static_cast<std::size_t>(selection.figure)].name == "speaker_accuracy");
  CHECK(selection.higher);
  CHECK(EmpdgModel::selection({}).figure == 0);
}

TEST_CASE("EmpDG's recipe is the release's: the warm-up, no clipping, patience") {
  const Recipe recipe = EmpdgModel::recipe();
  CHECK(recipe.learning_rate_at(0, 999, 2500) == Approx(8.07e-5).epsilon(1e-3));
  CHECK(recipe.learning_rate_at(3, 7999, 2500) == Approx(6.455e-4).epsilon(1e-3));
  CHECK(recipe.learning_rate_at(7, 19999, 2500) == Approx(4.08e-4).epsilon(1e-3));
  CHECK(recipe.patience == 3);
}
