// The engine's forward pass against the textbook: every intermediate and every loss.

#include "tests/model/tiny_model.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

constexpr LossWeights unequal_weights{.emotion = 0.7, .policy = 1.3, .generation = 0.9, .coverage = 1.6};

template <class T> struct Comparison {
  EthreedConfig config;
  Dialogues dialogues;
  DialogueBatch batch;
  NoiseData<T> noise;
  ModelState<T> model;
  Runtime runtime;

  Comparison(const EthreedConfig& config_, Dialogues dialogues_, std::uint64_t seed, bool dropout, bool sample)
      : config(config_),
        dialogues(std::move(dialogues_)),
        batch(make_batch(dialogues, config.vocabulary)),
        noise(draw_noise<T>(config, batch, seed, dropout, sample)),
        model(make_state<T>(config, false)) {
    config.weights = unequal_weights;
    randomise(model, seed);
  }

  Differences run() {
    Context context = runtime.context();
    Tape<T> tape(context, false);
    const ForwardPass<T> pass = forward_pass(tape, config, bind_named(tape, config, model), batch, noise.step_noise());
    const reference::Weights weights{.emotion = unequal_weights.emotion,
                                     .policy = unequal_weights.policy,
                                     .generation = unequal_weights.generation,
                                     .coverage = unequal_weights.coverage};
    const auto wanted = reference::forward(reference_parameters(model), switches_of(config), weights,
                                           reference_dialogues(dialogues, config, batch, noise));
    Differences differences;
    for (int i = 0; i < batch.turns(); ++i) {
      const int d = batch.turn_dialogue[i], t = batch.turn_time[i];
      compare_state(differences, pass.state, wanted.states[d][t], i);
      compare_decoded(differences, pass, wanted.states[d][t], wanted.decoded[d][t], batch.row_of_turn[i]);
    }
    compare_losses(differences, pass.losses, wanted.losses);
    return differences;
  }

 private:
  static void compare_rows(Differences& differences, const char* name, const Variable<T>& got, int row,
                           const reference::Vector& wanted) {
    REQUIRE(static_cast<bool>(got) == !wanted.empty());
    if (!got) return;
    REQUIRE(got.columns() == count_of(wanted));
    differences.compare(name, got.value().row(row), wanted);
  }

  void compare_state(Differences& differences, const DialogueState<T>& got, const reference::TurnState& wanted, int i) {
    const auto compare = [&](const char* name, const Variable<T>& variable, int row, const reference::Vector& vector) {
      compare_rows(differences, name, variable, row, vector);
    };
    compare("u of P", got.utterances.summary, batch.post_chain[i], wanted.post.summary);
    compare("u of R", got.utterances.summary, batch.response_chain[i], wanted.response.summary);
    compare("g of P", got.tracked.global_post, i, wanted.g_post);
    compare("p of P", got.tracked.party, batch.post_chain[i], wanted.p_post);
    compare("e of P", got.tracked.emotion_post, i, wanted.e_post);
    compare("e of R", got.tracked.emotion_response, i, wanted.e_response);
    compare("c", got.tracked.content, i, wanted.c);
    compare("mean", got.policy.mean, i, wanted.mean);
    compare("log variance", got.policy.log_variance, i, wanted.log_variance);
    compare("reply", got.policy.reply, i, wanted.reply);
    compare("speaker logits", got.speaker_logits, i, wanted.speaker_logits);
    compare("listener logits", got.listener_logits, i, wanted.listener_logits);
    compare("reply logits", got.reply_logits, i, wanted.reply_logits);
  }

  void compare_decoded(Differences& differences, const ForwardPass<T>& got, const reference::TurnState& state,
                       const reference::DecodedTurn& wanted, int row) {
    const RowLayout rows = batch.rows();
    REQUIRE(rows.source_count(row) == count_of(state.post.states));
    REQUIRE(rows.target_count(row) == count_of(wanted.steps));
    for (int j = 0; j < rows.source_count(row); ++j)
      compare_rows(differences, "h", got.state.utterances.source_states, rows.source(row) + j, state.post.states[j]);
    for (int i = 0; i < rows.target_count(row); ++i) {
      const auto& step = wanted.steps[i];
      const int token = rows.target(row) + i;
      CHECK(batch.targets[token] == wanted.targets[i]);
      differences.compare("attention",
                          got.decoded.attention.data() + rows.weight(row) + std::int64_t{i} * rows.source_count(row),
                          step.attention);
      differences.compare("coverage loss", static_cast<double>(got.decoded.coverage_loss.data()[token]),
                          step.coverage_loss);
      differences.compare("p_gen", reference::sigmoid(static_cast<double>(got.decoded.gate_logit.data()[token])),
                          step.generation_gate);
      const T* logits = got.decoded.logits.value().row(token);
      const reference::Vector vocabulary =
          reference::softmax(reference::Vector(logits, logits + got.decoded.logits.columns()));
      differences.compare("P_vocab", vocabulary.data(), step.vocabulary);
      differences.compare("log probability", static_cast<double>(got.log_probability.data()[token]),
                          wanted.log_probability[i]);
    }
  }

  static void compare_losses(Differences& differences, const StepLosses<T>& got, const reference::Losses& wanted) {
    const auto compare = [&](const char* name, const Variable<T>& loss, std::optional<double> value) {
      REQUIRE(static_cast<bool>(loss) == value.has_value());
      if (loss) differences.compare(name, static_cast<double>(loss.data()[0]), *value);
    };
    compare("L1, speaker", got.term[loss_emotion_speaker], wanted.emotion_speaker);
    compare("L1, listener", got.term[loss_emotion_listener], wanted.emotion_listener);
    compare("L2", got.term[loss_policy], wanted.policy);
    compare("L3", got.term[loss_generation], wanted.generation);
    compare("L4", got.term[loss_coverage], wanted.coverage);
    compare("L", got.total, wanted.total);
  }
};

