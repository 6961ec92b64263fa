#include "model/metrics/classes.h"

#include "core/error.h"

#include <cmath>
#include <limits>

namespace ethreed {

double class_agreement(Indices a, Indices b) {
  ETHREED_CHECK(a.size() == b.size(), "class_agreement: {} and {} labels, wanted as many", a.size(), b.size());
  std::int64_t rows = 0, same = 0;
  for (int i = 0; i < a.size(); ++i) {
    if (a[i] < 0 || b[i] < 0) continue;
    ++rows;
    same += a[i] == b[i];
  }
  return rows == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(same) / static_cast<double>(rows);
}

std::vector<double> class_shares(Indices labels, int classes) {
  std::vector<double> shares(static_cast<std::size_t>(classes), 0);
  double rows = 0;
  for (const std::int32_t label : labels) {
    ETHREED_CHECK(label < classes, "class_shares: label {}, wanted 0 to {}", label, classes - 1);
    if (label < 0) continue;
    ++shares[static_cast<std::size_t>(label)];
    ++rows;
  }
  for (double& share : shares) share = rows > 0 ? share / rows : 0;
  return shares;
}

double jensen_shannon(std::span<const double> p, std::span<const double> q) {
  ETHREED_CHECK(p.size() == q.size(), "jensen_shannon: {} and {} classes, wanted as many", p.size(), q.size());
  double sum = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    const double mean = (p[k] + q[k]) / 2;
    if (p[k] > 0) sum += p[k] * std::log(p[k] / mean) / 2;
    if (q[k] > 0) sum += q[k] * std::log(q[k] / mean) / 2;
  }
  return sum;
}

double smoothed_divergence(std::span<const double> human, std::span<const double> model) {
  ETHREED_CHECK(human.size() == model.size(), "smoothed_divergence: {} and {} classes, wanted as many", human.size(),
                model.size());
  constexpr double least = 1e-10;
  double sum = 0;
  for (std::size_t k = 0; k < human.size(); ++k) sum += human[k] * std::log((human[k] + least) / (model[k] + least));
  return sum;
}

IntentDivergence intent_divergence(Indices emotion, Indices human_intent, Indices model_intent, int emotions,
                                   int intents) {
  ETHREED_CHECK(emotion.size() == human_intent.size() && emotion.size() == model_intent.size(),
                "intent_divergence: {} emotions, {} and {} intents, wanted as many", emotion.size(),
                human_intent.size(), model_intent.size());
  IntentDivergence result;
  double sum = 0;
  for (int e = 0; e < emotions; ++e) {
    std::vector<std::int32_t> human, model;
    for (int i = 0; i < emotion.size(); ++i) {
      if (emotion[i] != e || human_intent[i] < 0 || model_intent[i] < 0) continue;
      human.push_back(human_intent[i]);
      model.push_back(model_intent[i]);
    }
    if (human.empty()) continue;
    const std::vector<double> h = class_shares(human, intents), m = class_shares(model, intents);
    ++result.emotions;
    sum += smoothed_divergence(h, m);
    for (std::size_t k = 0; k < h.size(); ++k) result.zero_cells += h[k] > 0 && m[k] == 0;
  }
  result.mean = result.emotions == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / result.emotions;
  return result;
}

}  // namespace ethreed
