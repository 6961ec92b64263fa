#pragma once
// Replies of any model, searched word by word: greedy, beam search, sampling.

#include "core/context.h"
#include "model/interface/reply_session.h"

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

/// A reply to every row of a session, in the order of its rows. `vocabulary` is V. The session was opened with
/// hypotheses(options) a row.
template <class T>
std::vector<Reply> search_replies(Context& context, ReplySession<T>& session, int vocabulary,
                                  const DecodeOptions& options);

/// The most hypotheses a row that a search keeps.
int hypotheses(const DecodeOptions& options);

}  // namespace ethreed
