#include "model/interface/device_model.h"
#include "model/text/vocabulary.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <numeric>

namespace ethreed {

namespace {

struct ChatArguments {
  RunArguments run;
  DecodeArguments decode;
};

// The three likeliest classes of a row of logits: "joyful 0.52, excited 0.20, hopeful 0.05".
std::string likeliest(std::span<const float> logits, const std::vector<std::string>& names) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - static_cast<double>(logits[order[0]]));
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i) {
    const double p = std::exp(static_cast<double>(logits[order[i]]) - static_cast<double>(logits[order[0]])) / sum;
    text += fmt::format("{}{} {:.2f}", i ? ", " : "", names[order[i]], p);
  }
  return text;
}

// A conversation in progress: the person's posts and the model's own replies.
class Chat {
 public:
  /// `state` is that of `run` on the device of the context.
  Chat(Context context, ModelState<float>& state, const LoadedRun& run, const ChatArguments& arguments)
      : context_(context),
        state_(state),
        model_(run.model()),
        arguments_(arguments),
        options_(arguments.decode.checked()),
        max_length_(run.info.max_length),
        conversation_(model_.steps<float>().converse()) {
    for (const std::string& word : run.info.vocabulary) words_.id(word);
    for (const InsightColumn& column : model_.insights()) classes_.push_back(classes_of(run.info, column.label_set));
  }

  void forget() {
    conversation_ = model_.steps<float>().converse();
    reply_.clear();
  }

  // Prints the reply to a post and what the model says in addition to it.
  void answer(const std::string& text) {
    const std::vector<std::int32_t> post = encode_utterance(text, words_, max_length_);
    if (post.size() == 1) {  // nothing but EOS
      fmt::print("  (nothing to answer)\n");
      return;
    }
    context_.begin_step();
    Tape<float> tape(context_, false);
    const LatentMode mode = arguments_.decode.mode();
    const auto session = conversation_->read(
        tape, state_.bind(tape), reply_, post, turns_answered_,
        {.sample_latent = mode.sample, .seed = mode.seed, .hypotheses_per_row = hypotheses(options_)});
    const Reply reply = search_replies(context_, *session, model_.vocabulary(), options_).front();
    for (std::size_t i = 0; i < classes_.size(); ++i)
      fmt::print("  {}: {}\n", model_.insights()[i].chat,
                 likeliest(session->insight(0, static_cast<int>(i)), classes_[i]));
    reply_ = reply.words;
    reply_.push_back(eos_id);
    if (reply_.size() > static_cast<std::size_t>(max_length_)) reply_.erase(reply_.begin(), reply_.end() - max_length_);
    ++turns_answered_;
    fmt::print("ethreed> {}\n", decode_utterance(reply.words, words_));
    std::fflush(stdout);
  }

 private:
  Context context_;
  ModelState<float>& state_;
  const Model& model_;
  const ChatArguments& arguments_;
  DecodeOptions options_;
  int max_length_;  // of an utterance in tokens, EOS included, as the model was trained
  std::unique_ptr<Conversation<float>> conversation_;
  std::vector<std::vector<std::string>> classes_;  // of each insight
  WordTable words_;
  std::vector<std::int32_t> reply_;  // to the last post
  std::int64_t turns_answered_ = 0;  // of all conversations: random numbers go on
};

void run_chat(const ChatArguments& arguments) {
  const LoadedRun run = load_run(arguments.run);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  Chat conversation(context, device.model(), run, arguments);
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  if (terminal) fmt::print("Tell me something. An empty line starts a new conversation; Ctrl-D ends.\n");
  for (std::string line;;) {
    if (terminal) fmt::print("you> ");
    std::fflush(stdout);
    if (!std::getline(std::cin, line)) break;
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      conversation.forget();
      fmt::print("-- new conversation --\n");
      continue;
    }
    if (!terminal) fmt::print("you> {}\n", line);
    conversation.answer(line);
  }
  if (terminal) fmt::print("\n");
}

}  // namespace

void add_chat_command(CLI::App& app) {
  const auto a = std::make_shared<ChatArguments>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a trained model; it shows the emotions it tracks");
  add_run_options(*command, a->run, false);
  add_decode_options(*command, a->decode);
  command->callback([a] { run_chat(*a); });
}

}  // namespace ethreed
