#include "model/text/emotions.h"
#include "model/training/device_model.h"
#include "model/training/random_streams.h"
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

constexpr int max_utterance = 40;  // tokens the model was made for, EOS included

// The three likeliest classes of a row of logits: "joyful 0.52, excited 0.20, hopeful 0.05".
std::string likeliest_emotions(std::span<const float> logits) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - static_cast<double>(logits[order[0]]));
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i) {
    const double p = std::exp(static_cast<double>(logits[order[i]]) - static_cast<double>(logits[order[0]])) / sum;
    text += fmt::format("{}{} {:.2f}", i ? ", " : "", emotion_names[order[i]], p);
  }
  return text;
}

// A conversation in progress: the person's posts and the model's own replies.
class Conversation {
 public:
  /// `model` is that of `run` on the device of the context.
  Conversation(Context context, ModelState<float>& model, const LoadedRun& run, const ChatArguments& arguments)
      : context_(context), model_(model), arguments_(arguments), options_(arguments.decode.checked()) {
    for (const std::string& word : run.info.vocabulary) words_.id(word);
  }

  void forget() { posts_.clear(), responses_.clear(); }

  // Prints the reply to a post and the emotions along the way.
  void answer(const std::string& text) {
    posts_.push_back(encode_utterance(text, words_, max_utterance));
    if (posts_.back().size() == 1) {  // nothing but EOS
      posts_.pop_back();
      fmt::print("  (nothing to answer)\n");
      return;
    }
    responses_.push_back({eos_id});  // unknown yet; nothing that the reply is made of depends on it
    const Reply reply = respond();
    responses_.back() = reply.words;
    responses_.back().push_back(eos_id);
    if (responses_.back().size() > max_utterance)
      responses_.back() = {responses_.back().end() - max_utterance, responses_.back().end()};
    ++turns_answered_;
    fmt::print("ethreed> {}\n", decode_utterance(reply.words, words_));
    std::fflush(stdout);
  }

 private:
  Reply respond() {
    std::vector<TurnInput> turns;
    for (std::size_t t = 0; t < posts_.size(); ++t) turns.push_back({.post = posts_[t], .response = responses_[t]});
    const DialogueInput dialogue(turns);
    batch_.build({&dialogue, 1}, model_.config.vocabulary);
    context_.begin_step();
    context_.stage(batch_.arrays());
    Tape<float> tape(context_, false);
    const auto parameters = model_.bind(tape);
    const DialogueState<float> state =
        read_dialogues(tape, model_.config, parameters, batch_, StepNoise<float>{.policy = noise()});
    std::vector<std::uint64_t> draws(static_cast<std::size_t>(batch_.turns()));
    for (std::size_t i = 0; i < draws.size(); ++i) draws[i] = turns_answered_ - (draws.size() - 1) + i;
    const std::vector<Reply> replies = generate_replies(tape, parameters, batch_, state, options_, draws);
    const DialogueState<float> seen = on_host(context_, state);
    const auto last = static_cast<std::int64_t>(turns.size()) - 1;  // one dialogue: turn row = t
    const auto row = [&](const Variable<float>& logits) {
      return std::span<const float>(logits.value().row(last), static_cast<std::size_t>(logits.columns()));
    };
    fmt::print("  you seem: {}\n", likeliest_emotions(row(seen.speaker_logits)));
    fmt::print("  the reply should feel: {}\n", likeliest_emotions(row(seen.reply_logits)));
    return replies.back();
  }

  // ε of every turn so far: drawn once per turn, so that the past does not change.
  const float* noise() {
    const PolicyMode mode = arguments_.decode.mode();
    if (!mode.sample || !model_.config.has_policy()) return nullptr;
    const auto width = static_cast<std::size_t>(model_.config.emotion_state);
    const PhiloxStream random_numbers = random_stream(mode.seed, Draw::policy_evaluation, 0);
    const std::size_t first = (turns_answered_ - (posts_.size() - 1)) * width;
    noise_.resize(posts_.size() * width);
    for (std::size_t i = 0; i < noise_.size(); ++i) noise_[i] = static_cast<float>(random_numbers.normal(first + i));
    return context_.to_device(noise_.data(), static_cast<std::int64_t>(noise_.size()));
  }

  Context context_;
  ModelState<float>& model_;
  const ChatArguments& arguments_;
  DecodeOptions options_;
  WordTable words_;
  std::vector<std::vector<std::int32_t>> posts_, responses_;
  std::size_t turns_answered_ = 0;
  std::vector<float> noise_;
  Batch batch_;
};

void run_chat(const ChatArguments& arguments) {
  const LoadedRun run = load_run(arguments.run.run, arguments.run.checkpoint);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.model);
  Conversation conversation(context, device.model(), run, arguments);
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
