#include "autograd/check/gradient_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace ethreed {

namespace {

constexpr std::uint64_t stream_direction = 3000;
constexpr std::uint64_t stream_element = 4000;

// Derivatives smaller than this part of the largest one are compared in absolute terms.
constexpr double small = 1e-3;
// The relative error that has to be visible for an input to count as checked.
constexpr double least_visible = 1e-3;

double largest(std::span<const double> values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

}  // namespace

GradientComparison::GradientComparison(const Evaluate& evaluate, std::span<double> input, const CheckOptions& options,
                                       InputReport& row)
    : quotients_(evaluate, input, options.step), options_(options), row_(row) {}

void GradientComparison::full_jacobian(const Arrays<double>& jacobian) {
  double most = 0;
  for (const auto& gradient : jacobian) most = std::max(most, largest(gradient));
  const std::size_t elements = jacobian.empty() ? 0 : jacobian.front().size();
  std::vector<Comparison> best(jacobian.size());
  for (std::size_t i = 0; i < elements; ++i) {
    bool agree = false;
    std::fill(best.begin(), best.end(), Comparison{});
    for (int fineness = 0; fineness < DifferenceQuotients::finenesses && !agree; ++fineness) {
      quotients_.by_element(static_cast<std::int64_t>(i), fineness);
      agree = true;
      for (std::size_t o = 0; o < jacobian.size(); ++o) {
        const Comparison now = compare(jacobian[o][i], quotients_.slopes()[o], small * most, quotients_.noises()[o]);
        if (best[o].error < 0 || now.error < best[o].error) best[o] = now;
        agree = agree && best[o].agrees(options_.tolerance);
      }
    }
    for (std::size_t o = 0; o < jacobian.size(); ++o) {
      note_resolution(jacobian[o][i], quotients_.noises()[o]);
      best[o].index = static_cast<std::int64_t>(i);
      best[o].words = fmt::format("of output element {}", o);
      keep(worst_element_, best[o]);
    }
  }
  finish(most <= quotients_.residue());
}

void GradientComparison::projections(std::span<const double> gradient, std::span<const double> cotangent) {
  cotangent_ = cotangent;
  const double most = largest(gradient);
  if (gradient.empty()) {
    row_.detail = "no elements";
    return;
  }
  for (const std::int64_t i : sample(gradient)) keep(worst_element_, element(gradient, i, small * most));
  Array<double> t(gradient.begin(), gradient.end());
  for (int p = 0; p <= options_.random_projections; ++p) {
    // The first one goes along the gradient, where the derivative stands out most from the noise.
    if (p > 0) {
      t = uniform_values<double>(gradient.size(), options_.seed, stream_direction + static_cast<std::uint64_t>(p));
    } else if (most > 0 && std::isfinite(most)) {
      for (double& ti : t) ti /= most;
    }
    Comparison comparison = direction(gradient, t);
    comparison.words = p == 0 ? "projection on the gradient itself" : fmt::format("random projection {}", p);
    const bool agrees = comparison.agrees(options_.tolerance);
    keep(worst_projection_, std::move(comparison));
    if (!agrees && worst_element_.agrees(options_.tolerance)) keep(worst_element_, bisect(gradient, t, small * most));
  }
  const double length = std::sqrt(std::inner_product(cotangent.begin(), cotangent.end(), cotangent.begin(), 0.0));
  finish(most <= quotients_.residue() * std::max(1.0, length));
}

GradientComparison::Comparison GradientComparison::compare(double analytic, double numeric, double scale,
                                                           double noise) const {
  const double difference = std::abs(analytic - numeric);
  const double size = std::max({std::abs(analytic), std::abs(numeric), scale, noise / options_.tolerance});
  double error = difference == 0 ? 0 : difference / size;
  if (!std::isfinite(error)) error = std::numeric_limits<double>::infinity();
  return {-1, analytic, numeric, error, {}};
}

GradientComparison::Comparison GradientComparison::project(double analytic, double scale,
                                                           const std::function<void(int fineness)>& differentiate) {
  Comparison best;
  double noise = 0;
  for (int fineness = 0; fineness < DifferenceQuotients::finenesses; ++fineness) {
    differentiate(fineness);
    const std::span<const double> slopes = quotients_.slopes();
    const double numeric = std::inner_product(slopes.begin(), slopes.end(), cotangent_.begin(), 0.0);
    if (fineness == 0)
      noise = std::sqrt(std::inner_product(cotangent_.begin(), cotangent_.end(), quotients_.noises().begin(), 0.0,
                                           std::plus<>{}, [](double v, double n) { return v * n * v * n; }));
    const Comparison now = compare(analytic, numeric, scale, noise);
    if (best.error < 0 || now.error < best.error) best = now;
    if (best.agrees(options_.tolerance)) break;
  }
  note_resolution(analytic, noise);
  return best;
}

GradientComparison::Comparison GradientComparison::element(std::span<const double> gradient, std::int64_t i,
                                                           double scale) {
  Comparison comparison = project(gradient[i], scale, [&](int fineness) { quotients_.by_element(i, fineness); });
  comparison.index = i;
  comparison.words = "single element";
  return comparison;
}

GradientComparison::Comparison GradientComparison::direction(std::span<const double> gradient,
                                                             std::span<const double> t) {
  double sum = 0;
  double squares = 0;  // random terms cancel: their root of squares is the size to compare with
  for (std::size_t i = 0; i < t.size(); ++i) {
    sum += gradient[i] * t[i];
    squares += gradient[i] * t[i] * gradient[i] * t[i];
  }
  return project(sum, std::sqrt(squares), [&](int fineness) { quotients_.by_direction(t, fineness); });
}

GradientComparison::Comparison GradientComparison::bisect(std::span<const double> gradient, std::span<const double> t,
                                                          double scale) {
  std::size_t begin = 0;
  std::size_t end = t.size();
  std::vector<double> part(t.size());
  const auto difference = [&](std::size_t from, std::size_t to) {
    std::fill(part.begin(), part.end(), 0.0);
    std::copy(t.begin() + from, t.begin() + to, part.begin() + from);
    const Comparison comparison = direction(gradient, part);
    const double size = std::abs(comparison.analytic - comparison.numeric);
    return std::isfinite(size) ? size : std::numeric_limits<double>::infinity();
  };
  while (end - begin > 1) {
    const std::size_t middle = begin + (end - begin) / 2;
    if (difference(begin, middle) >= difference(middle, end))
      end = middle;
    else
      begin = middle;
  }
  return element(gradient, static_cast<std::int64_t>(begin), scale);
}

std::vector<std::int64_t> GradientComparison::sample(std::span<const double> gradient) const {
  const auto count = static_cast<std::int64_t>(gradient.size());
  std::vector<std::int64_t> order(gradient.size());
  std::iota(order.begin(), order.end(), 0);
  const auto wanted = std::min<std::int64_t>(count, options_.largest_elements);
  const auto size = [&](std::int64_t i) {
    const double g = std::abs(gradient[i]);
    return std::isfinite(g) ? g : std::numeric_limits<double>::infinity();  // NaN has no place in an order
  };
  std::partial_sort(order.begin(), order.begin() + wanted, order.end(),
                    [&](std::int64_t a, std::int64_t b) { return size(a) > size(b); });
  order.resize(wanted);
  const PhiloxStream random(options_.seed, stream_element);
  for (int k = 0; k < options_.random_elements; ++k)
    order.push_back(static_cast<std::int64_t>(random.below(gradient.size(), static_cast<std::uint64_t>(k))));
  std::sort(order.begin(), order.end());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  return order;
}

void GradientComparison::keep(Comparison& worst, Comparison comparison) {
  ++row_.comparisons;
  if (comparison.error > worst.error) worst = std::move(comparison);
}

void GradientComparison::note_resolution(double derivative, double noise) {
  resolved_ = resolved_ || least_visible * std::abs(derivative) > noise;
}

void GradientComparison::finish(bool vanishes) {
  // A wrong element says more than a wrong projection.
  const bool element_fails = !worst_element_.agrees(options_.tolerance) && worst_element_.error >= 0;
  const Comparison& worst =
      element_fails || worst_element_.error >= worst_projection_.error ? worst_element_ : worst_projection_;
  if (worst.error < 0) return;
  const bool agrees = worst.agrees(options_.tolerance);
  if (!agrees)
    row_.reject(Verdict::wrong_gradient, worst.index, worst.analytic, worst.numeric, worst.words);
  else if (!resolved_ && !vanishes)
    row_.reject(Verdict::unresolved, worst.index, worst.analytic, worst.numeric,
                "not zero, but below the rounding noise everywhere");
  if (row_.verdict == Verdict::passed || row_.verdict == Verdict::wrong_gradient) {
    row_.index = worst.index;
    row_.analytic = worst.analytic;
    row_.numeric = worst.numeric;
    row_.detail = worst.words;
  }
  row_.error = std::max(row_.error, worst.error);
}

}  // namespace ethreed
