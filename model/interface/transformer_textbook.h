#pragma once
// The textbook of the transformer blocks: plain loops over double, one sequence at a time, nothing of the engine. Only
// cases and tests include it.

#include "model/interface/textbook.h"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace ethreed::reference {

using Rows = std::vector<Vector>;

inline Vector sum_of(Vector a, const Vector& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}
inline Rows sum_of(Rows a, const Rows& b) {
  for (std::size_t t = 0; t < a.size(); ++t) a[t] = sum_of(a[t], b[t]);
  return a;
}

/// sin(t ω_i), then cos(t ω_i), ω_i = 10000^{−i/(width/2 − 1)}.
inline Vector timing(int t, int width) {
  Vector signal(static_cast<std::size_t>(width));
  const int half = width / 2;
  for (int i = 0; i < half; ++i) {
    const double angle = t * std::pow(10000.0, -static_cast<double>(i) / (half - 1));
    signal[static_cast<std::size_t>(i)] = std::sin(angle);
    signal[static_cast<std::size_t>(half + i)] = std::cos(angle);
  }
  return signal;
}

/// γ ⊙ c/(s + 1e-6) + β, c = x − mean, s = √(Σ c²/(d − 1)).
inline Vector unbiased_norm(const Parameters& p, const std::string& norm, const Vector& x) {
  double mean = 0, squares = 0;
  for (const double v : x) mean += v / static_cast<double>(x.size());
  for (const double v : x) squares += (v - mean) * (v - mean);
  const double deviation = std::sqrt(squares / (static_cast<double>(x.size()) - 1));
  Vector y;
  for (std::size_t i = 0; i < x.size(); ++i)
    y.push_back(p.at(norm + ".gamma").values[i] * (x[i] - mean) / (deviation + 1e-6) + p.at(norm + ".beta").values[i]);
  return y;
}
inline Rows unbiased_norm(const Parameters& p, const std::string& norm, const Rows& x) {
  Rows y;
  for (const Vector& row : x) y.push_back(unbiased_norm(p, norm, row));
  return y;
}

struct Attended {
  Rows output;
  Rows mean_logits;   ///< over heads, [queries][keys]; 0 where nothing is seen
  Rows mean_weights;  ///< likewise
};

/// Every query looks at all rows of `source`, causal at those up to its own place.
inline Attended multi_head(const Parameters& p, const std::string& layer, int heads, const Rows& queries,
                           const Rows& source, bool causal) {
  Attended out;
  const int width = p.at(layer + ".query").shape[0] / heads;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const Vector query = product(p.at(layer + ".query"), queries[i]);
    const std::size_t seen = causal ? i + 1 : source.size();
    Vector joined, logits(source.size(), 0.0), weights(source.size(), 0.0);
    for (int h = 0; h < heads; ++h) {
      Vector logit;
      for (std::size_t j = 0; j < seen; ++j) {
        const Vector key = product(p.at(layer + ".keys"), source[j]);
        double sum = 0;
        for (int k = h * width; k < (h + 1) * width; ++k)
          sum += query[static_cast<std::size_t>(k)] * key[static_cast<std::size_t>(k)];
        logit.push_back(sum / std::sqrt(static_cast<double>(width)));
      }
      const Vector weight = softmax(logit);
      Vector context(static_cast<std::size_t>(width), 0.0);
      for (std::size_t j = 0; j < seen; ++j) {
        const Vector value = product(p.at(layer + ".values"), source[j]);
        for (int k = 0; k < width; ++k)
          context[static_cast<std::size_t>(k)] += weight[j] * value[static_cast<std::size_t>(h * width + k)];
        logits[j] += logit[j] / heads;
        weights[j] += weight[j] / heads;
      }
      joined.insert(joined.end(), context.begin(), context.end());
    }
    out.output.push_back(product(p.at(layer + ".output"), joined));
    out.mean_logits.push_back(logits);
    out.mean_weights.push_back(weights);
  }
  return out;
}

/// relu(b + Σ_k W_k x[t + k − left]), zeros outside.
inline Rows convolution_relu(const Parameters& p, const std::string& layer, const Rows& x, int left) {
  const Parameter& w = p.at(layer + ".weight");
  const int in = static_cast<int>(x.front().size()), kernel = w.shape[1] / in, n = static_cast<int>(x.size());
  Rows y;
  for (int t = 0; t < n; ++t) {
    Vector window;
    for (int k = 0; k < kernel; ++k) {
      const int place = t + k - left;
      const Vector outside(static_cast<std::size_t>(in), 0.0);
      const Vector& row = place >= 0 && place < n ? x[static_cast<std::size_t>(place)] : outside;
      window.insert(window.end(), row.begin(), row.end());
    }
    Vector row = affine(p, layer, window);
    for (double& v : row) v = v > 0 ? v : 0;
    y.push_back(row);
  }
  return y;
}

inline Rows convolutions(const Parameters& p, const std::string& layer, const Rows& x, bool causal) {
  const int left = causal ? 2 : 1;
  return convolution_relu(p, layer + ".outer", convolution_relu(p, layer + ".inner", x, left), left);
}

/// P x + timing.
inline Rows placed(const Parameters& p, const std::string& name, const Rows& x) {
  Rows rows;
  for (const Vector& row : x) {
    const Vector projected = product(p.at(name + ".projection.weight"), row);
    rows.push_back(sum_of(projected, timing(static_cast<int>(rows.size()), static_cast<int>(projected.size()))));
  }
  return rows;
}

inline Rows transformer_encoder(const Parameters& p, const std::string& name, int layers, int heads, const Rows& x) {
  Rows rows = placed(p, name, x);
  for (int l = 0; l < layers; ++l) {
    const std::string layer = name + ".layers." + std::to_string(l);
    const Rows normed = unbiased_norm(p, layer + ".norm_self", rows);
    rows = sum_of(rows, multi_head(p, layer + ".self", heads, normed, normed, false).output);
    rows = sum_of(
        rows, convolutions(p, layer + ".feed_forward", unbiased_norm(p, layer + ".norm_feed_forward", rows), false));
  }
  return unbiased_norm(p, name + ".norm", rows);
}

/// `output` is the rows, the means are those of the attention to the source.
inline Attended decoder_layer(const Parameters& p, const std::string& layer, int heads, Rows rows, const Rows& source) {
  const Rows normed = unbiased_norm(p, layer + ".norm_self", rows);
  rows = sum_of(rows, multi_head(p, layer + ".self", heads, normed, normed, true).output);
  Attended out = multi_head(p, layer + ".source", heads, unbiased_norm(p, layer + ".norm_source", rows), source, false);
  rows = sum_of(rows, out.output);
  out.output = sum_of(
      rows, convolutions(p, layer + ".feed_forward", unbiased_norm(p, layer + ".norm_feed_forward", rows), true));
  return out;
}

/// `output` is the states, the means are those of the last layer's attention to the source.
inline Attended transformer_decoder(const Parameters& p, const std::string& name, int layers, int heads, const Rows& x,
                                    const Rows& source) {
  Attended out{.output = placed(p, name, x)};
  for (int l = 0; l < layers; ++l)
    out = decoder_layer(p, name + ".layers." + std::to_string(l), heads, out.output, source);
  out.output = unbiased_norm(p, name + ".norm", out.output);
  return out;
}

}  // namespace ethreed::reference
