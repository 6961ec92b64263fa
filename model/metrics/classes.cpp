#include "model/metrics/classes.h"

#include "core/error.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace ethreed {

namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

std::vector<std::int32_t> copy(Indices labels) { return {labels.begin(), labels.end()}; }

void check_labels(Indices labels, int classes) {
  for (const std::int32_t label : labels)
    ETHREED_CHECK(label < classes, "class_shares: label {}, wanted 0 to {}", label, classes - 1);
}

std::int64_t sum_of(std::span<const std::int64_t> counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

// Zeros without any.
std::vector<double> shares_of(std::span<const std::int64_t> counts) {
  const auto rows = static_cast<double>(sum_of(counts));
  std::vector<double> shares;
  for (const std::int64_t count : counts) shares.push_back(rows > 0 ? static_cast<double>(count) / rows : 0);
  return shares;
}

}  // namespace

double class_agreement(Indices a, Indices b) {
  ETHREED_CHECK(a.size() == b.size(), "class_agreement: {} and {} labels, wanted as many", a.size(), b.size());
  std::int64_t rows = 0, same = 0;
  for (int i = 0; i < a.size(); ++i) {
    if (a[i] < 0 || b[i] < 0) continue;
    ++rows;
    same += a[i] == b[i];
  }
  return rows == 0 ? absent : static_cast<double>(same) / static_cast<double>(rows);
}

std::vector<double> class_shares(Indices labels, int classes) {
  check_labels(labels, classes);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(classes), 0);
  for (const std::int32_t label : labels)
    if (label >= 0) ++counts[static_cast<std::size_t>(label)];
  return shares_of(counts);
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

GroupFigure jensen_shannon_figure(Indices a, Indices b, int classes, Indices group_of) {
  ETHREED_CHECK(a.size() == group_of.size() && b.size() == group_of.size(),
                "jensen_shannon_figure: {} and {} labels of {} rows, wanted as many", a.size(), b.size(),
                group_of.size());
  check_labels(a, classes);
  check_labels(b, classes);
  return [a = copy(a), b = copy(b), groups = copy(group_of), classes](GroupWeights weights) {
    std::vector<std::int64_t> of_a(static_cast<std::size_t>(classes), 0), of_b(of_a);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::int32_t weight = weights[static_cast<std::size_t>(groups[i])];
      if (a[i] >= 0) of_a[static_cast<std::size_t>(a[i])] += weight;
      if (b[i] >= 0) of_b[static_cast<std::size_t>(b[i])] += weight;
    }
    const bool labelled = sum_of(of_a) > 0 && sum_of(of_b) > 0;
    return labelled ? jensen_shannon(shares_of(of_a), shares_of(of_b)) : absent;
  };
}

namespace {

// How often each emotion has each intent: [emotions × intents].
struct IntentCounts {
  std::vector<std::int64_t> human, model;
};

IntentDivergence divergence_of(const IntentCounts& counts, int emotions, int intents) {
  IntentDivergence result;
  double sum = 0;
  for (int e = 0; e < emotions; ++e) {
    const auto row = [&](const std::vector<std::int64_t>& all) {
      return std::span(all).subspan(static_cast<std::size_t>(e) * static_cast<std::size_t>(intents),
                                    static_cast<std::size_t>(intents));
    };
    if (sum_of(row(counts.human)) == 0) continue;
    const std::vector<double> h = shares_of(row(counts.human)), m = shares_of(row(counts.model));
    ++result.emotions;
    sum += smoothed_divergence(h, m);
    for (std::size_t k = 0; k < h.size(); ++k) result.zero_cells += h[k] > 0 && m[k] == 0;
  }
  result.mean = result.emotions == 0 ? absent : sum / result.emotions;
  return result;
}

}  // namespace

std::function<IntentDivergence(GroupWeights)> intent_divergence_of_draw(Indices emotion, Indices human_intent,
                                                                        Indices model_intent, int emotions, int intents,
                                                                        Indices group_of) {
  ETHREED_CHECK(emotion.size() == human_intent.size() && emotion.size() == model_intent.size() &&
                    emotion.size() == group_of.size(),
                "intent_divergence: {} emotions, {} and {} intents of {} rows, wanted as many", emotion.size(),
                human_intent.size(), model_intent.size(), group_of.size());
  check_labels(emotion, emotions);
  check_labels(human_intent, intents);
  check_labels(model_intent, intents);
  return [emotion = copy(emotion), human = copy(human_intent), model = copy(model_intent), groups = copy(group_of),
          emotions, intents](GroupWeights weights) {
    IntentCounts counts;
    counts.human.resize(static_cast<std::size_t>(emotions) * static_cast<std::size_t>(intents), 0);
    counts.model = counts.human;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (emotion[i] < 0 || human[i] < 0 || model[i] < 0) continue;
      const std::int32_t weight = weights[static_cast<std::size_t>(groups[i])];
      const std::size_t row = static_cast<std::size_t>(emotion[i]) * static_cast<std::size_t>(intents);
      counts.human[row + static_cast<std::size_t>(human[i])] += weight;
      counts.model[row + static_cast<std::size_t>(model[i])] += weight;
    }
    return divergence_of(counts, emotions, intents);
  };
}

IntentDivergence intent_divergence(Indices emotion, Indices human_intent, Indices model_intent, int emotions,
                                   int intents) {
  const std::vector<std::int32_t> one_group(static_cast<std::size_t>(emotion.size()), 0), once{1};
  return intent_divergence_of_draw(emotion, human_intent, model_intent, emotions, intents, one_group)(once);
}

}  // namespace ethreed
