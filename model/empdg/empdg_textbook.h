#pragma once
// The textbook of EmpDG: plain loops over double, one reply at a time.

#include "model/interface/context_textbook.h"

#include <cmath>
#include <vector>

namespace ethreed::reference {

struct EmpdgSwitches {
  int layers = 1, heads = 1, most = 1000;
  bool copy = false;
  double smoothing = 0.1;
};

struct EmpdgReading {
  Rows source;  ///< [C_u ; C_e]
  Vector logits;
  std::vector<int> words;  ///< of every row of the source as they were said, −1 for CLS and LAB
  int emotion_words = 0;
};

/// The words that a long context keeps, as they were said.
inline std::vector<int> words_kept(const History& history, int most) {
  constexpr int end = 3;
  std::vector<int> words;
  for (const std::vector<int>& utterance : history)
    for (const int word : utterance)
      if (word != end) words.push_back(word);
  if (words.size() + 1 > static_cast<std::size_t>(most)) words.erase(words.begin(), words.end() - (most - 1));
  return words;
}

/// √D E of LAB and of these words.
inline Rows emotion_context(const Parameters& p, const std::vector<int>& words) {
  Rows rows{row(p.at("label_mark.weight"), 0)};
  for (const int word : words) rows.push_back(embedded(p, word));
  for (Vector& x : rows)
    for (double& v : x) v *= std::sqrt(static_cast<double>(x.size()));
  return rows;
}

inline EmpdgReading read_empdg_context(const Parameters& p, const EmpdgSwitches& s, const History& history) {
  EmpdgReading out;
  const Rows of_context = transformer_encoder(p, "context", s.layers, s.heads, marked_context(p, history, s.most));
  std::vector<int> words = words_kept(history, s.most), listed;
  for (const int word : words)
    if (word < p.at("embedding.weight").shape[0] &&
        p.at("emotion_words.plain").values[static_cast<std::size_t>(word)] == 0)
      listed.push_back(word);
  const Rows of_emotion = transformer_encoder(p, "emotion", s.layers, s.heads, emotion_context(p, listed));
  out.logits = product(p.at("classifier.weight"), joined({of_emotion.front(), of_context.front()}));
  out.source = of_context;
  out.source.insert(out.source.end(), of_emotion.begin(), of_emotion.end());
  out.emotion_words = static_cast<int>(listed.size());
  out.words.push_back(-1);
  out.words.insert(out.words.end(), words.begin(), words.end());
  out.words.push_back(-1);
  out.words.insert(out.words.end(), listed.begin(), listed.end());
  return out;
}

/// O of every word of a reply, and what the attention to the source is.
inline Attended empdg_states(const Parameters& p, const EmpdgSwitches& s, const EmpdgReading& read,
                             const std::vector<int>& reply) {
  Rows x = decoder_inputs(p, reply);
  x.front() = affine(p, "start", read.logits);
  return transformer_decoder(p, "decoder", s.layers, s.heads, x, read.source);
}

/// What is said where words may be copied.
inline SaidReply said_by_copying(const Parameters& p, const EmpdgReading& read, const Attended& decoded,
                                 const std::vector<int>& reply, double smoothing) {
  Rows weights;
  for (const Vector& logits : decoded.mean_logits) weights.push_back(softmax(softmax(logits)));
  return said_by_copying(p, read.words, decoded.output, weights, reply, smoothing);
}

}  // namespace ethreed::reference
