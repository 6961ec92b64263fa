#pragma once
// Replies of any model, searched word by word: greedy, beam search, sampling.

#include "core/context.h"
#include "model/interface/reply_session.h"

#include <string>
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
  int top_k = 20;              ///< sampling draws from the k likeliest words; 0: from all
  double top_p = 1.0;          ///< and of these from the fewest likeliest whose shares sum to p or more
  double temperature = 1.0;    ///< of sampling
  std::uint64_t seed = 1;      ///< of sampling
  bool allow_unknown = false;  ///< may a reply hold UNK
  int min_length = 0;          ///< words before a reply may end
  int no_repeat = 0;           ///< no sequence of so many words twice in a reply; 0: any may come again
  int n_best = 1;              ///< replies to a row: of beam search its best, of sampling so many draws
  /// Throws Error naming the option if one is out of range.
  void check() const;
};

/// How a word of a reply came about, in a model with a pointer.
struct WordOrigin {
  double log_probability = 0;                   ///< of the word
  double generation_gate = 1;                   ///< p_gen
  double copied = 0;                            ///< the pointer's share of the word's probability
  std::vector<double> attention{}, coverage{};  ///< of every source word: now, and received before
};

struct Reply {
  std::vector<std::int32_t> words;  ///< word ids as the batch was given them, without EOS
  double log_probability = 0;       ///< of the words and EOS
  bool ended = false;               ///< by EOS; false: by the greatest length
  /// Of the words, then of EOS if it ended; empty without a pointer or ReplyOptions::look.
  std::vector<WordOrigin> origins{};
  /// The others of n_best. Beam search: by falling rank; sampling: in the order of the draws, the reply being the
  /// first.
  std::vector<Reply> others{};
};

/// A reply to every row of a session, in the order of its rows. `vocabulary` is V. The session was opened with
/// hypotheses(options) a row.
template <class T>
std::vector<Reply> search_replies(Context& context, ReplySession<T>& session, int vocabulary,
                                  const DecodeOptions& options);

/// What the options of a method are, in words: "beam 4, length power 0.7".
std::string description_of(const DecodeOptions& options);

/// The most hypotheses a row that a search keeps.
int hypotheses(const DecodeOptions& options);

}  // namespace ethreed
