#include "core/printable.h"
#include "model/interface/device_model.h"
#include "model/replies/post.h"
#include "model/text/vocabulary.h"
#include "tools/ethreed/attention_view.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/decode_options.h"
#include "tools/ethreed/line_editor.h"
#include "tools/ethreed/reply_record.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>

namespace ethreed {

namespace {

struct ChatArguments {
  RunArguments run;
  DecodeArguments decode;
};

// The three likeliest classes: "joyful 0.52, excited 0.20, hopeful 0.05".
std::string likeliest(std::span<const float> logits, const std::vector<std::string>& names) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  const std::vector<double> p = probabilities(logits);
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i)
    text += fmt::format("{}{} {:.2f}", i ? ", " : "", names[order[i]], p[order[i]]);
  return text;
}

// A conversation in progress: the person's posts and the model's own replies.
class Chat {
 public:
  /// `state` is that of `run` on the device of the context.
  Chat(Context context, ModelState<float>& state, const LoadedRun& run, const ChatArguments& arguments)
      : context_(context),
        state_(state),
        run_(run),
        model_(run.model()),
        arguments_(arguments),
        options_(arguments.decode.checked()),
        max_length_(run.info.max_length),
        planned_(planned_class(run, arguments.decode.emotion)),
        conversation_(model_.steps<float>().converse()),
        words_(run.info.word_table()) {
    for (const InsightColumn& column : model_.insights()) classes_.push_back(classes_of(run.info, column));
  }

  void forget() {
    conversation_ = model_.steps<float>().converse();
    reply_.clear();
  }

  /// Every reply from now on has this emotion; an empty name: what the model plans.
  void plan(const std::string& emotion) { planned_ = planned_class(run_, emotion); }

  // Prints the reply to a post and what the model says in addition to it.
  void answer(const std::string& text) {
    const EncodedPost post = encode_post(text, words_, model_.vocabulary(), max_length_);
    if (post.empty()) {
      fmt::print("  (nothing to answer)\n");
      return;
    }
    if (post.cut > 0) fmt::print("  (the last {} of {} words and marks were read)\n", post.read(), post.tokens);
    if (post.nothing_known())
      fmt::print("  (no word of this is known to the model)\n");
    else if (post.known < post.read())
      fmt::print("  ({} of {} words and marks are unknown to the model)\n", post.read() - post.known, post.read());
    context_.begin_step();
    Tape<float> tape(context_, false);
    const LatentMode mode = arguments_.decode.mode();
    const auto session = conversation_->read(tape, state_.bind(tape), reply_, post.words, turns_answered_,
                                             {.sample_latent = mode.sample,
                                              .seed = mode.seed,
                                              .hypotheses_per_row = hypotheses(options_),
                                              .planned_class = planned_,
                                              .look = model_.has_pointer()});
    const Reply reply = search_replies(context_, *session, model_.vocabulary(), options_).front();
    for (std::size_t i = 0; i < classes_.size(); ++i)
      fmt::print("  {}: {}\n", model_.insights()[i].chat,
                 likeliest(session->insight(0, static_cast<int>(i)), classes_[i]));
    last_ = view_of(reply, given_source(*session, 0, model_.vocabulary()), words_, model_);
    reply_ = reply.words;
    reply_.push_back(eos_id);
    if (reply_.size() > static_cast<std::size_t>(max_length_)) reply_.erase(reply_.begin(), reply_.end() - max_length_);
    ++turns_answered_;
    fmt::print("ethreed> {}\n", decode_utterance(reply.words, words_));
    std::fflush(stdout);
  }

  // Where the pointer looked for the last reply.
  void show_attention() const {
    if (!model_.has_pointer())
      fmt::print("  ({})\n", without_pointer(model_));
    else if (!last_)
      fmt::print("  (nothing is answered yet)\n");
    else
      fmt::print("{}", attention_text(*last_));
  }

 private:
  Context context_;
  ModelState<float>& state_;
  const LoadedRun& run_;
  const Model& model_;
  const ChatArguments& arguments_;
  DecodeOptions options_;
  int max_length_;
  int planned_;
  std::unique_ptr<Conversation<float>> conversation_;
  std::vector<std::vector<std::string>> classes_;  // of each insight
  WordTable words_;
  std::vector<std::int32_t> reply_;  // to the last post
  std::optional<AttentionView> last_;
  std::int64_t turns_answered_ = 0;  // of all conversations: random numbers go on
};

constexpr std::string_view help =
    "  /new             start a new conversation; so does an empty line\n"
    "  /emotion NAME    every reply has this emotion; without NAME: what the model plans\n"
    "  /attention       where the pointer looked for the last reply, word by word\n"
    "  /help            this list\n"
    "  /quit            end; so do exit, quit, Ctrl-D and Ctrl-C\n";

enum class Then { go_on, end };

// What stands between the blanks around a text.
std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// A line that is a command; nothing if it is a post.
std::optional<Then> command(const std::string& line, Chat& chat, bool terminal) {
  const std::string text = trimmed(line);
  const std::string name = text.substr(0, text.find_first_of(" \t"));
  const std::string rest = trimmed(text.substr(name.size()));
  if (text.empty() || text == "/new") {
    chat.forget();
    fmt::print("-- new conversation --\n");
  } else if (text == "/help") {
    fmt::print("{}", help);
  } else if (text == "/attention") {
    chat.show_attention();
  } else if (name == "/emotion") {
    try {
      chat.plan(rest);
      fmt::print("  (the emotion of replies: {})\n", rest.empty() ? "what the model plans" : printable(rest));
    } catch (const Error& error) {
      fmt::print("  ({})\n", printable(error.what()));
    }
  } else if (text == "/quit" || (terminal && (text == "exit" || text == "quit"))) {
    return Then::end;
  } else if (terminal && name.starts_with('/') && name.find('/', 1) == std::string::npos && rest.empty()) {
    fmt::print("  (there is no command {}; /help lists them)\n", printable(name));
  } else {
    return std::nullopt;
  }
  return Then::go_on;
}

void run_chat(const ChatArguments& arguments) {
  const LoadedRun run = load_run(arguments.run);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  Chat conversation(context, device.model(), run, arguments);
  LineEditor editor("you> ");
  const bool terminal = editor.terminal();
  if (terminal)
    fmt::print("Tell me something. An empty line starts a new conversation, /help lists commands, Ctrl-D ends.\n");
  std::fflush(stdout);
  bool stopped = false;  // by the last key
  for (std::string line;;) {
    const Line read = editor.read(line);
    if (read == Line::end || (read == Line::stopped && (stopped || !terminal))) break;
    stopped = read == Line::stopped;
    if (stopped) {
      fmt::print("(Ctrl-C again or Ctrl-D ends)\n");
      std::fflush(stdout);
      continue;
    }
    // What a terminal sends is on it already.
    if (!terminal && !trimmed(line).empty()) fmt::print("you> {}\n", printable(line));
    const std::optional<Then> then = command(line, conversation, terminal);
    if (then == Then::end) break;
    if (!then) conversation.answer(line);
    std::fflush(stdout);
  }
  if (terminal) fmt::print("\n");
}

}  // namespace

void add_chat_command(CLI::App& app) {
  const auto a = std::make_shared<ChatArguments>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a trained model; it shows the emotions it tracks");
  add_run_options(*command, a->run, false);
  add_decode_options(*command, a->decode, false);
  command->callback([a] { run_chat(*a); });
}

}  // namespace ethreed
