#pragma once
// The textbook of EmpDG: plain loops over double, one reply at a time.

#include "model/interface/context_textbook.h"

#include <cmath>
#include <vector>

namespace ethreed::reference {

struct EmpdgSwitches {
  int layers = 1, heads = 1, most = 1000;
  double smoothing = 0.1;
};

struct EmpdgReading {
  Rows source;  ///< [C_u ; C_e]
  Vector logits;
  int emotion_words = 0;
};

/// √D E of LAB and of the emotion words among the words that a long context keeps.
inline Rows emotion_context(const Parameters& p, const History& history, int most) {
  const Parameter& plain = p.at("emotion_words.plain");
  constexpr int end = 3;
  std::vector<int> words;
  for (const std::vector<int>& utterance : history)
    for (const int word : utterance)
      if (word != end) words.push_back(word < plain.shape[0] ? word : unknown);
  if (words.size() + 1 > static_cast<std::size_t>(most)) words.erase(words.begin(), words.end() - (most - 1));
  Rows rows{row(p.at("label_mark.weight"), 0)};
  for (const int word : words)
    if (plain.values[static_cast<std::size_t>(word)] == 0) rows.push_back(embedded(p, word));
  for (Vector& x : rows)
    for (double& v : x) v *= std::sqrt(static_cast<double>(x.size()));
  return rows;
}

inline EmpdgReading read_empdg_context(const Parameters& p, const EmpdgSwitches& s, const History& history) {
  EmpdgReading out;
  const Rows of_context = transformer_encoder(p, "context", s.layers, s.heads, marked_context(p, history, s.most));
  const Rows of_emotion = transformer_encoder(p, "emotion", s.layers, s.heads, emotion_context(p, history, s.most));
  out.logits = product(p.at("classifier.weight"), joined({of_emotion.front(), of_context.front()}));
  out.source = of_context;
  out.source.insert(out.source.end(), of_emotion.begin(), of_emotion.end());
  out.emotion_words = static_cast<int>(of_emotion.size()) - 1;
  return out;
}

/// O of every word of a reply.
inline Rows empdg_states(const Parameters& p, const EmpdgSwitches& s, const EmpdgReading& read,
                         const std::vector<int>& reply) {
  Rows x = decoder_inputs(p, reply);
  x.front() = affine(p, "start", read.logits);
  return transformer_decoder(p, "decoder", s.layers, s.heads, x, read.source).output;
}

}  // namespace ethreed::reference
