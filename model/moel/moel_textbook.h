#pragma once
// The textbook of MoEL: plain loops over double, one reply at a time, every listener computed.

#include "model/interface/context_textbook.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace ethreed::reference {

struct MoelSwitches {
  int layers = 1, heads = 1, most = 1000;
  int kept = 5;  ///< listeners that the gate leaves
  bool mean_query = false;
  double smoothing = 0.1;
};

struct MoelReading {
  Rows states;
  Vector logits;
};

inline MoelReading read_moel_context(const Parameters& p, const MoelSwitches& s, const History& history) {
  MoelReading out;
  out.states = transformer_encoder(p, "context", s.layers, s.heads, marked_context(p, history, s.most));
  Vector query = out.states.front();
  if (s.mean_query)
    for (std::size_t j = 0; j < query.size(); ++j) {
      query[j] = 0;
      for (const Vector& state : out.states) query[j] += state[j] / static_cast<double>(out.states.size());
    }
  out.logits = product(p.at("keys.weight"), query);
  return out;
}

/// How many logits stand before this one: larger ones, and equal ones before it.
inline int rank_of(const Vector& logits, std::size_t k) {
  int before = 0;
  for (std::size_t j = 0; j < logits.size(); ++j) before += logits[j] > logits[k] || (logits[j] == logits[k] && j < k);
  return before;
}

/// The softmax over the kept logits, 0 elsewhere.
inline Vector gate_of(const Vector& logits, int kept) {
  Vector masked = logits;
  for (std::size_t k = 0; k < logits.size(); ++k)
    if (rank_of(logits, k) >= kept) masked[k] = -std::numeric_limits<double>::infinity();
  return softmax(masked);
}

/// O of every word of a reply.
inline Rows moel_states(const Parameters& p, const MoelSwitches& s, const MoelReading& read,
                        const std::vector<int>& reply) {
  const Rows x = placed(p, "decoder", decoder_inputs(p, reply));
  Rows mixed = decoder_layer(p, "shared_listener", s.heads, x, read.states).output;
  const Vector gate = gate_of(read.logits, s.kept);
  for (std::size_t e = 0; e < gate.size(); ++e) {
    const Rows heard = decoder_layer(p, "listeners." + std::to_string(e), s.heads, x, read.states).output;
    for (std::size_t t = 0; t < mixed.size(); ++t)
      for (std::size_t j = 0; j < mixed[t].size(); ++j) mixed[t][j] += gate[e] * heard[t][j];
  }
  for (int l = 0; l < s.layers; ++l)
    mixed = decoder_layer(p, "meta_listener.layers." + std::to_string(l), s.heads, mixed, read.states).output;
  return unbiased_norm(p, "decoder.norm", mixed);
}

}  // namespace ethreed::reference
