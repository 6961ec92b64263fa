#pragma once
// What was said, turn by turn, as a model reads it.

#include "model/blocks/example.h"

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace ethreed {

/// Utterances of a dialogue in order. Turns alternate between speaker and listener; where one party spoke twice, or the
/// listener first, the other's utterance between is empty (an end mark alone), so that nothing that was said is lost.
class History {
 public:
  struct Place {
    int turn = 0;
    bool listener = false;
  };
  History() = default;
  History(const History&) = delete;  // turns view its words, which only a move keeps in place
  History& operator=(const History&) = delete;
  History(History&&) = default;
  History& operator=(History&&) = default;

  /// Word ids, EOS last. Returns where the utterance stands.
  Place add(bool listener, std::vector<std::int32_t> words);
  /// The turns, valid until add() is called; a last post without its response has an empty one.
  std::span<const TurnInput> turns() const { return turns_; }
  int count() const { return static_cast<int>(turns_.size()); }

 private:
  std::deque<std::vector<std::int32_t>> words_;
  std::vector<TurnInput> turns_;
  bool answered_ = true;  // has the last turn its response
};

}  // namespace ethreed
