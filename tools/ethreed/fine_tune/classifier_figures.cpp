#include "tools/ethreed/fine_tune/classifier_figures.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

constexpr std::size_t shown_pairs = 8;

}  // namespace

void ClassifierFigures::add(std::span<const double> probabilities, int label) {
  scores_.add(probabilities, label);
  const double own = probabilities[static_cast<std::size_t>(label)];
  // Of equal ones the first come first, as in the choice of the likeliest.
  std::int64_t before = 0;
  for (std::size_t k = 0; k < probabilities.size(); ++k)
    before += probabilities[k] > own || (probabilities[k] == own && static_cast<int>(k) < label);
  among_five_ += before < 5;
  loss_ -= std::log(std::max(own, 1e-300));
}

double ClassifierFigures::top_five() const {
  return static_cast<double>(among_five_) / static_cast<double>(scores_.count());
}
double ClassifierFigures::cross_entropy() const { return loss_ / static_cast<double>(scores_.count()); }

std::string ClassifierFigures::text(const std::string& split, const std::vector<std::string>& classes) const {
  std::string out = fmt::format(
      "{}: {} texts, accuracy {:.4f}, among the first five {:.4f}, cross-entropy {:.4f}, "
      "calibration error {:.4f} (mean confidence {:.4f})\n",
      split, scores_.count(), accuracy(), top_five(), cross_entropy(), scores_.calibration_error(),
      scores_.mean_confidence());
  struct Pair {
    std::int64_t count, of;
    int label, taken;
  };
  std::vector<Pair> pairs;
  for (int label = 0; label < scores_.classes(); ++label) {
    std::int64_t of = 0;
    for (int k = 0; k < scores_.classes(); ++k) of += scores_.taken(label, k);
    for (int k = 0; k < scores_.classes(); ++k)
      if (k != label && scores_.taken(label, k) > 0) pairs.push_back({scores_.taken(label, k), of, label, k});
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.count > b.count; });
  pairs.resize(std::min(pairs.size(), shown_pairs));
  for (const Pair& pair : pairs)
    out += fmt::format("  {} taken for {}: {} of {}\n", classes[static_cast<std::size_t>(pair.label)],
                       classes[static_cast<std::size_t>(pair.taken)], pair.count, pair.of);
  return out;
}

nlohmann::ordered_json ClassifierFigures::json() const {
  using Json = nlohmann::ordered_json;
  Json confusion = Json::array(), bins = Json::array();
  for (int label = 0; label < scores_.classes(); ++label) {
    Json row = Json::array();
    for (int k = 0; k < scores_.classes(); ++k) row.push_back(scores_.taken(label, k));
    confusion.push_back(std::move(row));
  }
  for (const LabelScores::Bin& bin : scores_.bins())
    bins.push_back({{"count", bin.count}, {"confidence", bin.confidence}, {"accuracy", bin.accuracy}});
  return {{"texts", scores_.count()},
          {"accuracy", accuracy()},
          {"top_five", top_five()},
          {"cross_entropy", cross_entropy()},
          {"mean_confidence", scores_.mean_confidence()},
          {"calibration_error", scores_.calibration_error()},
          {"bins", bins},
          {"confusion", confusion}};
}

}  // namespace ethreed
