#pragma once
// What a model learns from, and answers to, one at a time.

#include <cstdint>
#include <span>
#include <string_view>

namespace ethreed {

/// What one example is.
enum class Unit {
  dialogue,  ///< all turns of a dialogue
  text,      ///< one text with a label
};

/// One turn (P_t, R_t). Tokens are word ids, those ≥ V out of the vocabulary; both end with EOS.
struct TurnInput {
  std::span<const std::int32_t> post;
  std::span<const std::int32_t> response;
  int emotion = -1;                                ///< y^P, or −1 when unknown (a chat)
  int listener_label = -1;                         ///< y^R, or −1
  std::span<const float> listener_distribution{};  ///< the probabilities of the K emotions in R_t, or empty
  int reply_class = -1;                            ///< of the reply among Model::reply_labels(), or −1
  /// The probabilities of these classes, which sum to 1 and of which reply_class is the likeliest; empty: it is
  /// certain.
  std::span<const float> reply_distribution{};
};

/// One example, by the unit of the model. Spans are borrowed.
struct Example {
  std::span<const TurnInput> turns;    ///< of a dialogue: T ≥ 1; empty for a text
  std::span<const std::int32_t> text;  ///< of a text: word ids, EOS last; of a dialogue: its situation, if wanted
  int label = -1;                      ///< class of the text, −1 for none
  /// The place of its first turn (or of the text) in the split: random numbers of evaluation are functions of it, so
  /// that they do not depend on how examples are batched.
  std::int64_t place = 0;
};

}  // namespace ethreed
