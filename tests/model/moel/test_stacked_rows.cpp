// The rows that the results of MoEL's listeners are put together from.

#include "model/blocks/stacked_rows.h"

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/loss_sum_function.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

using namespace ethreed;

TEST_CASE("stacked rows are their parts one above the other, and so are gradients") {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context);
  std::vector<double> x(12), dx(12);
  std::iota(x.begin(), x.end(), 1.0);
  const Variable<double> all = tape.parameter(View<double>(x.data(), {4, 3}), dx.data());
  const std::vector<std::int32_t> last{3, 2}, first{0};
  const std::vector<Variable<double>> parts{gather_rows<double>(tape, {{all, last}}),
                                            scale(tape, gather_rows<double>(tape, {{all, first}}), 2.0)};
  const Variable<double> stacked = stack_rows<double>(tape, parts);
  const std::vector<double> wanted{10, 11, 12, 7, 8, 9, 2, 4, 6};
  REQUIRE(stacked.rows() == 3);
  CHECK(std::equal(wanted.begin(), wanted.end(), stacked.data()));
  // One column of every element, the third of which counts alone: x[3, 2].
  const std::vector<std::int32_t> third{2, 6};
  const Variable<double> picked = gather_rows<double>(tape, {{as_column(tape, stacked), third}});
  CHECK(picked.data()[0] == 12);
  CHECK(picked.data()[1] == 2);
  tape.backward(loss_sum<double>(tape, {{picked, 1.0}}).total);
  const std::vector<double> gradient{2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  CHECK(dx == gradient);
}

TEST_CASE("stacked rows refuse parts that do not fit and a part that something else reads") {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context);
  std::vector<double> x(12, 1.0), dx(12);
  const Variable<double> all = tape.parameter(View<double>(x.data(), {4, 3}), dx.data());
  const Variable<double> wide = tape.parameter(View<double>(x.data(), {3, 4}), dx.data());
  const std::vector<Variable<double>> different{all, wide}, views{tape.rows(all, 0, 2)}, absent{Variable<double>()};
  CHECK_THROWS_WITH(stack_rows<double>(tape, different), Catch::Contains("[3, 4]"));
  CHECK_THROWS_WITH(stack_rows<double>(tape, views), Catch::Contains("rows of another matrix"));
  CHECK_THROWS_WITH(stack_rows<double>(tape, absent), Catch::Contains("absent"));
  CHECK_THROWS_WITH(stack_rows<double>(tape, {}), Catch::Contains("no parts"));
  const Variable<double> part = scale(tape, all, 2.0);
  const std::vector<Variable<double>> parts{part};
  const Variable<double> stacked = stack_rows<double>(tape, parts);
  const Variable<double> other = scale(tape, part, 3.0);
  const LossSum<double> sum = loss_sum<double>(tape, {{stacked, 1.0}, {other, 1.0}});
  CHECK_THROWS_WITH(tape.backward(sum.total), Catch::Contains("second reader"));
}
