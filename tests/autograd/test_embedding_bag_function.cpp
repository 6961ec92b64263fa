// embedding_bag on the tape, at the door, and with wrong gradients.

#include "autograd/functions/embedding_bag_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/linear_function.h"
#include "tests/autograd/function_checks.h"

#include <algorithm>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

TEST_CASE("embedding_bag on the tape, with weights and without, has the gradient of its value") {
  const Tensor<double> weight = random_tensor<double>({5}, 1, 50);
  for (const View<const double> weights : {View<const double>(weight.view()), View<const double>{}})
    check_on_tape({{5, 3}, {2, 3}}, [&](Tape<double>& tape, Leaf leaf) {
      const Index offsets{0, 3, 3, 5}, ids{4, 0, 4, 2, 0};  // gone before the backward: the function keeps its own copy
      return Variables{linear(tape, {embedding_bag<double>(tape, leaf[0], offsets, ids, weights)}, leaf[1], {})};
    });
}

TEST_CASE("a table used by bags and by single words has the gradient of both") {
  check_on_tape({{5, 3}}, [](Tape<double>& tape, Leaf leaf) {
    const Index offsets{0, 2, 3}, ids{1, 4, 1}, words{1, 3};
    return Variables{embedding<double>(tape, leaf[0], words), embedding_bag<double>(tape, leaf[0], offsets, ids)};
  });
}

TEST_CASE("bags of one entry are an embedding, and the order of bags of one table row is theirs") {
  Bench b;
  const Tensor<double> table = random_tensor<double>({6, 4}, 1, 0);
  const Variable<double> constant = b.tape.constant(table.view());
  const Index offsets{0, 1, 2, 3}, ids{5, 0, 5};
  const Variable<double> bags = embedding_bag<double>(b.tape, constant, offsets, ids);
  const Variable<double> words = embedding<double>(b.tape, constant, ids);
  CHECK(std::equal(bags.data(), bags.data() + 12, words.data()));
  CHECK_FALSE(bags.wants_gradient());
}

TEST_CASE("embedding_bag refuses offsets, ids and weights that do not fit") {
  Bench b;
  const Variable<double> table = b.of({4, 2});
  const auto call = [&](const Index& offsets, const Index& ids, std::int64_t weights = -1) {
    const Tensor<double> weight({std::max<std::int64_t>(weights, 0)});
    embedding_bag<double>(b.tape, table, offsets, ids, weights < 0 ? View<const double>{} : weight.view());
  };
  CHECK_NOTHROW(call({0, 1, 3}, {3, 0, 3}, 3));
  CHECK_NOTHROW(call({0}, {}));
  CHECK_NOTHROW(call({0, 0}, {}, 0));
  CHECK_THROWS_WITH(call({}, {}), Contains("embedding_bag: offsets are empty"));
  CHECK_THROWS_WITH(call({1, 3}, {0, 0, 0}), Contains("start with 1"));
  CHECK_THROWS_WITH(call({0, 2, 1, 3}, {0, 0, 0}), Contains("offset 2 is 1, less than the one before, 2"));
  CHECK_THROWS_WITH(call({0, 2}, {0, 0, 0}), Contains("the last offset is 2, wanted the number of ids, 3"));
  CHECK_THROWS_WITH(call({0, 2}, {0, 4}), Contains("id 4 at position 1") && Contains("table of 4 rows"));
  CHECK_THROWS_WITH(call({0, 1}, {-1}), Contains("id -1 at position 0"));
  CHECK_THROWS_WITH(call({0, 2}, {0, 1}, 3), Contains("weight is [3], wanted one for each of 2 ids"));
  const Index none, zero{0};
  CHECK_THROWS_WITH(embedding_bag<double>(b.tape, b.of({4}), zero, none), Contains("table is [4]"));
  CHECK_THROWS_WITH(embedding_bag<double>(b.tape, Variable<double>{}, zero, none), Contains("table is absent"));
}

// The case with weights: bags {3, 0}, {}, {3, 3, 4, 0, 1}, {1}, {}, {} of a table [6, 4].
namespace {

constexpr std::string_view weighted = "bags of any length, repeats, with weights";
const Index ids{3, 0, 3, 3, 4, 0, 1, 1}, bag_of{0, 0, 2, 2, 2, 2, 2, 3};

/// Σ factor(j)·dy[bag(j)] at every table row.
template <class Factor, class Bag>
void scatter(std::vector<double>& table, const BackwardCall<double>& call, Factor factor, Bag bag) {
  std::fill(table.begin(), table.end(), 0.0);
  for (std::size_t j = 0; j < ids.size() && !table.empty(); ++j)
    for (std::size_t c = 0; c < 4; ++c) table[ids[j] * 4 + c] += factor(j) * call.cotangents[0][bag(j) * 4 + c];
}
double weight_at(const BackwardCall<double>& call, std::size_t j) { return call.honest.inputs[1].data[j]; }

}  // namespace

TEST_CASE("an embedding_bag backward by a double loop passes, so that its mutants are caught for what they change") {
  const auto report = check_damaged("embedding_bag", weighted, [](Gradients& g, const BackwardCall<double>& call) {
    scatter(
        g[0], call, [&](std::size_t j) { return weight_at(call, j); }, [](std::size_t j) { return bag_of[j]; });
  });
  CHECK(report.text() == "passed");
}

TEST_CASE("mutant: embedding_bag that forgets the weights in its backward") {
  const auto report = check_damaged("embedding_bag", weighted, [](Gradients& g, const BackwardCall<double>& call) {
    scatter(
        g[0], call, [](std::size_t) { return 1.0; }, [](std::size_t j) { return bag_of[j]; });
  });
  require_verdict(report, "table", Verdict::wrong_gradient);
}

TEST_CASE("mutant: embedding_bag that counts an id once a bag, however often it stands there") {
  const auto report = check_damaged("embedding_bag", weighted, [](Gradients& g, const BackwardCall<double>& call) {
    scatter(
        g[0], call,
        [&](std::size_t j) {
          for (std::size_t before = 0; before < j; ++before)
            if (ids[before] == ids[j] && bag_of[before] == bag_of[j]) return 0.0;
          return weight_at(call, j);
        },
        [](std::size_t j) { return bag_of[j]; });
  });
  require_verdict(report, "table", Verdict::wrong_gradient);
}

TEST_CASE("mutant: embedding_bag that takes an empty bag for the owner of the entries behind it") {
  const auto report = check_damaged("embedding_bag", weighted, [](Gradients& g, const BackwardCall<double>& call) {
    scatter(
        g[0], call, [&](std::size_t j) { return weight_at(call, j); },
        [](std::size_t j) { return bag_of[j] == 2 ? 1 : bag_of[j]; });
  });
  require_verdict(report, "table", Verdict::wrong_gradient);
}
