#pragma once
// Which checkpoint of a run is its best.

#include "model/interface/model.h"
#include "model/training/checkpoint.h"

namespace ethreed {

/// What the model selects by (Selection), of these figures: NaN where they do not have it.
double selected_value(const Model& model, const ValidationFigures& figures);

/// Are the figures `now` better than `before`, by the model's selection? Whatever is not finite is worse than anything
/// that is; of equal ones the earlier stay.
bool is_better(const Model& model, const ValidationFigures& now, const ValidationFigures& before);

/// Do the figures of the epoch `now` take the place of `best` (epoch −1: there is none), by the recipe? The first epoch
/// that may be the best takes the place of any before it.
bool is_best(const Model& model, const Recipe& recipe, const ValidationFigures& now, const ValidationFigures& best);

}  // namespace ethreed
