#pragma once
// Answers records of an input, in batches, each after its history: of its conversation or its own.

#include "model/evaluation/evaluator.h"
#include "model/replies/post.h"
#include "model/text/word_table.h"
#include "tools/ethreed/history.h"
#include "tools/ethreed/records.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ethreed {

/// Records that are answered together; results do not depend on where an interruption fell, as these bounds are fixed.
inline constexpr std::size_t answer_window = 256;

class Answerer {
 public:
  /// All must outlive this object; `words` starts with the vocabulary and grows. `max_length` tokens of an utterance
  /// are read, end mark included; `history` utterances before a post, 0 for all.
  Answerer(Evaluator<float>& evaluator, const std::vector<InputRecord>& records, WordTable& words, int vocabulary,
           int max_length, int history);

  /// What a model is asked for a record.
  struct Question {
    EncodedPost post;
    History said{};            ///< what was said before it, then the post; nothing where there is nothing to answer
    std::int64_t history = 0;  ///< utterances before it
    bool answerable = false;
  };
  /// What is asked for a record whose history holds no reply that is still to be written.
  Question question(std::size_t record) const;

  /// What became of a record.
  struct Answer {
    EncodedPost post;
    std::optional<GeneratedTurn> turn;  ///< nothing where there is nothing to answer
    std::int64_t history = 0;           ///< utterances before it that were read
  };
  /// Answers the records first … first + answer_window − 1. `go_on` is asked before every batch; false is returned
  /// where it stops. `consume` is called for each record in order, at the end.
  bool answer(std::size_t first, const ReplyMode& mode, const DecodeOptions& options,
              const std::function<bool()>& go_on, const std::function<void(std::size_t, const Answer&)>& consume);

  /// A reply from an earlier call, for what follows it in its conversation.
  void restore(std::size_t record, std::vector<std::int32_t> words) { replies_[record] = std::move(words); }
  /// Is the model's reply to this record history of a later one?
  bool is_history(std::size_t record) const;

 private:
  bool waits(std::size_t record) const;
  bool is_answerable(std::size_t record, const EncodedPost& post) const;
  void add_said(std::size_t record, Question& question) const;
  History history_of(std::size_t record) const;
  std::vector<std::int32_t> encoded(const std::string& text) const;

  Evaluator<float>& evaluator_;
  const std::vector<InputRecord>& records_;
  WordTable& words_;
  int vocabulary_, max_length_, history_;
  Conversations conversations_;
  std::vector<std::optional<std::vector<std::int32_t>>> replies_;  // the model's own
};

}  // namespace ethreed
