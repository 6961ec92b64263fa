// What MIME must be beside what every model must: its parameters by module, and the traps that its release fell into.

#include "model/mime/mime.h"

#include "model/interface/run_config.h"
#include "model/text/emotions.h"
#include "tests/model/model_bench.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>

using namespace ethreed;
using namespace ethreed::test;

namespace {

/// Parameters of the modules whose names begin so.
std::int64_t parameters_of(const MimeConfig& config, std::initializer_list<std::string_view> prefixes) {
  const ParameterLayout layout = layout_of<MimeModel>(config);
  std::int64_t count = 0;
  for (const auto& entry : layout.entries())
    for (const std::string_view prefix : prefixes)
      if (entry.name.starts_with(prefix)) count += entry.shape.count();
  return count;
}

MimeConfig tiny_mime(DecoderSample sample = DecoderSample::prior) {
  MimeConfig config;
  config.vocabulary = tiny_vocabulary;
  config.embedding = tiny_vector_width;
  config.transformer = {.width = 8, .heads = 2, .depth = 4, .inner = 5, .layers = 1};
  config.decoder_sample = sample;
  return config;
}

Example example_of(const DialogueData& dialogue, std::vector<TurnInput>& turns, std::int64_t place = 0) {
  turns.clear();
  for (const TurnData& turn : dialogue) turns.push_back({turn.post, turn.response, turn.emotion, turn.listener_label});
  return {.turns = turns, .place = place};
}

std::vector<std::string> words_of(const ContextBatch& batch, int row) {
  const ContextRows& contexts = batch.contexts;
  std::vector<std::string> words;
  for (int i = contexts.offsets[row]; i < contexts.offsets[row + 1]; ++i) {
    const std::int32_t word = contexts.words[i], known = count_of(batch.dialogues.word_ids);
    words.push_back((word < known ? std::to_string(batch.dialogues.word_ids[word]) : "CLS") + "/" +
                    std::to_string(contexts.states[i]));
  }
  return words;
}

constexpr PassOptions training{.purpose = Purpose::train, .seed = 5, .step = 2};
constexpr PassOptions evaluation{.purpose = Purpose::validate, .seed = 3};

}  // namespace

