// What is special about pooled segments: equal rows, NaN and infinities, on the CPU and on the emulated device. The
// table test holds the rest against textbook and finite differences.
#include "kernels/segment_pooling/segment_pooling.h"
#include "tests/kernels/emulated_device.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace ethreed;
using namespace ethreed::test;

namespace {

using Numbers = std::vector<double>;
using Index = std::vector<std::int32_t>;

constexpr double no_number = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();

/// Of one column: value, rows that were chosen, and the gradient of cotangents 1, 2, … of the segments.
struct Maxima {
  Numbers y, dx;
  Index chosen;
};

template <class T> Tensor<T> numbers(MemorySource& memory, const std::vector<T>& values) {
  Tensor<T> tensor({count_of(values)}, memory);
  std::ranges::copy(values, tensor.data());
  return tensor;
}

Maxima maxima_of(Context& context, MemorySource& memory, const Index& offsets, const Numbers& values) {
  const std::size_t segments = offsets.size() - 1;
  Numbers cotangents;
  while (cotangents.size() < segments) cotangents.push_back(static_cast<double>(cotangents.size()) + 1);
  const Tensor<double> x = numbers(memory, values), dy = numbers(memory, cotangents);
  const Tensor<double> y = numbers(memory, Numbers(segments, no_number)),
                       dx = numbers(memory, Numbers(values.size(), no_number));
  const Tensor<std::int32_t> chosen = numbers(memory, Index(segments, -7));
  const SegmentPoolingForward<double> args{.reduction = SegmentReduction::max,
                                           .offsets = offsets,
                                           .columns = 1,
                                           .x = x.data(),
                                           .chosen = const_cast<std::int32_t*>(chosen.data()),
                                           .y = const_cast<double*>(y.data())};
  segment_pooling_forward(context, args);
  segment_pooling_backward<double>(context,
                                   {.forward = args, .dy = dy.data(), .dx = {const_cast<double*>(dx.data()), false}});
  if (!context.on_host()) {
    context.runtime->synchronize();
    context.runtime->staging().forget();
  }
  return {{y.data(), y.data() + y.count()},
          {dx.data(), dx.data() + dx.count()},
          {chosen.data(), chosen.data() + chosen.count()}};
}

/// Calls check(maxima) with a function of offsets and numbers, of the CPU and of the emulated device.
template <class Check> void on_both(Check check) {
  Runtime runtime(2);
  Context cpu = runtime.context();
  EmulatedDevice emulated({});
  Context device = emulated.context();
  for (const bool on_device : {false, true}) {
    INFO((on_device ? "emulated" : "cpu"));
    MemorySource& memory = on_device ? emulated.device().managed() : host_memory();
    check([&](const Index& offsets, const Numbers& values) {
      return maxima_of(on_device ? device : cpu, memory, offsets, values);
    });
  }
}

}  // namespace

TEST_CASE("segment_pooling: of equal maxima the first row is chosen and has the gradient, of minus infinities, too") {
  on_both([](auto maxima_of) {
    const Maxima ties = maxima_of({0, 4, 6}, {1, 7, 7, 7, -infinity, -infinity});
    CHECK(ties.y == Numbers{7, -infinity});
    CHECK(ties.chosen == Index{1, 4});
    CHECK(ties.dx == Numbers{0, 1, 0, 0, 2, 0});
    CHECK(maxima_of({0, 2, 4}, {0.0, -0.0, -0.0, 0.0}).dx == Numbers{1, 0, 2, 0});
  });
}

TEST_CASE("segment_pooling: NaN is above all numbers, and the first of several has the gradient") {
  on_both([](auto maxima_of) {
    const Maxima found = maxima_of({0, 4, 7, 8}, {1, no_number, infinity, no_number, no_number, 3, 2, 5});
    CHECK(std::isnan(found.y[0]));
    CHECK(std::isnan(found.y[1]));
    CHECK(found.y[2] == 5);
    CHECK(found.chosen == Index{1, 4, 7});
    CHECK(found.dx == Numbers{0, 1, 0, 0, 2, 0, 0, 3});
  });
}

TEST_CASE("segment_pooling: no row of an empty segment is chosen, and those beside it keep theirs") {
  on_both([](auto maxima_of) {
    const Maxima found = maxima_of({0, 0, 2, 2}, {-3, -4});
    CHECK(found.y == Numbers{0, -3, 0});
    CHECK(found.chosen == Index{-1, 0, -1});
    CHECK(found.dx == Numbers{2, 0});
  });
}