template <class T>
void check(const EthreedConfig& config, const Dialogues& dialogues, std::uint64_t seed, bool dropout, bool sample,
           double tolerance) {
  INFO("ablation " << name_of(config.ablation) << ", seed " << seed << (dropout ? ", dropout" : "")
                   << (sample ? ", sampled" : ", mean"));
  const Differences differences = Comparison<T>(config, dialogues, seed, dropout, sample).run();
  REQUIRE(!differences.worst().empty());
  for (const auto& [name, worst] : differences.worst()) {
    INFO(name << " differs by " << worst);
    CHECK(worst <= tolerance);
  }
}

constexpr double double_tolerance = 1e-12;
constexpr double float_tolerance = 2e-5;

}  // namespace

TEST_CASE("the forward pass in double is the textbook's, for the whole model and every ablation") {
  for (const Ablation ablation : all_ablations) {
    const EthreedConfig config = tiny_config(ablation);
    for (std::uint64_t seed = 1; seed <= 6; ++seed)
      check<double>(config, random_dialogues(seed, 1 + static_cast<int>(seed), config), seed, seed % 2 == 0,
                    seed % 3 != 0, double_tolerance);
  }
}

TEST_CASE("the forward pass in double is the textbook's on a batch of every trap at once") {
  for (const Ablation ablation : all_ablations) {
    check<double>(tiny_config(ablation), awkward_dialogues(), 11, false, false, double_tolerance);
    check<double>(tiny_config(ablation), awkward_dialogues(), 12, true, true, double_tolerance);
  }
}

TEST_CASE("the forward pass in float is the textbook's to float's precision") {
  for (const Ablation ablation : all_ablations) {
    const EthreedConfig config = tiny_config(ablation);
    check<float>(config, awkward_dialogues(), 21, true, true, float_tolerance);
    check<float>(config, random_dialogues(22, 5, config), 22, false, true, float_tolerance);
  }
}

TEST_CASE("without labels the loss is what is left, with and without a KL term") {
  Dialogues dialogues = awkward_dialogues();
  for (DialogueData& dialogue : dialogues)
    for (TurnData& turn : dialogue) turn.emotion = turn.listener_label = -1;
  for (const Ablation ablation : all_ablations) {
    EthreedConfig config = tiny_config(ablation);
    check<double>(config, dialogues, 31, false, true, double_tolerance);  // labels elsewhere: L2 stays
    config.listener_labels = false;
    check<double>(config, dialogues, 32, false, true, double_tolerance);  // no labels at all: L2 goes too
  }
}

TEST_CASE("labels of replies are not read where the configuration says there are none") {
  EthreedConfig config = tiny_config();
  config.listener_labels = false;
  check<double>(config, awkward_dialogues(), 33, true, true, double_tolerance);
}
