#pragma once
// The textbook of KEMP: plain loops over double, one reply at a time, nothing shared with the engine.

#include "model/interface/context_textbook.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace ethreed::reference {

struct KempSwitches {
  int layers = 1, heads = 1, most = 1000, per_word = 1, total = 10;
  bool knowledge = false, strict = false, graph = true, fusion = true, copy = true;
  double smoothing = 0.1, weight_attention = 0.1;
};

/// A word of a context or a concept: what is read there, and how intense it is.
struct Column {
  Vector x;
  double intensity = 0;
  int word = -1;  ///< as it was said; −1: CLS or SEP
};
struct Concept {
  int owner = 0, word = 0;
  double intensity = 0;
};

inline Vector scaled(Vector x) {
  for (double& v : x) v *= std::sqrt(static_cast<double>(x.size()));
  return x;
}

struct KempColumns {
  std::vector<Column> words;      ///< CLS first
  std::vector<Concept> concepts;  ///< those that stay, in the order of their words
  std::vector<Column> behind;     ///< SEP and the concepts
};

inline KempColumns read_columns(const Parameters& p, const KempSwitches& s, const History& history) {
  const Parameter& marks = p.at("marks.weight");
  constexpr int cls = 0, user = 1, system = 2, knowledge = 3, separator = 4, end = 3;
  struct Said {
    int word = 0, state = 0;
  };
  std::vector<Said> said;
  for (std::size_t u = 0; u < history.size(); ++u)
    for (const int word : history[u])
      if (word != end) said.push_back({word, u % 2 == 0 ? user : system});
  if (said.size() + 1 > static_cast<std::size_t>(s.most)) said.erase(said.begin(), said.end() - (s.most - 1));
  KempColumns out;
  out.words.push_back({scaled(sum_of(row(marks, cls), row(marks, cls))), 0});
  std::vector<Concept> all;
  for (const Said& one : said) {
    out.words.push_back({scaled(sum_of(embedded(p, one.word), row(marks, one.state))), 0, one.word});
    if (!s.knowledge) continue;
    const Vector known =
        row(p.at("knowledge.words"), one.word < p.at("embedding.weight").shape[0] ? one.word : unknown);
    out.words.back().intensity = known[0];
    for (int k = 0; k < s.per_word; ++k)
      if (const auto id = static_cast<int>(known[static_cast<std::size_t>(1 + 2 * k)]); id >= 0)
        all.push_back({static_cast<int>(out.words.size()) - 1, id, known[static_cast<std::size_t>(2 + 2 * k)]});
  }
  if (!s.graph) return out;
  for (std::size_t c = 0; c < all.size(); ++c) {
    int before = 0;  // how many are more intense, or as intense and earlier
    for (std::size_t other = 0; other < all.size(); ++other)
      before += all[other].intensity > all[c].intensity || (all[other].intensity == all[c].intensity && other < c);
    if (before < s.total) out.concepts.push_back(all[c]);
  }
  out.behind.push_back({scaled(sum_of(row(marks, separator), row(marks, knowledge))), 0});
  for (const Concept& one : out.concepts)
    out.behind.push_back({scaled(sum_of(embedded(p, one.word), row(marks, knowledge))), one.intensity, one.word});
  return out;
}

/// t'
inline Rows see_graph(const Parameters& p, const KempSwitches& s, const KempColumns& columns) {
  Rows x;
  for (const Column& one : columns.words) x.push_back(one.x);
  for (const Column& one : columns.behind) x.push_back(one.x);
  const std::size_t words = columns.words.size();
  Rows seen;
  for (std::size_t i = 0; i < words; ++i) {
    const Vector query = affine(p, "graph.query", x[i]);
    std::vector<std::size_t> looked_at;
    Vector logits;
    for (std::size_t j = 0; j < x.size(); ++j) {
      bool edge = j == 0;
      if (j > 0 && j < words) edge = i == 0 || j + 1 == i;
      if (j > words) edge = i == 0 || columns.concepts[j - words - 1].owner == static_cast<int>(i);
      if (!edge && s.strict) continue;
      looked_at.push_back(j);
      const Vector key = s.strict ? product(p.at("graph.keys.weight"), x[j]) : affine(p, "graph.keys", x[j]);
      logits.push_back(edge ? dot(query, key) : 0.0);
    }
    const Vector alpha = softmax(logits);
    Vector mixed(x[i].size(), 0.0);
    for (std::size_t k = 0; k < looked_at.size(); ++k) {
      const Vector value = affine(p, "graph.values", x[looked_at[k]]);
      for (std::size_t d = 0; d < mixed.size(); ++d) mixed[d] += alpha[k] * value[d];
    }
    seen.push_back(unbiased_norm(p, "graph.norm", sum_of(x[i], affine(p, "graph.output", mixed))));
  }
  return seen;
}

