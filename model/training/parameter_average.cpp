#include "model/training/parameter_average.h"

#include "kernels/elementwise/elementwise.h"

#include <algorithm>

namespace ethreed {

template <class T>
void average_parameters(Context& context, ModelState<T>& state, const Recipe& recipe, std::int64_t updates) {
  if (recipe.average_updates == 0 || updates % updates_per_average != 0) return;
  const double k = static_cast<double>(updates / updates_per_average);
  const double keep =
      std::min(1.0 - static_cast<double>(updates_per_average) / recipe.average_updates, (1 + k) / (10 + k));
  constexpr std::int64_t part = std::int64_t{1} << 20;  // bounds the memory between the three passes
  for (std::int64_t first = 0; first < state.layout.size(); first += part) {
    const std::int64_t count = std::min(part, state.layout.size() - first);
    ArenaScope scratch(context.scratch);
    T *kept = scratch.allocate<T>(count), *taken = scratch.allocate<T>(count);
    const auto scaled = [&](const T* a, double factor, T* y) {
      elementwise_forward<T>(context, {.function = elementwise::number_of<elementwise::Scale>,
                                       .count = count,
                                       .parameter = static_cast<T>(factor),
                                       .a = a,
                                       .y = y});
    };
    scaled(state.average.data() + first, keep, kept);
    scaled(state.values.data() + first, 1.0 - keep, taken);
    elementwise_forward<T>(context, {.function = elementwise::number_of<elementwise::Add>,
                                     .count = count,
                                     .a = kept,
                                     .b = taken,
                                     .y = state.average.data() + first});
  }
}

template void average_parameters(Context&, ModelState<float>&, const Recipe&, std::int64_t);
template void average_parameters(Context&, ModelState<double>&, const Recipe&, std::int64_t);

}  // namespace ethreed
