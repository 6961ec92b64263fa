#pragma once
// A conversation that goes on, word for word: for models that read the whole of it again at every turn.

#include "core/error.h"
#include "core/indices.h"
#include "model/blocks/example.h"
#include "model/text/vocabulary.h"

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

namespace ethreed {

class RecordedDialogue {
 public:
  /// Appends the reply to the post before (empty at the first turn) and a new post, both with EOS. Throws Error if
  /// there is a reply too many or too few.
  void add(Indices reply, Indices post) {
    static constexpr std::array<std::int32_t, 1> nothing{eos_id};
    const bool first = turns_.empty();
    ETHREED_CHECK(first == reply.empty(), "conversation: {}",
                  first ? "a reply before the first post" : "the reply before this post is missing");
    const auto kept = [&](Indices words) {
      return std::span<const std::int32_t>(words_.emplace_back(words.begin(), words.end()));
    };
    if (!first) turns_.back().response = kept(reply);
    turns_.push_back({.post = kept(post), .response = nothing});
  }
  /// All of it, the last turn without a reply yet and at this place of its split.
  Example example(std::int64_t place) const { return {.turns = turns_, .place = place - (count_of(turns_) - 1)}; }

 private:
  std::deque<std::vector<std::int32_t>> words_;  // of every utterance: they stay where they are
  std::vector<TurnInput> turns_;
};

}  // namespace ethreed
