#pragma once
// How replies are written, one word at a time, by any model: what a search (greedy, beam, sampling) may ask.

#include "autograd/tape.h"
#include "core/indices.h"
#include "model/blocks/example.h"
#include "model/blocks/parameters.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace ethreed {

/// Which turns of a batch are answered.
enum class Answer {
  every_turn,  ///< each after its gold history
  last_turn,   ///< of every dialogue
};

/// What may differ from dialogue to dialogue of a batch.
struct DialogueChoice {
  std::uint64_t seed = 1;
  int planned_class = -1;
};

struct ReplyOptions {
  Answer answer = Answer::every_turn;
  bool sample_latent = true;   ///< latent variables are drawn; false: their mean
  bool shuffle_plans = false;  ///< see PassOptions
  std::uint64_t seed = 1;      ///< of that draw
  int hypotheses_per_row = 1;  ///< the most that a search keeps
  int planned_class = -1;      ///< class of Model::reply_plan() that every reply shall have; −1: the model's own plan
  bool look = false;           ///< keep what look() tells
  /// One for each dialogue of the batch, as it was given, in the place of seed and planned_class; empty: these hold for
  /// all. Of several dialogues each has the reply that it has alone.
  std::span<const DialogueChoice> choices{};

  DialogueChoice choice(int dialogue) const {
    return choices.empty() ? DialogueChoice{seed, planned_class} : choices[static_cast<std::size_t>(dialogue)];
  }
  /// Shall some reply have a class that is given.
  bool plans() const {
    if (choices.empty()) return planned_class >= 0;
    return std::any_of(choices.begin(), choices.end(),
                       [](const DialogueChoice& one) { return one.planned_class >= 0; });
  }
};

/// Log probabilities of every word that may come next, on the device: [hypotheses, words].
template <class T> struct NextWords {
  T* log_probability = nullptr;
  int words = 0;
};

/// Where a pointer looked when it gave the distribution of one word, on the host. Empty for a model without a pointer.
/// The word's distribution is p_gen times the vocabulary's and 1 − p_gen times what the attention gives to the words at
/// its places.
template <class T> struct PointerLook {
  std::span<const T> attention{};  ///< γ [source places], their sum is 1
  std::span<const T> coverage{};   ///< what each had received before [source places]; empty without a coverage
  T generation_gate{};             ///< p_gen
};

/// Which turn a row of a session answers.
struct ReplyRow {
  int dialogue = 0;        ///< its place in the batch, as given
  int turn = 0;            ///< t, from 0
  std::int64_t place = 0;  ///< of the turn in its split (Example::place + t): addresses random numbers of a search
};

/// What a model takes every utterance's emotion (or another label) to be, on the host: logits [turns, K].
template <class T> struct UtteranceLogits {
  std::vector<ReplyRow> rows;  ///< which turn each row is of
  Variable<T> posts;           ///< after the post of a turn
  Variable<T> responses;       ///< after its response
};

/// Something that a model says in addition to its words, as a distribution over classes ("you seem: …").
struct InsightColumn {
  std::string_view key;        ///< in JSON: "tracked_emotion"
  std::string_view label;      ///< in text: "tracked emotion of the speaker"
  std::string_view chat;       ///< in a chat: "you seem"
  std::string_view label_set;  ///< the name of the set that its classes are of: "emotion"; empty: they are `classes`
  bool of_reply = false;       ///< what the reply shall be, not what the post is
  std::span<const std::string_view> classes{};
};

/// Replies in the making, one a row; every row has hypotheses. State (decoder states, coverage, caches) lives here, in
/// the arenas of the step that opened it.
template <class T> class ReplySession {
 public:
  virtual ~ReplySession() = default;

  virtual int rows() const = 0;
  virtual ReplyRow row(int r) const = 0;
  /// Appends a word to each hypothesis and says what may follow. Hypothesis k continues hypothesis parents[k] of the
  /// call before (in the first call: row parents[k], with SOS as its word). Hypotheses of one row stand in any order;
  /// at most hypotheses_per_row of each row. What it returns lives until the arenas are rewound.
  virtual NextWords<T> advance(Indices parents, Indices words) = 0;
  /// The word id, as the batch was given it, of a word of this row that advance() counts from V on.
  virtual std::int32_t word_id(int row, std::int32_t word) const = 0;
  /// Logits over the classes of insight i for a row, on the host; in the order of the model's insights().
  virtual std::span<const T> insight(int row, int i) const = 0;
  /// The words that a pointer may copy for this row, counted as advance() counts them; −1 − m at a place that no word
  /// is but mark m of Model::source_marks(). Empty without a pointer.
  virtual std::span<const std::int32_t> source(int row) const = 0;
  /// Of hypothesis k of the last call of advance(), valid until the next. Empty without ReplyOptions::look.
  virtual PointerLook<T> look(int k) const = 0;
};

/// The source of a row with word ids as the batch was given them; below 0 for marks, as in source().
template <class T>
std::vector<std::int32_t> given_source(const ReplySession<T>& session, int row, std::int32_t vocabulary) {
  std::vector<std::int32_t> words;
  for (const std::int32_t word : session.source(row))
    words.push_back(word < vocabulary ? word : session.word_id(row, word));
  return words;
}

/// A conversation that goes on: what the model keeps of it, so that a turn answered costs a turn, whatever the history.
/// Lives on the host between steps.
template <class T> class Conversation {
 public:
  virtual ~Conversation() = default;

  /// Reads the reply that was given to the post before (empty at the first turn) and the new post, and opens a session
  /// of one row for the answer. Both end with EOS. `place` addresses random numbers, as Example::place.
  virtual std::unique_ptr<ReplySession<T>> read(Tape<T>& tape, ParameterHandles<T> parameters, Indices reply,
                                                Indices post, std::int64_t place, const ReplyOptions& options) = 0;
};

}  // namespace ethreed
