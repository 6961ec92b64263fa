// What each way of writing replies promises.

#include "model/evaluation/evaluator.h"
#include "tests/model/ethreed/generation.h"

#include <catch2/catch.hpp>

#include <set>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

using Words = std::vector<std::int32_t>;

}  // namespace

TEST_CASE("the log probability of a reply is the teacher-forced one, however it was found") {
  TestModel<double> model = random_model(2);
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
    TestModel<double> model = random_model(seed);
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

TEST_CASE("sampling depends on the seed and the turn's place in its split, not on the company in the batch") {
  TestModel<double> model = random_model(3);
  const Dialogues dialogues = random_dialogues(31, 6, model.config);
  Generation generation(model);
  DecodeOptions options{.method = DecodeMethod::sample, .max_length = 10};
  const auto first = generation.replies(dialogues, options), again = generation.replies(dialogues, options);
  options.seed = 2;
  const auto other = generation.replies(dialogues, options);
  options.seed = 1;
  bool differs = false, moved = false;
  std::int64_t place = 0;
  for (std::size_t d = 0; d < dialogues.size(); ++d) {
    const auto alone = generation.replies({dialogues[d]}, options, place)[0];
    const auto elsewhere = generation.replies({dialogues[d]}, options, place + 1000)[0];
    place += static_cast<std::int64_t>(dialogues[d].size());
    for (std::size_t t = 0; t < dialogues[d].size(); ++t) {
      CHECK(again[d][t].words == first[d][t].words);
      CHECK(alone[t].words == first[d][t].words);
      differs = differs || other[d][t].words != first[d][t].words;
      moved = moved || elsewhere[t].words != first[d][t].words;
    }
  }
  CHECK(differs);
  CHECK(moved);
}

TEST_CASE("greedy and beam replies do not depend on the company in the batch") {
  TestModel<double> model = random_model(4);
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

TEST_CASE("UNK is written only where it is allowed, pad and SOS never") {
  TestModel<double> model = random_model(6);
  for (const std::int32_t word : {pad_id, unk_id, sos_id}) parameter(model, "decoder.vocabulary.bias")[word] = 30;
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
  TestModel<double> model = random_model(7);
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
  TestModel<double> model = random_model(8);
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
  TestModel<double> model = random_model(9);
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
  refuses({.top_k = -1}, "top-k");
  for (const double p : {0.0, 1.5, std::numeric_limits<double>::quiet_NaN()}) refuses({.top_p = p}, "top-p");
  refuses({.max_length = 5, .min_length = 5}, "min length");
  refuses({.no_repeat = -1}, "no-repeat");
  refuses({.n_best = 0}, "n-best");
  refuses({.n_best = 2}, "greedy search finds one reply");
  refuses({.method = DecodeMethod::beam, .beam = 3, .n_best = 4}, "widen the beam");
  refuses({.temperature = 0}, "temperature");
  refuses({.temperature = std::numeric_limits<double>::quiet_NaN()}, "temperature");
  for (const DecodeMethod method : {DecodeMethod::greedy, DecodeMethod::beam, DecodeMethod::sample})
    CHECK(decode_method_from(name_of(method)) == method);
  CHECK_THROWS_WITH(decode_method_from("best"), Contains("'best'") && Contains("greedy, beam or sample"));
}

TEST_CASE("replies need a tape that does not record") {
  const EthreedConfig config = tiny_config();
  ModelState<double> model = make_state<double>(config, true);
  randomise(model, 1);
  const DialogueBatch batch = make_batch({{{{4, 3}, {3}}}}, 30);
  Runtime runtime;
  Context context = runtime.context();
  const auto generate = [&](bool recording) {
    Tape<double> tape(context, recording);
    EthreedModel::replies(tape, config, bind_named(tape, config, model), batch, ReplyOptions{});
  };
  CHECK_NOTHROW(generate(false));
  CHECK_THROWS_WITH(generate(true), Contains("records"));
}

TEST_CASE("an evaluator generates turn by turn in the order of the split, up to the limit or a stop") {
  const TemporaryFolder folder;
  Dialogues dialogues = random_dialogues(61, 35, dataset_config());
  const Dataset data = make_dataset(folder, {{"test", dialogues}});
  ModelState<float> model = initial_model<float>(data, dataset_config());
  Runtime runtime;
  SplitExamples examples(data.split("test"), {});
  const auto made = make_model(dataset_config());
  const auto places = [&](int limit, std::size_t stop) {
    std::vector<std::pair<int, int>> seen;
    Evaluator<float>(runtime.context(), *made, model)
        .generate(examples, limit, {}, {.max_length = 4}, [&](const GeneratedTurn& turn) {
          REQUIRE(turn.insights.size() == 2);  // the speaker's emotion and the reply's
          for (const int emotion : turn.insights) {
            CHECK(emotion >= 0);
            CHECK(emotion < emotion_count);
          }
          seen.emplace_back(turn.dialogue, turn.turn);
          return seen.size() < stop;
        });
    return seen;
  };
  const auto all_of = [&](int count) {
    std::vector<std::pair<int, int>> wanted;
    for (int d = 0; d < count; ++d)
      for (int t = 0; t < count_of(dialogues[d]); ++t) wanted.emplace_back(d, t);
    return wanted;
  };
  CHECK(places(-1, 1000) == all_of(35));
  CHECK(places(3, 1000) == all_of(3));
  CHECK(places(100, 1000) == all_of(35));
  CHECK(places(-1, 2).size() == 2);
}

TEST_CASE("a session that answers the last turns gives the replies that every turn's session gives there") {
  TestModel<double> model = random_model(10);
  const Dialogues dialogues = random_dialogues(34, 6, model.config);
  const DecodeOptions options{.max_length = 8};
  const auto all = Generation(model).replies(dialogues, options);
  const DialogueBatch batch = make_batch(dialogues, model.config.vocabulary);
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context, false);
  SessionOf<EthreedModel, double> session(EthreedModel::replies(tape, model.config,
                                                                bind_named(tape, model.config, model), batch,
                                                                {.answer = Answer::last_turn, .sample_latent = false}));
  const auto replies = search_replies<double>(context, session, model.config.vocabulary, options);
  REQUIRE(replies.size() == dialogues.size());
  std::set<int> answered;
  for (int r = 0; r < count_of(replies); ++r) {
    const ReplyRow row = session.row(r);
    const int d = row.dialogue;
    answered.insert(row.dialogue);
    REQUIRE(row.turn == count_of(dialogues[d]) - 1);
    CHECK(replies[r].words == all[d].back().words);
  }
  CHECK(answered.size() == dialogues.size());
}

TEST_CASE("a conversation answers as the whole history in one batch does, turn by turn, for every ablation") {
  for (const Ablation ablation : all_ablations) {
    INFO("ablation " << name_of(ablation));
    TestModel<double> model(tiny_config(ablation));
    randomise(model, 11, 1.0);
    const DialogueData history{{{4, 30, 5, 3}, {9, 8, 3}}, {{6, 7, 31, 3}, {3}}, {{8, 3}, {12, 30, 3}}};
    const DecodeOptions options{.method = DecodeMethod::beam, .max_length = 8, .beam = 3};
    const ReplyOptions reply_options{.seed = 4, .hypotheses_per_row = 3};
    EthreedConversation<double> conversation;
    Runtime runtime;
    Context context = runtime.context();
    for (std::size_t t = 0; t < history.size(); ++t) {
      INFO("turn " << t);
      context.begin_step();
      Tape<double> tape(context, false);
      const auto parameters = bind_named(tape, model.config, model);
      // Places of turns are as in one batch whose first turn is at 100.
      SessionOf<EthreedModel, double> session(
          conversation.read(tape, model.config, parameters, t == 0 ? Indices() : history[t - 1].response,
                            history[t].post, 100 + static_cast<std::int64_t>(t), reply_options));
      REQUIRE(session.rows() == 1);
      CHECK(session.row(0).place == 100 + static_cast<std::int64_t>(t));
      const Reply got = search_replies<double>(context, session, model.config.vocabulary, options).front();
      const DialogueBatch batch =
          make_batch({DialogueData(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(t) + 1)},
                     model.config.vocabulary, 100);
      Tape<double> whole(context, false);
      ReplyOptions last = reply_options;
      last.answer = Answer::last_turn;
      SessionOf<EthreedModel, double> wanted_session(
          EthreedModel::replies(whole, model.config, bind_named(whole, model.config, model), batch, last));
      const Reply wanted = search_replies<double>(context, wanted_session, model.config.vocabulary, options).front();
      CHECK(got.words == wanted.words);
      CHECK(got.log_probability == Approx(wanted.log_probability).epsilon(1e-12));
      for (const int insight : {0, 1})
        for (std::size_t k = 0; k < 12; ++k)
          CHECK(session.insight(0, insight)[k] == Approx(wanted_session.insight(0, insight)[k]).epsilon(1e-12));
    }
  }
}
