#pragma once
// The textbook of what MoEL, MIME, EmpDG and KEMP read and say: contexts with marks, replies with label smoothing.
// Plain loops over double, nothing of the engine. Only cases and tests include it.

#include "model/interface/transformer_textbook.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace ethreed::reference {

/// What was said before a reply: utterances in order, the speaker's first, with EOS.
using History = std::vector<std::vector<int>>;

/// √D (E[word] + mark of whose it is), CLS first; a long context keeps CLS and its last words.
inline Rows marked_context(const Parameters& p, const History& history, int most) {
  const Parameter& marks = p.at("marks.weight");
  constexpr int cls = 0, user = 1, system = 2, end = 3;
  Rows words;
  for (std::size_t u = 0; u < history.size(); ++u)
    for (const int word : history[u])
      if (word != end) words.push_back(sum_of(embedded(p, word), row(marks, u % 2 == 0 ? user : system)));
  if (words.size() + 1 > static_cast<std::size_t>(most)) words.erase(words.begin(), words.end() - (most - 1));
  words.insert(words.begin(), sum_of(row(marks, cls), row(marks, cls)));
  for (Vector& x : words)
    for (double& v : x) v *= std::sqrt(static_cast<double>(x.size()));
  return words;
}

struct SaidReply {
  double loss = 0;  ///< Σ p* (log p* − log P)
  Vector nll;       ///< of every word
  int unknown = 0;  ///< words that are taken for UNK
};

/// √D E[y_{i−1}] of every word of a reply, SOS first; a word that the vocabulary lacks is UNK.
inline Rows decoder_inputs(const Parameters& p, const std::vector<int>& reply) {
  const int vocabulary = p.at("embedding.weight").shape[0];
  Rows inputs;
  for (std::size_t i = 0; i < reply.size(); ++i) {
    Vector y = embedded(p, i == 0 ? start : reply[i - 1] < vocabulary ? reply[i - 1] : unknown);
    for (double& v : y) v *= std::sqrt(static_cast<double>(y.size()));
    inputs.push_back(y);
  }
  return inputs;
}

/// From the decoder's states, one for each word.
inline SaidReply said(const Parameters& p, const Rows& states, const std::vector<int>& reply, double smoothing) {
  const int vocabulary = p.at("embedding.weight").shape[0];
  SaidReply out;
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const Vector words = softmax(affine(p, "output", states[i]));
    const int target = reply[i] < vocabulary ? reply[i] : unknown;
    out.unknown += target == unknown;
    out.nll.push_back(-std::log(words[static_cast<std::size_t>(target)]));
    for (int v = 1; v < vocabulary; ++v) {  // all but the pad
      const double wanted = v == target ? 1 - smoothing : smoothing / (vocabulary - 2);
      if (wanted > 0) out.loss += wanted * (std::log(wanted) - std::log(words[static_cast<std::size_t>(v)]));
    }
  }
  return out;
}

/// The same where words may be copied: of `source` as they were said, −1 for none, by these weights of every word.
inline SaidReply said_by_copying(const Parameters& p, const std::vector<int>& source, const Rows& states,
                                 const Rows& weights, const std::vector<int>& reply, double smoothing) {
  const int vocabulary = p.at("embedding.weight").shape[0];
  SaidReply out;
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const double generated = sigmoid(affine(p, "copy_gate", states[i]).front());
    const Vector words = softmax(affine(p, "output", states[i]));
    const auto probability = [&](int word) {
      double sum = word < vocabulary ? generated * words[static_cast<std::size_t>(word)] : 0;
      for (std::size_t j = 0; j < source.size(); ++j)
        if (source[j] == word) sum += (1 - generated) * weights[i][j];
      return sum;
    };
    const bool known = reply[i] < vocabulary || std::find(source.begin(), source.end(), reply[i]) != source.end();
    const int target = known ? reply[i] : unknown;
    out.unknown += target == unknown;
    out.nll.push_back(-std::log(probability(target)));
    // A word that the vocabulary lacks takes nothing from its words.
    if (target >= vocabulary) out.loss += (1 - smoothing) * (std::log(1 - smoothing) + out.nll.back());
    for (int v = 1; v < vocabulary; ++v) {  // all but the pad
      const double wanted = v == target ? 1 - smoothing : smoothing / (vocabulary - 2);
      if (wanted > 0) out.loss += wanted * (std::log(wanted) - std::log(probability(v)));
    }
  }
  return out;
}

}  // namespace ethreed::reference