struct KempReading {
  Rows states;
  Vector weights;  ///< ω
  Vector signal, logits, start;
  std::vector<int> copied;  ///< the word of each position as it was said, −1 for none
  int concepts = 0;
};

inline KempReading read_kemp_context(const Parameters& p, const KempSwitches& s, const History& history) {
  const KempColumns columns = read_columns(p, s, history);
  KempReading out{.concepts = static_cast<int>(columns.concepts.size())};
  Rows x;
  Vector intensities;
  for (const Column& one : columns.words) x.push_back(one.x);
  if (s.graph) x = see_graph(p, s, columns);
  for (const Column& one : columns.behind) x.push_back(one.x);
  for (const std::vector<Column>* part : {&columns.words, &columns.behind})
    for (const Column& one : *part) {
      intensities.push_back(one.intensity);
      out.copied.push_back(one.word);
    }
  out.states = transformer_encoder(p, "context", s.layers, s.heads, x);
  out.weights = softmax(intensities);
  out.signal.assign(out.states.front().size(), 0.0);
  for (std::size_t j = 0; j < out.states.size(); ++j)
    for (std::size_t d = 0; d < out.signal.size(); ++d) out.signal[d] += out.weights[j] * out.states[j][d];
  out.logits = product(p.at("classifier.weight"), out.signal);
  out.start = affine(p, "start", out.logits);
  return out;
}

/// The loss and −log P of every word, of a mixture with what is copied.
inline SaidReply said_by_copying(const Parameters& p, const KempReading& read, const Rows& states,
                                 const Rows& attention, const std::vector<int>& reply, double smoothing) {
  Rows weights;
  for (const Vector& a : attention) weights.push_back(softmax(a));
  return said_by_copying(p, read.copied, states, weights, reply, smoothing);
}

struct KempStates {
  Rows states;     ///< O of every word of a reply
  Rows attention;  ///< a [words][positions]
};

inline KempStates kemp_states(const Parameters& p, const KempSwitches& s, const KempReading& read,
                              const std::vector<int>& reply) {
  Rows inputs = decoder_inputs(p, reply);
  inputs.front() = read.start;
  Rows rows = placed(p, "decoder", inputs);
  Rows logits;
  for (int l = 0; l < s.layers; ++l) {
    const std::string layer = "decoder.layers." + std::to_string(l);
    const Rows normed = unbiased_norm(p, layer + ".norm_self", rows);
    rows = sum_of(rows, multi_head(p, layer + ".self", s.heads, normed, normed, true).output);
    Attended looked =
        multi_head(p, layer + ".source", s.heads, unbiased_norm(p, layer + ".norm_source", rows), read.states, false);
    if (s.fusion)
      for (Vector& o : looked.output)
        o = product(p.at("decoder.fusion." + std::to_string(l) + ".weight"), joined({o, read.signal}));
    rows = sum_of(rows, looked.output);
    rows = sum_of(rows,
                  convolutions(p, layer + ".feed_forward", unbiased_norm(p, layer + ".norm_feed_forward", rows), true));
    logits = looked.mean_logits;
  }
  KempStates out{.states = unbiased_norm(p, "decoder.norm", rows)};
  for (const Vector& of_token : logits) out.attention.push_back(softmax(of_token));
  return out;
}

struct KempSaid {
  SaidReply reply;
  double attention = 0;  ///< mean over the source of (ā − ω)²
};

inline KempSaid say(const Parameters& p, const KempSwitches& s, const KempReading& read,
                    const std::vector<int>& reply) {
  const auto [states, attention] = kemp_states(p, s, read, reply);
  KempSaid out{.reply = s.copy ? said_by_copying(p, read, states, attention, reply, s.smoothing)
                               : said(p, states, reply, s.smoothing)};
  const std::size_t columns = read.states.size();
  Vector mean(columns, 0.0);
  for (const Vector& a : attention)
    for (std::size_t j = 0; j < columns; ++j) mean[j] += a[j] / static_cast<double>(attention.size());
  for (std::size_t j = 0; j < columns; ++j)
    out.attention += std::pow(mean[j] - read.weights[j], 2) / static_cast<double>(columns);
  return out;
}

}  // namespace ethreed::reference
