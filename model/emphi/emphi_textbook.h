#pragma once
// The textbook of EmpHi: plain loops over double, one reply at a time, nothing of the engine. Only cases and tests
// include it.

#include "model/interface/textbook.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace ethreed::reference {

struct EmphiSwitches {
  bool implicit = true, gates = true, copying = true;  // copying: the explicit intent
  bool released_states = false;
  bool distributions = false;  // replies have probabilities of intents
};

/// What is known of a reply's intent: q, and the intent z* that it counts as.
struct EmphiIntent {
  Vector q;  ///< empty: none
  int likeliest = -1;
};

/// `label` is −1 for none; `probabilities` of all intents may be there beside it.
inline EmphiIntent emphi_intent(const EmphiSwitches& switches, int label, const Vector& probabilities,
                                std::size_t intents) {
  EmphiIntent out;
  if (label < 0) return out;
  out.q.assign(intents, 0.0);
  out.q[static_cast<std::size_t>(label)] = 1;
  if (switches.distributions && !probabilities.empty()) out.q = probabilities;
  for (std::size_t k = 0; k < intents; ++k)
    if (out.likeliest < 0 || out.q[k] > out.q[static_cast<std::size_t>(out.likeliest)])
      out.likeliest = static_cast<int>(k);
  return out;
}

/// KL(q ‖ p), with 0 log 0 = 0.
inline double emphi_divergence(const Vector& q, const Vector& p) {
  double sum = 0;
  for (std::size_t k = 0; k < q.size(); ++k)
    if (q[k] > 0) sum += q[k] * (std::log(q[k]) - std::log(p[k]));
  return sum;
}

inline Vector half_sum(const Vector& a, const Vector& b) {
  Vector mean;
  for (std::size_t i = 0; i < a.size(); ++i) mean.push_back((a[i] + b[i]) / 2);
  return mean;
}

/// A linear layer, ReLU, a matrix without a bias.
inline Vector emphi_head(const Parameters& p, const std::string& head, const Vector& x) {
  Vector hidden = affine(p, head + ".hidden", x);
  for (double& v : hidden) v = v > 0 ? v : 0;
  return product(p.at(head + ".output.weight"), hidden);
}

struct EmphiRead {
  std::vector<Vector> states;     ///< h_j
  std::array<Vector, 2> summary;  ///< s^(1), s^(2)
  Vector emotion_logits, intent_logits;
  Vector emotion;  ///< ē
};

inline EmphiRead emphi_read(const Parameters& p, const EmphiSwitches& switches, const std::vector<int>& words) {
  std::vector<Vector> x;
  for (const int word : words) x.push_back(embedded(p, word));
  EmphiRead out;
  std::array<Vector, 2> last, first;  // →h_J and ←h_1 of both layers
  for (std::size_t layer = 0; layer < 2; ++layer) {
    const std::string ending = layer == 0 ? "_l0" : "_l1";
    std::vector<Vector> forward(x.size()), reverse(x.size());
    Vector h = zero_state(p, "encoder.gru", ending);
    for (std::size_t j = 0; j < x.size(); ++j) forward[j] = h = gru(p, "encoder.gru", x[j], h, ending);
    h = zero_state(p, "encoder.gru", ending + "_reverse");
    for (std::size_t j = x.size(); j-- > 0;) reverse[j] = h = gru(p, "encoder.gru", x[j], h, ending + "_reverse");
    last[layer] = forward.back();
    first[layer] = reverse.front();
    out.states.clear();
    for (std::size_t j = 0; j < x.size(); ++j) {
      out.states.push_back(half_sum(forward[j], reverse[j]));
      x[j] = joined({forward[j], reverse[j]});
    }
  }
  out.summary = switches.released_states
                    ? std::array<Vector, 2>{half_sum(last[0], last[1]), half_sum(first[0], first[1])}
                    : std::array<Vector, 2>{half_sum(last[0], first[0]), half_sum(last[1], first[1])};
  out.emotion_logits = emphi_head(p, "emotion", out.summary[1]);
  out.intent_logits = emphi_head(p, "intent", out.summary[1]);
  if (!switches.implicit) return out;
  const Vector share = softmax(out.emotion_logits);
  out.emotion.assign(out.summary[1].size(), 0.0);
  for (std::size_t k = 0; k < share.size(); ++k) {
    const Vector a = row(p.at("emotion.embedding.weight"), static_cast<int>(k));
    for (std::size_t i = 0; i < a.size(); ++i) out.emotion[i] += share[k] * a[i];
  }
  return out;
}

struct EmphiReply {
  Vector log_probability;  ///< of every target
  Vector copy;             ///< τ of every target
};

/// The reply, teacher-forced, by intent z. `reply` has ids below V.
inline EmphiReply emphi_reply(const Parameters& p, const EmphiSwitches& switches, const EmphiRead& read,
                              const std::vector<int>& reply, int z, const std::vector<int>& keywords) {
  EmphiReply out;
  std::array<Vector, 2> s = read.summary;
  int previous = start;
  for (const int target : reply) {
    const Vector y = embedded(p, previous);
    Vector energies, context(y.size(), 0.0);
    for (const Vector& h : read.states) energies.push_back(dot(h, s[1]));
    const Vector attention = softmax(energies);
    for (std::size_t j = 0; j < attention.size(); ++j)
      for (std::size_t i = 0; i < context.size(); ++i) context[i] += attention[j] * read.states[j][i];
    Vector x = joined({y, context});
    if (switches.implicit) {
      const Vector f = joined({s[1], y, context});
      const auto through = [&](const std::string& gate, Vector v) {
        if (!switches.gates) return v;
        const Vector g = product(p.at("decoder." + gate + ".weight"), f);
        for (std::size_t i = 0; i < v.size(); ++i) v[i] *= sigmoid(g[i]);
        return v;
      };
      x = joined(
          {x, through("emotion_gate", read.emotion), through("intent_gate", row(p.at("intent.embedding.weight"), z))});
    }
    s[0] = gru(p, "decoder.gru", x, s[0], "_l0");
    s[1] = gru(p, "decoder.gru", s[0], s[1], "_l1");
    double probability = softmax(product(p.at("embedding.weight"), s[1]))[static_cast<std::size_t>(target)];
    if (switches.copying) {
      Vector scores;
      for (const int word : keywords) scores.push_back(dot(embedded(p, word), s[1]));
      const Vector share = softmax(scores);
      double copied = 0;
      for (std::size_t m = 0; m < keywords.size(); ++m)
        if (keywords[m] == target) copied += share[m];
      const double tau = sigmoid(product(p.at("decoder.copy_gate.weight"), s[1]).front());
      probability = (1 - tau) * probability + tau * copied;
      out.copy.push_back(tau);
    }
    out.log_probability.push_back(std::log(probability));
    previous = target;
  }
  return out;
}

}  // namespace ethreed::reference
