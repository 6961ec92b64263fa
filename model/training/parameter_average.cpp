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
  constexpr std::int64_t part = std::int64_t{1} << 20;  // bounds the memory between the passes
  for (std::int64_t first = 0; first < state.layout.size(); first += part) {
    const std::int64_t count = std::min(part, state.layout.size() - first);
    ArenaScope scratch(context.scratch);
    T *x = scratch.allocate<T>(count), *y = scratch.allocate<T>(count);
    T* average = state.average.data() + first;
    const auto pass = [&](int function, const T* a, const T* b, double parameter, T* to) {
      elementwise_forward<T>(
          context,
          {.function = function, .count = count, .parameter = static_cast<T>(parameter), .a = a, .b = b, .y = to});
    };
    using namespace elementwise;
    pass(number_of<Subtract>, state.values.data() + first, average, 0, x);
    pass(number_of<Scale>, x, nullptr, 1.0 - keep, y);
    pass(number_of<Add>, average, y, 0, x);
    pass(number_of<Scale>, x, nullptr, 1.0, average);
  }
}

template void average_parameters(Context&, ModelState<float>&, const Recipe&, std::int64_t);
template void average_parameters(Context&, ModelState<double>&, const Recipe&, std::int64_t);

}  // namespace ethreed
