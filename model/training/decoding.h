#pragma once
// Replies of a trained model: greedy, beam search, sampling. Equation (21) over the extended vocabulary, so that words
// of the post that the vocabulary lacks can be copied.

#include "model/ethreed/ethreed.h"

#include <string_view>
#include <vector>

namespace ethreed {

enum class DecodeMethod { greedy, beam, sample };
/// Throws Error naming the three if `name` is none of them.
DecodeMethod decode_method_from(std::string_view name);
std::string_view name_of(DecodeMethod method);

struct DecodeOptions {
  DecodeMethod method = DecodeMethod::greedy;
  int max_length = 40;         ///< tokens, EOS included
  int beam = 4;                ///< hypotheses of beam search
  double length_power = 0.7;   ///< beam search ranks by log P / length^length_power
  int top_k = 20;              ///< sampling draws from the k likeliest words
  double temperature = 1.0;    ///< of sampling
  std::uint64_t seed = 1;      ///< of sampling
  bool allow_unknown = false;  ///< may a reply hold UNK
  /// Throws Error naming the option if one is out of range.
  void check() const;
};

struct Reply {
  std::vector<std::int32_t> words;  ///< word ids as the batch was given them, without EOS
  double log_probability = 0;       ///< of the words and EOS
};

/// A reply to every post of a batch, by turn row. `state` comes from read_dialogues on the same tape; only what the
/// model may know before the reply is used (c_t and R̂_t). `draws` [N] addresses the sampling of each turn.
template <class T>
std::vector<Reply> generate_replies(Tape<T>& tape, const ModelParameters<Variable<T>>& parameters, const Batch& batch,
                                    const DialogueState<T>& state, const DecodeOptions& options,
                                    std::span<const std::uint64_t> draws);

}  // namespace ethreed
