#pragma once
// A model that writes replies, with the data whose posts it is given.

#include "benchmarks/sections/sections.h"
#include "core/context.h"
#include "core/indices.h"
#include "model/replies/search.h"

#include <memory>
#include <string>
#include <vector>

namespace ethreed::bench {

/// The model of a trained run (its best checkpoint), or an untrained one.
struct Replier {
  /// Throws Error if the run was trained on other data or is of another model than was asked for.
  explicit Replier(const Options& options);

  Dataset data;
  RunConfig config;
  ModelState<float> state;
  std::string note;  ///< which of the two it is, and what that means for the times

  const Model& model() const { return *config.model; }
  /// Whose posts are answered: `valid`, or `train` where there is no other.
  const Split& split() const { return data.has_split("valid") ? data.split("valid") : data.split("train"); }
};

/// A conversation as `ethreed chat` leads it: greedy replies to one post after the other.
class Talk {
 public:
  /// With `length`, every reply has so many words: the end mark is given no probability before. Without (0), replies
  /// end where the model ends them, at the latest after as many words as `ethreed chat` allows. On the CPU. All must
  /// outlive this object. Throws Error if the model writes no replies.
  Talk(Context& context, Replier& replier, int length = 0);
  /// The words of the reply to this post, which ends with EOS. They are kept for the next call.
  Indices answer(Indices post);

 private:
  Context& context_;
  Replier& replier_;
  int length_;
  std::unique_ptr<Conversation<float>> conversation_;
  std::vector<std::int32_t> reply_;  // with its EOS
  std::int64_t answered_ = 0;
};

/// Places (dialogue, turn) of posts of `tokens` tokens, EOS included, or as near to that as there are: at most `most`.
/// With `first_turns` only first posts of dialogues.
struct PostPlace {
  std::int64_t dialogue = 0, turn = 0;
};
std::vector<PostPlace> posts_of_length(const Split& split, int tokens, std::size_t most, bool first_turns);

}  // namespace ethreed::bench
