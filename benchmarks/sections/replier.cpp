#include "benchmarks/sections/replier.h"

#include "core/error.h"
#include "model/blocks/initialisation.h"
#include "model/text/vocabulary.h"
#include "model/training/checkpoint.h"
#include "model/training/run_data.h"

#include <cstdlib>
#include <limits>

namespace ethreed::bench {

namespace {

RunConfig config_of(const Options& options, const Dataset& data) {
  if (options.run.empty()) return config_for(describe(data), options.model, 1);
  const CheckpointInfo info = load_checkpoint_info(checkpoint_in(options.run, "best"));
  const Model& model = *info.config.model;
  check_fits(info, data, options.run);
  ETHREED_CHECK((options.model.name.empty() || options.model.name == model.name()) &&
                    (options.model.variant.empty() || options.model.variant == model.variant()),
                "{} is a run of model '{}', variant '{}'; leave --model and --variant out, or give another "
                "--run",
                options.run, model.name(), model.variant());
  return info.config;
}

// Gives the end mark no probability until a reply has `length` words. On the CPU, where the host can write it.
class NoEarlyEnd final : public ReplySession<float> {
 public:
  explicit NoEarlyEnd(ReplySession<float>& session) : session_(session) {}
  int rows() const override { return session_.rows(); }
  ReplyRow row(int r) const override { return session_.row(r); }
  NextWords<float> advance(Indices parents, Indices words) override {
    const NextWords<float> next = session_.advance(parents, words);
    for (std::int64_t k = 0; k < parents.size(); ++k)
      next.log_probability[k * next.words + eos_id] = -std::numeric_limits<float>::infinity();
    return next;
  }
  std::int32_t word_id(int row, std::int32_t word) const override { return session_.word_id(row, word); }
  std::span<const float> insight(int row, int i) const override { return session_.insight(row, i); }
  std::span<const std::int32_t> source(int row) const override { return session_.source(row); }
  PointerLook<float> look(int k) const override { return session_.look(k); }

 private:
  ReplySession<float>& session_;
};

}  // namespace

Replier::Replier(const Options& options)
    : data(Dataset::open(options.data)), config(config_of(options, data)), state(config.model->layout(), false) {
  if (!options.run.empty()) {
    load_checkpoint_tensors(checkpoint_in(options.run, "best"), state);
    note = fmt::format("A trained run of model {}, variant {}.", model().name(), model().variant());
    return;
  }
  ThreadPool pool(1);
  initialise_parameters(pool, state.layout, data.vectors(), 1, state.values.data());
  model().start_from_data(data, state.values.data());
  note = fmt::format(
      "Model {}, variant {}, untrained: it rarely ends a reply before the longest length ({}), an upper bound; "
      "`--run RUN` takes a trained one.",
      model().name(), model().variant(), DecodeOptions{}.max_length);
}

Talk::Talk(Context& context, Replier& replier, int length)
    : context_(context), replier_(replier), length_(length), conversation_(replier.model().steps<float>().converse()) {
  ETHREED_CHECK(context.on_host(), "Talk: replies are measured on the CPU");
}

Indices Talk::answer(Indices post) {
  const Model& model = replier_.model();
  context_.begin_step();
  Tape<float> tape(context_, false);
  DecodeOptions options;
  if (length_ > 0) options.max_length = length_;
  const auto session = conversation_->read(tape, replier_.state.bind(tape), reply_, post, answered_++,
                                           {.hypotheses_per_row = hypotheses(options)});
  NoEarlyEnd endless(*session);
  ReplySession<float>& searched = length_ > 0 ? static_cast<ReplySession<float>&>(endless) : *session;
  reply_ = search_replies(context_, searched, model.vocabulary(), options).front().words;
  reply_.push_back(eos_id);
  return std::span(reply_).first(reply_.size() - 1);
}

std::vector<PostPlace> posts_of_length(const Split& split, int tokens, std::size_t most, bool first_turns) {
  std::vector<PostPlace> found;
  for (int slack = 0; slack < tokens && found.size() < most; ++slack)
    for (std::int64_t d = 0; d < split.dialogues(); ++d)
      for (std::int64_t t = 0; t < (first_turns ? 1 : split.turns(d)) && found.size() < most; ++t)
        if (std::abs(count_of(split.post(d, t)) - tokens) == slack) found.push_back({d, t});
  return found;
}

}  // namespace ethreed::bench
