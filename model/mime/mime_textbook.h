#pragma once
// The textbook of MIME: plain loops over double, one reply at a time, nothing shared with the engine.

#include "model/interface/transformer_textbook.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace ethreed::reference {

struct MimeSwitches {
  std::string groups;  ///< '+' or '-' for each emotion
  int layers = 1, heads = 1, most = 1000;
  bool posterior_sample = false, shared_log_variance = false, one_encoder = false;
  double smoothing = 0.1;
};

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

struct MimeNormal {
  Vector mean, log_variance;
};
using MimeNormals = std::array<MimeNormal, 2>;  // of + and of −
using MimeNoises = std::array<Vector, 2>;       // r of each; empty: the mean

inline Vector rectified(Vector x) {
  for (double& v : x) v = std::max(v, 0.0);
  return x;
}

inline constexpr std::array<const char*, 2> group_names{"positive", "negative"};

inline MimeNormals normals(const Parameters& p, const std::string& whose, bool shared,
                           const std::array<Vector, 2>& hidden) {
  MimeNormals out;
  for (std::size_t g = 0; g < 2; ++g) {
    const std::string name = whose + "." + group_names[g];
    out[g].mean = affine(p, name + "_mean", hidden[g]);
    out[g].log_variance = g == 1 && shared ? out[0].log_variance : affine(p, name + "_log_variance", hidden[g]);
  }
  return out;
}

/// e_+ and e_−.
inline std::array<Vector, 2> emotions_of(const Parameters& p, const std::string& groups, const MimeNormals& normals,
                                         const MimeNoises& noise) {
  std::array<Vector, 2> out;
  for (std::size_t g = 0; g < 2; ++g) {
    Vector z = normals[g].mean;
    for (std::size_t i = 0; i < noise[g].size(); ++i) z[i] += std::exp(normals[g].log_variance[i] / 2) * noise[g][i];
    const Vector d = softmax(affine(p, std::string("choice.") + group_names[g], z));
    out[g].assign(z.size(), 0.0);
    std::size_t member = 0;
    for (std::size_t k = 0; k < groups.size(); ++k) {
      if (groups[k] != (g == 0 ? '+' : '-')) continue;
      const Vector emotion = row(p.at("emotions.weight"), static_cast<int>(k));
      for (std::size_t i = 0; i < emotion.size(); ++i) out[g][i] += d[member] * emotion[i];
      ++member;
    }
  }
  return out;
}

struct MimeContextReading {
  Rows states;
  Vector logits;
  MimeNormals prior;
};

inline MimeContextReading read_mime_context(const Parameters& p, const MimeSwitches& s, const History& history) {
  MimeContextReading out;
  out.states = transformer_encoder(p, "context", s.layers, s.heads, marked_context(p, history, s.most));
  const Vector& first = out.states.front();
  out.logits = product(p.at("emotions.weight"), product(p.at("classifier.weight"), first));
  const Vector hidden = rectified(affine(p, "prior.hidden", first));
  out.prior = normals(p, "prior", s.shared_log_variance, {hidden, hidden});
  return out;
}

/// M and M̃.
inline std::array<Rows, 2> mimicry_of(const Parameters& p, const MimeSwitches& s, const Rows& states,
                                      const std::array<Vector, 2>& emotions, bool positive) {
  std::array<Rows, 2> out;
  for (std::size_t which = 0; which < 2; ++which) {
    const Vector& emotion = emotions[which == 0 ? (positive ? 0 : 1) : (positive ? 1 : 0)];
    Rows x;
    for (const Vector& h : states) x.push_back(joined({h, emotion}));
    out[which] =
        transformer_encoder(p, which == 0 || s.one_encoder ? "mimicry" : "other_mimicry", s.layers, s.heads, x);
  }
  return out;
}

inline MimeNormals posterior_of(const Parameters& p, const MimeSwitches& s, const Vector& first,
                                const std::array<Rows, 2>& mimicry, bool positive) {
  std::array<Vector, 2> hidden;
  for (std::size_t g = 0; g < 2; ++g) {
    const Rows& built = mimicry[(g == 0) == positive ? 0 : 1];  // the one that was built from e_g
    Vector mean(first.size(), 0.0);
    for (const Vector& x : built)
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += x[i] / static_cast<double>(built.size());
    hidden[g] = rectified(affine(p, std::string("posterior.") + group_names[g] + "_hidden", joined({first, mean})));
  }
  return normals(p, "posterior", s.shared_log_variance, hidden);
}

inline double divergence(const MimeNormal& q, const MimeNormal& p) {
  double sum = 0;
  for (std::size_t i = 0; i < q.mean.size(); ++i)
    sum += (p.log_variance[i] - q.log_variance[i] +
            (std::exp(q.log_variance[i]) + std::pow(q.mean[i] - p.mean[i], 2)) / std::exp(p.log_variance[i]) - 1) /
           2;
  return sum;
}

struct SaidReply {
  double loss = 0;  ///< Σ p* (log p* − log P)
  Vector nll;       ///< of every word
};

inline SaidReply say(const Parameters& p, const MimeSwitches& s, const std::array<Rows, 2>& mimicry,
                     const std::vector<int>& reply) {
  Rows source;
  for (std::size_t t = 0; t < mimicry[0].size(); ++t) {
    Vector both = joined({mimicry[0][t], mimicry[1][t]});
    const Vector gate = affine(p, "fusion.gate", both);
    for (std::size_t i = 0; i < both.size(); ++i) both[i] *= sigmoid(gate[i]);
    source.push_back(affine(p, "fusion.output", both));
  }
  const int vocabulary = p.at("embedding.weight").shape[0];
  const auto known = [&](int word) { return word < vocabulary ? word : unknown; };
  Rows inputs;
  for (std::size_t i = 0; i < reply.size(); ++i) {
    Vector y = embedded(p, i == 0 ? start : known(reply[i - 1]));
    for (double& v : y) v *= std::sqrt(static_cast<double>(y.size()));
    inputs.push_back(y);
  }
  SaidReply out;
  const Rows states = transformer_decoder(p, "decoder", s.layers, s.heads, inputs, source).output;
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const Vector said = softmax(affine(p, "output", states[i]));
    const int target = known(reply[i]);
    out.nll.push_back(-std::log(said[static_cast<std::size_t>(target)]));
    for (int v = 1; v < vocabulary; ++v) {  // all but the pad
      const double wanted = v == target ? 1 - s.smoothing : s.smoothing / (vocabulary - 2);
      if (wanted > 0) out.loss += wanted * (std::log(wanted) - std::log(said[static_cast<std::size_t>(v)]));
    }
  }
  return out;
}

}  // namespace ethreed::reference
