#pragma once
// What the textbooks of models share: plain loops over double, nothing of the engine. Slow on purpose; probabilities
// are probabilities. Only cases and tests include it.

#include "model/interface/model_cases.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace ethreed::reference {

using Vector = std::vector<double>;

/// A parameter of the interchange format: row-major [out, in], [n] or [V, D].
struct Parameter {
  std::vector<int> shape;
  Vector values;
};
using Parameters = std::map<std::string, Parameter>;

inline Parameters parameters_of(const TextbookParameters& parameters) {
  Parameters out;
  for (const auto& [name, array] : parameters) {
    Parameter& parameter = out[name];
    for (const std::int64_t size : array.shape) parameter.shape.push_back(static_cast<int>(size));
    parameter.values = array.values;
  }
  return out;
}

constexpr int unknown = 1, start = 2;

// --- arithmetic ------------------------------------------------------------------------------------------------------

inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

inline double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

inline Vector joined(std::initializer_list<Vector> parts) {
  Vector all;
  for (const Vector& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

inline Vector row(const Parameter& matrix, int i) {
  const auto width = static_cast<std::ptrdiff_t>(matrix.shape[1]);
  return {matrix.values.begin() + i * width, matrix.values.begin() + (i + 1) * width};
}

/// W x
inline Vector product(const Parameter& w, const Vector& x) {
  Vector y;
  for (int i = 0; i < w.shape[0]; ++i) y.push_back(dot(row(w, i), x));
  return y;
}

/// xᵀ W y
inline double bilinear(const Vector& x, const Parameter& w, const Vector& y) { return dot(x, product(w, y)); }

/// W x + b of a linear layer.
inline Vector affine(const Parameters& p, const std::string& layer, const Vector& x) {
  Vector y = product(p.at(layer + ".weight"), x);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += p.at(layer + ".bias").values[i];
  return y;
}

inline Vector tanh_of(Vector x) {
  for (double& value : x) value = std::tanh(value);
  return x;
}

inline Vector softmax(Vector x) {
  const double most = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (double& value : x) sum += value = std::exp(value - most);
  for (double& value : x) value /= sum;
  return x;
}

/// d(x): the dropped value is the one carried on.
inline Vector dropped(Vector x, const Vector& multipliers) {
  for (std::size_t i = 0; i < multipliers.size(); ++i) x[i] *= multipliers[i];
  return x;
}

/// One step of a GRU (section 1): the reset gate acts after the recurrent product; gate order r, z, n; two biases a
/// gate.
inline Vector gru(const Parameters& p, const std::string& cell, const Vector& x, const Vector& h,
                  const std::string& ending = "") {
  const auto gates = [&](const std::string& side, const Vector& v) {
    Vector y = product(p.at(cell + ".weight_" + side + ending), v);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += p.at(cell + ".bias_" + side + ending).values[i];
    return y;
  };
  const Vector from_x = gates("ih", x), from_h = gates("hh", h);
  const std::size_t n = h.size();
  Vector next(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double reset = sigmoid(from_x[i] + from_h[i]);
    const double update = sigmoid(from_x[n + i] + from_h[n + i]);
    const double candidate = std::tanh(from_x[2 * n + i] + reset * from_h[2 * n + i]);
    next[i] = (1 - update) * candidate + update * h[i];
  }
  return next;
}

inline Vector zero_state(const Parameters& p, const std::string& cell, const std::string& ending = "") {
  return Vector(p.at(cell + ".weight_hh" + ending).shape[1], 0.0);
}

// --- bidirectional encoder of a text, over word vectors
// ------------------------------------------------------------------------------------

struct Utterance {
  std::vector<Vector> states;  ///< h_j = [→h_j ; ←h_j]
  Vector summary;              ///< u = [→h_len ; ←h_1]
};

inline Vector embedded(const Parameters& p, int word) {
  const Parameter& table = p.at("embedding.weight");
  return row(table, word < table.shape[0] ? word : unknown);
}

inline Utterance encode(const Parameters& p, const std::vector<int>& words) {
  const std::size_t length = words.size();
  std::vector<Vector> forward(length), backward(length);
  Vector h = zero_state(p, "encoder", "_l0");
  for (std::size_t j = 0; j < length; ++j) forward[j] = h = gru(p, "encoder", embedded(p, words[j]), h, "_l0");
  h = zero_state(p, "encoder", "_l0_reverse");
  for (std::size_t j = length; j-- > 0;) backward[j] = h = gru(p, "encoder", embedded(p, words[j]), h, "_l0_reverse");
  Utterance out;
  for (std::size_t j = 0; j < length; ++j) out.states.push_back(joined({forward[j], backward[j]}));
  out.summary = joined({forward.back(), backward.front()});
  return out;
}

inline double cross_entropy(const Vector& logits, int label) { return -std::log(softmax(logits)[label]); }

struct Mean {
  double sum = 0;
  int count = 0;
  void add(double value) {
    sum += value;
    ++count;
  }
  double value() const { return sum / count; }
};

/// The loss and the figures of a model that labels texts (model/interface/text_labels.h), from the logits of every
/// text. Where no text has a label there are no figures.
inline TextbookPass label_texts(std::span<const Example> texts, const std::vector<Vector>& logits) {
  Mean loss, right, among_five;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].label < 0) continue;
    const double own = logits[i][texts[i].label];
    const auto better = std::count_if(logits[i].begin(), logits[i].end(), [&](double x) { return x > own; });
    loss.add(cross_entropy(logits[i], texts[i].label));
    right.add(better == 0);
    among_five.add(better < 5);
  }
  if (loss.count == 0) return {.losses = {{"cross_entropy", 0.0}}};
  return {.losses = {{"cross_entropy", loss.value()}},
          .total = loss.value(),
          .figures = {{"accuracy", right.value()},
                      {"accuracy_top_5", among_five.value()},
                      {"cross_entropy", loss.value()},
                      {"texts", static_cast<double>(texts.size())},
                      {"labelled_texts", static_cast<double>(loss.count)}}};
}

}  // namespace ethreed::reference
