#include "model/training/selection.h"

#include <cmath>

namespace ethreed {

double selected_value(const Model& model, const ValidationFigures& figures) {
  const Selection selection = model.selection();
  const auto value = [&](int place) {
    return figures.value(std::string(model.figures()[static_cast<std::size_t>(place)].name));
  };
  return selection.divisor < 0 ? value(selection.figure) : value(selection.figure) / value(selection.divisor);
}

bool is_better(const Model& model, const ValidationFigures& now, const ValidationFigures& before) {
  const double new_value = selected_value(model, now), old_value = selected_value(model, before);
  if (!std::isfinite(old_value) || !std::isfinite(new_value)) return std::isfinite(new_value);
  return model.selection().higher ? new_value > old_value : new_value < old_value;
}

bool is_best(const Model& model, const Recipe& recipe, const ValidationFigures& now, const ValidationFigures& best) {
  const int first = recipe.first_best_epoch - 1;
  if (best.epoch < 0 || (best.epoch < first && now.epoch >= first)) return true;
  return is_better(model, now, best);
}

}  // namespace ethreed