TEST_CASE("MIME has the parameters of its table, module by module") {
  MimeConfig config;
  const std::int64_t published_v = 24486, marks = mark_count;  // V of the release counts the marks
  config.vocabulary = static_cast<int>(published_v - marks);
  CHECK(parameters_of(config, {"embedding.", "marks."}) == 300 * published_v);
  CHECK(parameters_of(config, {"output."}) == 301 * (published_v - marks));
  CHECK(parameters_of(config, {"context."}) == 230'150);
  CHECK(parameters_of(config, {"mimicry.", "other_mimicry."}) == 640'300);
  CHECK(parameters_of(config, {"prior.hidden"}) == 90'300);
  CHECK(parameters_of(config, {"prior.positive_", "prior.negative_"}) == 4 * 90'300);
  CHECK(parameters_of(config, {"posterior.positive_hidden", "posterior.negative_hidden"}) == 2 * 180'300);
  CHECK(parameters_of(config, {"prior.", "posterior.", "choice."}) ==
        1'192'564 - 32 * 301);  // see published_parameters
  CHECK(parameters_of(config, {"fusion."}) == 540'900);
  CHECK(parameters_of(config, {"decoder."}) == 278'750);
  CHECK(parameters_of(config, {"emotions.", "classifier."}) == 99'600);
  CHECK(published_parameters(config) == 601 * published_v + 3'082'465);
  CHECK(published_parameters(config) - layout_of<MimeModel>(config).parameter_count() ==
        100'201 + 32 * 301 + 301 * marks);
  // 17.51 M are really trained in the release: with the output's rows of the marks.
  config.shared_log_variance = true;
  CHECK(layout_of<MimeModel>(config).parameter_count() + 301 * marks ==
        601 * published_v + 3'082'465 - 100'201 - 9'632 - 180'600);
  CHECK(published_parameters(config) == 601 * published_v + 3'082'465);
  const std::vector<std::string> notes = MimeModel::notes(config);
  CHECK(notes.front().find("17798551") != std::string::npos);
}

TEST_CASE("MIME's groups are its authors': surprised is positive, anticipating negative") {
  const MimeConfig config;
  CHECK(config.group_size(true) == 13);
  CHECK(config.group_size(false) == 19);
  CHECK(config.is_positive(*emotion_id("surprised")));
  CHECK_FALSE(config.is_positive(*emotion_id("anticipating")));
  CHECK(config.is_positive(*emotion_id("caring")));
  CHECK_FALSE(config.is_positive(*emotion_id("nostalgic")));
}

TEST_CASE("MIME asks which emotions are positive where nobody knows") {
  MimeConfig config;
  const DataDescription data{
      .vocabulary = 30, .embedding = 6, .labels = {{.name = "emotion", .classes = {"sad", "cheerful", "Joyful"}}}};
  config.take_data(data);
  CHECK(config.emotion_groups == "--+");
  CHECK_THROWS_WITH(config.check_data(data), Catch::Contains("cheerful") && Catch::Contains("positive_emotions"));
  config.positive_emotions = "joyful Cheerful";
  config.take_data(data);
  CHECK(config.emotion_groups == "-++");
  config.check();
  config.check_data(data);
  config.positive_emotions = "none_of_them";
  config.take_data(data);
  CHECK_THROWS_WITH(config.check(), Catch::Contains("positive_emotions"));
}

TEST_CASE("a context is CLS and the words before a reply, each with whose it is, a long one loses its first words") {
  const DialogueData dialogue{{{4, 5, 3}, {6, 40, 3}, 1, -1}, {{7, 3}, {8, 9, 10, 3}, 1, -1}};
  std::vector<TurnInput> turns;
  const Example example = example_of(dialogue, turns);
  ContextBatch batch;
  batch.build({&example, 1}, tiny_vocabulary, 1000);
  REQUIRE(batch.replies() == 2);
  const std::vector<std::int32_t>& row = batch.dialogues.row_of_turn;
  const std::vector<std::string> first{"CLS/0", "4/1", "5/1"}, second{"CLS/0", "4/1", "5/1", "6/2", "1/2", "7/1"};
  CHECK(words_of(batch, row[0]) == first);
  CHECK(words_of(batch, row[1]) == second);
  batch.build({&example, 1}, tiny_vocabulary, 4);
  CHECK(words_of(batch, row[0]) == first);
  CHECK(words_of(batch, row[1]) == std::vector<std::string>{"CLS/0", "6/2", "1/2", "7/1"});
  // Inputs: SOS and the targets before; a word outside the vocabulary is UNK in both.
  const DialogueBatch& d = batch.dialogues;
  const int begin = d.target_offsets[row[0]];
  const std::vector<std::int32_t> targets(batch.targets.begin() + begin, batch.targets.begin() + begin + 3);
  CHECK(targets == std::vector<std::int32_t>{6, unk_id, eos_id});
  std::vector<std::int32_t> inputs;
  for (int i = begin; i < begin + 3; ++i) inputs.push_back(d.word_ids[batch.inputs[i]]);
  CHECK(inputs == std::vector<std::int32_t>{sos_id, 6, unk_id});
}

TEST_CASE("MIME's decoder gets no state beside its words, and both get the factor of the root of the width") {
  // With the marks at zero a context of one word is CLS's zeros and √D E[word]; the decoder's first input √D E[SOS].
  const MimeConfig config = tiny_mime();
  const ModelOf<MimeModel> model(config);
  Bench<double> bench(model, random_state<double>(model, 3));
  const auto table = parameter(bench.state(), "embedding.weight");
  for (double& mark : parameter(bench.state(), "marks.weight")) mark = 0;
  const DialogueData dialogue{{{9, 3}, {3}, 1, -1}};
  std::vector<TurnInput> turns;
  const Example example = example_of(dialogue, turns);
  bench.load({&example, 1});
  Tape<double> tape(bench.context(), false);
  const auto named = named_parameters<MimeModel>(config, bench.bind(tape));
  ContextBatch batch;
  batch.build({&example, 1}, config.vocabulary, 1000);
  const Variable<double> words = read_words(tape, named.table, batch);
  const Variable<double> contexts = read_contexts(tape, named.table, words, batch.contexts);
  const Variable<double> inputs = read_targets(tape, named.table, words, batch);
  REQUIRE(contexts.rows() == 2);
  for (int j = 0; j < tiny_vector_width; ++j) {
    CHECK(contexts.value().row(0)[j] == 0);
    CHECK(contexts.value().row(1)[j] == Approx(std::sqrt(6.0) * table[9 * tiny_vector_width + j]));
    CHECK(inputs.value().row(0)[j] == Approx(std::sqrt(6.0) * table[sos_id * tiny_vector_width + j]));
  }
}

TEST_CASE("MIME's losses are sums, but that of the emotion, which is a mean") {
  const ModelOf<MimeModel> model(tiny_mime(DecoderSample::posterior));
  Bench<double> bench(model, random_state<double>(model, 11));
  const Dialogues dialogues = random_dialogues(5, 6, tiny_vocabulary, emotion_count);
  const DialogueExamples examples(dialogues);
  const std::vector<double> all = bench.losses(examples.all(), evaluation);
  std::vector<double> sum(all.size(), 0.0);
  double labelled = 0, emotion = 0;
  for (std::size_t i = 0; i < examples.all().size(); ++i) {
    const Example& one = examples.all()[i];
    const std::vector<double> losses = bench.losses({&one, 1}, evaluation);
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += std::isnan(losses[k]) ? 0 : losses[k];
    const auto turns = static_cast<double>(one.turns.size());
    if (one.turns.front().emotion < 0) continue;
    labelled += turns;
    emotion += turns * losses[mime_emotion];
  }
  for (const MimeLoss k : {mime_generation, mime_divergence_positive, mime_divergence_negative})
    CHECK(all[k] == Approx(sum[k]).epsilon(1e-10));
  CHECK(all[mime_emotion] == Approx(emotion / labelled).epsilon(1e-10));
  CHECK(all.back() == Approx(all[0] + all[1] + all[2] + all[3]).epsilon(1e-10));
}

TEST_CASE("MIME's replies and its perplexity do not know the gold emotion, its loss does") {
  const ModelOf<MimeModel> model(tiny_mime());
  Bench<double> bench(model, random_state<double>(model, 7));
  DialogueData dialogue = random_dialogues(8, 1, tiny_vocabulary, emotion_count)[0];
  const auto with = [&](std::string_view emotion) {
    for (TurnData& turn : dialogue) turn.emotion = *emotion_id(emotion);
    std::vector<TurnInput> turns;
    const std::vector<Example> examples{example_of(dialogue, turns)};
    std::map<std::string_view, double> figures;
    const std::vector<double> values = bench.figures({&examples, 1}, evaluation);
    for (std::size_t k = 0; k < values.size(); ++k) figures[model.figures()[k].name] = values[k];
    figures["generation"] = bench.losses(examples, evaluation)[mime_generation];
    return figures;
  };
  auto joyful = with("joyful"), sad = with("sad");
  CHECK(joyful["perplexity_token"] == sad["perplexity_token"]);
  CHECK(joyful["perplexity_gold_group"] != sad["perplexity_gold_group"]);
  CHECK(joyful["generation"] != sad["generation"]);
  // One of the two groups is the predicted one at every turn; with one emotion in each only one can be right.
  CHECK(joyful["group_accuracy"] + sad["group_accuracy"] == 1);
}

TEST_CASE("a reply to a post without an emotion teaches MIME nothing") {
  const ModelOf<MimeModel> model(tiny_mime(DecoderSample::posterior));
  Dialogues dialogues = random_dialogues(8, 2, tiny_vocabulary, emotion_count);
  for (TurnData& turn : dialogues[0]) turn.emotion = 4;
  for (TurnData& turn : dialogues[1]) turn.emotion = -1;
  const DialogueExamples both(dialogues);
  Bench<double> bench(model, random_state<double>(model, 7));
  // At the mean, so that the two batches have the same numbers.
  PassOptions options = evaluation;
  options.sample_latent = false;
  const std::vector<double> alone = bench.losses(both.all().first(1), options),
                            together = bench.losses(both.all(), options);
  for (std::size_t k = 0; k < alone.size(); ++k) CHECK(together[k] == Approx(alone[k]).epsilon(1e-12));
  bench.differentiate(both.all().subspan(1), training);
  CHECK(std::all_of(bench.state().gradients.span().begin(), bench.state().gradients.span().end(),
                    [](double g) { return g == 0; }));
}

TEST_CASE("MIME learns from the sample that its decoder reads: with the prior's the posterior's has no say") {
  // In the release the posterior's sample is thrown away: only the divergence moves the posterior.
  for (const DecoderSample sample : {DecoderSample::prior, DecoderSample::posterior}) {
    const ModelOf<MimeModel> model(tiny_mime(sample));
    const Dialogues dialogues = random_dialogues(8, 3, tiny_vocabulary, emotion_count);
    const DialogueExamples examples(dialogues);
    Bench<double> bench(model, random_state<double>(model, 7));
    const double before = bench.losses(examples.all(), training)[mime_generation];
    for (double& bias : parameter(bench.state(), "posterior.positive_mean.bias")) bias += 1;
    const double after = bench.losses(examples.all(), training)[mime_generation];
    INFO(model.variant());
    CHECK((before == after) == (sample == DecoderSample::prior));
  }
}

TEST_CASE("the shared log variance is the positive group's, and the negative one's layers are not there") {
  MimeConfig config = tiny_mime();
  config.shared_log_variance = true;
  const ModelOf<MimeModel> model(config);
  CHECK(model.layout().find("prior.negative_log_variance.weight") == nullptr);
  CHECK(model.layout().find("posterior.negative_log_variance.weight") == nullptr);
  const Dialogues dialogues = random_dialogues(8, 3, tiny_vocabulary, emotion_count);
  const DialogueExamples examples(dialogues);
  Bench<double> bench(model, random_state<double>(model, 7));
  const double before = bench.losses(examples.all(), training)[mime_divergence_negative];
  for (double& bias : parameter(bench.state(), "prior.positive_log_variance.bias")) bias += 1;
  CHECK(bench.losses(examples.all(), training)[mime_divergence_negative] != before);
}

TEST_CASE("the released recipe and the warm-up are MIME's") {
  const Recipe recipe = MimeModel::recipe();
  // d^{−1/2}·min(step^{−1/2}, step·8000^{−3/2}), step from 1
  CHECK(recipe.learning_rate_at(0, 999, 2500) == Approx(8.07e-5).epsilon(1e-3));
  CHECK(recipe.learning_rate_at(3, 7999, 2500) == Approx(6.455e-4).epsilon(1e-3));
  CHECK(recipe.learning_rate_at(7, 19999, 2500) == Approx(4.08e-4).epsilon(1e-3));
  const nlohmann::json keys = recipe_keys(model_kind("mime"), "released");
  CHECK(keys["model"]["shared_log_variance"] == true);
  // Checks every 1,000 steps, those up to 10,000 ignored, by the gold group's perplexity.
  const nlohmann::json& training = keys["training"];
  CHECK(training["epoch_steps"] == 1000);
  CHECK(training["first_best_epoch"] == 11);
  CHECK(training["selection"] == "gold_group");
}

TEST_CASE("MIME's best epoch is chosen by the perplexity of the group that it predicts, or of the gold one") {
  MimeConfig config;
  const auto selected = [&] {
    return MimeFigures::columns[static_cast<std::size_t>(MimeModel::selection(config).figure)];
  };
  CHECK(selected().name == "perplexity_token");
  config.selection = MimeSelection::gold_group;
  CHECK(selected().name == "perplexity_gold_group");
  CHECK(selected().logged);
}
