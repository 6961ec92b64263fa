#include "model/evaluation/paired_bootstrap.h"

#include "core/error.h"
#include "core/philox.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace ethreed {

namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

// Streams of the draws: of dialogues, of the runs of a system and of its base.
enum class BootstrapDraw : std::uint64_t { dialogues = 1, system_runs = 2, base_runs = 3 };

PhiloxStream draw_stream(std::uint64_t seed, BootstrapDraw draw, int resample) {
  return {seed, static_cast<std::uint64_t>(draw) << 56 | static_cast<std::uint64_t>(resample)};
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The mean of one resample over runs, which are drawn where `random` is given.
double mean_of_runs(std::span<const ResampledFigure> runs, std::size_t resample, const PhiloxStream* random) {
  double sum = 0;
  for (std::size_t i = 0; i < runs.size(); ++i)
    sum += runs[random != nullptr ? random->below(runs.size(), i) : i].resample[resample];
  return sum / static_cast<double>(runs.size());
}

double mean_value(std::span<const ResampledFigure> runs) {
  double sum = 0;
  for (const ResampledFigure& run : runs) sum += run.value;
  return sum / static_cast<double>(runs.size());
}

// Quantile q of sorted values, between neighbours by proportion.
double quantile(std::span<const double> sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

DialogueStatistic ratio_statistic(std::vector<ExampleShare> of_dialogue, bool exponential) {
  return [shares = std::move(of_dialogue), exponential](Indices dialogues) {
    ExampleShare total;
    for (const std::int32_t d : dialogues) total += shares[static_cast<std::size_t>(d)];
    if (total.count == 0) return absent;
    const double ratio = total.sum / static_cast<double>(total.count);
    return exponential ? std::exp(ratio) : ratio;
  };
}

DialogueStatistic distinct_statistic(const std::vector<std::vector<std::vector<std::string>>>& replies, int n) {
  // Of every dialogue: its different n-grams, by numbers, and how many it has.
  std::map<std::vector<std::string>, std::int32_t> numbers;
  std::vector<std::vector<std::int32_t>> different;
  std::vector<std::int64_t> counts;
  for (const auto& dialogue : replies) {
    auto& mine = different.emplace_back();
    std::int64_t& count = counts.emplace_back(0);
    for (const auto& words : dialogue)
      for (std::size_t i = 0; i + static_cast<std::size_t>(n) <= words.size(); ++i, ++count) {
        const auto begin = words.begin() + static_cast<std::ptrdiff_t>(i);
        mine.push_back(
            numbers.try_emplace({begin, begin + n}, static_cast<std::int32_t>(numbers.size())).first->second);
      }
    std::sort(mine.begin(), mine.end());
    mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
  }
  std::vector<std::int64_t> seen(numbers.size(), 0);  // the call in which an n-gram was last met
  return [different = std::move(different), counts = std::move(counts), seen = std::move(seen),
          call = std::int64_t{0}](Indices dialogues) mutable {
    ++call;
    std::int64_t types = 0, tokens = 0;
    for (const std::int32_t d : dialogues) {
      tokens += counts[static_cast<std::size_t>(d)];
      for (const std::int32_t number : different[static_cast<std::size_t>(d)]) {
        std::int64_t& last = seen[static_cast<std::size_t>(number)];
        types += last != call;
        last = call;
      }
    }
    return tokens == 0 ? absent : 100.0 * static_cast<double>(types) / static_cast<double>(tokens);
  };
}

PairedBootstrap::PairedBootstrap(int dialogues, const BootstrapOptions& options) : options_(options) {
  ETHREED_CHECK(dialogues > 0, "PairedBootstrap: there is no dialogue to draw");
  ETHREED_CHECK(options.resamples >= 2, "PairedBootstrap: resamples is {}, wanted 2 or more", options.resamples);
  ETHREED_CHECK(options.level > 0 && options.level < 1, "PairedBootstrap: level is {}, wanted a share between 0 and 1",
                options.level);
  for (int b = 0; b < options.resamples; ++b) {
    const PhiloxStream random = draw_stream(options.seed, BootstrapDraw::dialogues, b);
    std::vector<std::int32_t>& draw = draws_.emplace_back();
    for (std::int32_t i = 0; i < dialogues; ++i)
      draw.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(dialogues), i)));
  }
}

ResampledFigure PairedBootstrap::resample(const DialogueStatistic& statistic) const {
  std::vector<std::int32_t> all(draws_.front().size());
  std::iota(all.begin(), all.end(), 0);
  ResampledFigure figure{.value = statistic(all), .resample = {}};
  for (const std::vector<std::int32_t>& draw : draws_) figure.resample.push_back(statistic(draw));
  return figure;
}

Bounds PairedBootstrap::interval(double value, std::vector<double> resamples) const {
  if (std::isnan(value) || std::any_of(resamples.begin(), resamples.end(), [](double x) { return std::isnan(x); }))
    return {absent, absent};
  const double centre = mean(resamples), outside = (1 - options_.level) / 2;
  std::sort(resamples.begin(), resamples.end());
  return {value + quantile(resamples, outside) - centre, value + quantile(resamples, 1 - outside) - centre};
}

PairedDifference PairedBootstrap::difference(std::span<const ResampledFigure> system,
                                             std::span<const ResampledFigure> base) const {
  ETHREED_CHECK(!system.empty() && !base.empty(), "PairedBootstrap: a system has no run");
  std::vector<double> kept, drawn;
  for (std::size_t b = 0; b < draws_.size(); ++b) {
    const int number = static_cast<int>(b);
    const PhiloxStream of_system = draw_stream(options_.seed, BootstrapDraw::system_runs, number);
    const PhiloxStream of_base = draw_stream(options_.seed, BootstrapDraw::base_runs, number);
    kept.push_back(mean_of_runs(system, b, nullptr) - mean_of_runs(base, b, nullptr));
    drawn.push_back(mean_of_runs(system, b, &of_system) - mean_of_runs(base, b, &of_base));
  }
  const double value = mean_value(system) - mean_value(base);
  return {.value = value,
          .dialogues = interval(value, std::move(kept)),
          .dialogues_and_seeds = interval(value, std::move(drawn))};
}

}  // namespace ethreed
