#pragma once
// The textbook of DialogueRNN: plain loops over double, one dialogue at a time, nothing shared with the engine.

#include "model/interface/textbook.h"

#include <array>
#include <string>
#include <vector>

namespace ethreed::reference {

/// Everything that one direction computes, utterance after utterance.
struct TrackedDialogue {
  std::vector<Vector> g, a, e, alpha;    ///< α of the utterances before
  std::vector<std::array<Vector, 2>> q;  ///< of both parties, after the utterance
};

/// How α is made: "general", "simple" or "dot".
inline double attention_score(const Parameters& p, const std::string& prefix, const std::string& kind, const Vector& g,
                              const Vector& u) {
  if (kind == "dot") return dot(g, u);
  const Parameter& weight = p.at(prefix + ".attention.weight");
  return kind == "simple" ? product(weight, g)[0] : bilinear(g, weight, u);
}

/// `u` in the order in which it is read, the party of its first utterance in `first_party`.
inline TrackedDialogue track_dialogue(const Parameters& p, const std::string& prefix, const std::string& kind,
                                      bool listener_state, const std::vector<Vector>& u, int first_party) {
  TrackedDialogue out;
  Vector g = zero_state(p, prefix + ".global"), e = zero_state(p, prefix + ".emotion");
  std::array<Vector, 2> q{zero_state(p, prefix + ".party"), zero_state(p, prefix + ".party")};
  for (std::size_t k = 0; k < u.size(); ++k) {
    const std::size_t s = (static_cast<std::size_t>(first_party) + k) % 2, l = 1 - s;
    g = gru(p, prefix + ".global", joined({u[k], q[s]}), g);
    Vector a(g.size(), 0.0), alpha;
    if (k > 0) {
      for (const Vector& before : out.g) alpha.push_back(attention_score(p, prefix, kind, before, u[k]));
      alpha = softmax(alpha);
      for (std::size_t j = 0; j < k; ++j)
        for (std::size_t i = 0; i < a.size(); ++i) a[i] += alpha[j] * out.g[j][i];
    }
    q[s] = gru(p, prefix + ".party", joined({u[k], a}), q[s]);
    if (listener_state) q[l] = gru(p, prefix + ".listener", joined({u[k], q[s]}), q[l]);
    e = gru(p, prefix + ".emotion", q[s], e);
    out.g.push_back(g);
    out.a.push_back(a);
    out.alpha.push_back(alpha);
    out.q.push_back(q);
    out.e.push_back(e);
  }
  return out;
}

/// Logits of an emotion state.
inline Vector label_logits(const Parameters& p, const Vector& e) {
  Vector hidden = affine(p, "classifier.hidden", e);
  for (double& x : hidden) x = std::max(x, 0.0);
  return affine(p, "classifier.output", hidden);
}

/// Σ_j β_j e_j for every e, β = softmax_j e_jᵀ(W_β e + b_β).
inline std::vector<Vector> attend_to_all(const Parameters& p, const std::vector<Vector>& states) {
  std::vector<Vector> out;
  for (const Vector& e : states) {
    const Vector query = affine(p, "tracker.emotion_attention", e);
    Vector beta;
    for (const Vector& other : states) beta.push_back(dot(other, query));
    beta = softmax(beta);
    Vector& sum = out.emplace_back(e.size(), 0.0);
    for (std::size_t j = 0; j < states.size(); ++j)
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += beta[j] * states[j][i];
  }
  return out;
}

}  // namespace ethreed::reference
