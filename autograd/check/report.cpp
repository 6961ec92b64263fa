#include "autograd/check/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ethreed {

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed: return "passed";
    case Verdict::not_finite: return "not finite";
    case Verdict::changes_operands: return "changes operands";
    case Verdict::not_repeatable: return "not repeatable";
    case Verdict::not_overwritten: return "not overwritten";
    case Verdict::not_accumulated: return "not accumulated";
    case Verdict::depends_on_selection: return "depends on selection";
    case Verdict::nonzero_at_zero: return "nonzero at zero";
    case Verdict::wrong_gradient: return "wrong gradient";
    case Verdict::unresolved: return "unresolved";
  }
  return "?";
}

void InputReport::reject(Verdict reason, std::int64_t at, double got, double wanted, std::string words) {
  if (verdict != Verdict::passed) return;
  verdict = reason;
  index = at;
  analytic = got;
  numeric = wanted;
  detail = std::move(words);
}

bool GradientReport::passed() const {
  return std::all_of(inputs.begin(), inputs.end(), [](const auto& row) { return row.verdict == Verdict::passed; });
}

std::int64_t GradientReport::comparisons() const {
  std::int64_t sum = 0;
  for (const InputReport& row : inputs) sum += row.comparisons;
  return sum;
}

double GradientReport::worst_error() const {
  double worst = 0;
  for (const InputReport& row : inputs) worst = std::max(worst, row.error);
  return worst;
}

std::string GradientReport::text() const {
  for (const InputReport& row : inputs)
    if (row.verdict != Verdict::passed)
      return fmt::format("{}: {} at {} ({}): analytic {:.9g}, numeric {:.9g}, error {:.3g}", row.input,
                         name_of(row.verdict), row.index, row.detail, row.analytic, row.numeric, row.error);
  return "passed";
}

}  // namespace ethreed
