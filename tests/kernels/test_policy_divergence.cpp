// What is special about the two losses over emotion classes; the table test holds them against their references and
// gradients.
#include "kernels/common/operation.h"
#include "kernels/policy_divergence/policy_divergence.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using namespace ethreed;

/// One call of policy_divergence with cotangent 1, bound to memory.
template <class T> struct Divergence {
  explicit Divergence(Tensor<T> q_, Tensor<T> p_) : q(std::move(q_)), p(std::move(p_)) {
    const auto rows = static_cast<int>(q.rows());
    kl = Tensor<T>({rows});
    q_lse = Tensor<math::LogSumExp<T>>({rows});
    p_lse = Tensor<math::LogSumExp<T>>({rows});
    dq = Tensor<T>(q.shape());
    dp = Tensor<T>(p.shape());
    const std::vector<T> ones(rows, T{1});
    Runtime runtime;
    Context context = runtime.context();
    const PolicyDivergenceForward<T> args{.rows = rows,
                                          .classes = static_cast<int>(q.columns()),
                                          .q_logits = q.data(),
                                          .p_logits = p.data(),
                                          .kl = kl.data(),
                                          .q_lse = q_lse.data(),
                                          .p_lse = p_lse.data()};
    policy_divergence_forward(context, args);
    policy_divergence_backward<T>(
        context, {.forward = args, .dkl = ones.data(), .dq_logits = {dq.data()}, .dp_logits = {dp.data()}});
  }
  Tensor<T> q, p, kl, dq, dp;
  Tensor<math::LogSumExp<T>> q_lse, p_lse;
};

}  // namespace

TEMPLATE_TEST_CASE("the divergence of equal logits is exactly 0, and so are its gradients", "", float, double) {
  const Tensor<TestType> logits = random_tensor<TestType>({5, 32}, 1, 0, 4.0);
  const Divergence<TestType> same(logits.clone(), logits.clone());
  for (const TestType x : same.kl.span()) CHECK(x == 0);
  for (const TestType x : same.dq.span()) CHECK(x == 0);
  for (const TestType x : same.dp.span()) CHECK(x == 0);
}

TEMPLATE_TEST_CASE("adding 1024 to all logits changes no bit of the divergence or its gradients", "", float, double) {
  Tensor<TestType> q = random_tensor<TestType>({4, 32}, 3, 0), p = random_tensor<TestType>({4, 32}, 3, 1);
  for (Tensor<TestType>* logits : {&q, &p})
    for (TestType& x : logits->span()) x = std::round(x * 64) / 64;  // so that the sums below are exact in float
  const Divergence<TestType> near_zero(q.clone(), p.clone());
  for (TestType& x : q.span()) x += 1024;
  for (TestType& x : p.span()) x -= 1024;
  const Divergence<TestType> shifted(q.clone(), p.clone());
  const auto same = [](const Tensor<TestType>& a, const Tensor<TestType>& b) {
    return std::equal(a.span().begin(), a.span().end(), b.span().begin());
  };
  CHECK(near_zero.kl[0] > 0);
  CHECK(same(near_zero.kl, shifted.kl));
  CHECK(same(near_zero.dq, shifted.dq));
  CHECK(same(near_zero.dp, shifted.dp));
}

TEMPLATE_TEST_CASE("the divergence stays finite where q or p has a class of probability 0", "", float, double) {
  Tensor<TestType> q({2, 3}), p({2, 3});
  q[0] = -2000;  // q_0 = 0 exactly: the class adds nothing
  p[3] = -2000;  // p_0 = 0 to any precision, but its logarithm is −2000
  const Divergence<TestType> result(q.clone(), p.clone());
  CHECK(static_cast<double>(result.kl[0]) == Approx(std::log(3.0 / 2.0)));
  CHECK(static_cast<double>(result.kl[1]) == Approx(2000.0 / 3 + std::log(2.0) - std::log(3.0)));
  for (const TestType x : result.dq.span()) CHECK(std::isfinite(x));
  CHECK(result.dq[0] == 0);
  CHECK(static_cast<double>(result.dp[0]) == Approx(1.0 / 3));
  CHECK(static_cast<double>(result.dp[3]) == Approx(-1.0 / 3));
}

TEMPLATE_TEST_CASE("a row with label -1 has loss 0 and gradient 0 even if its logits are NaN", "", float, double) {
  Tensor<TestType> logits = random_tensor<TestType>({2, 4}, 2, 0);
  for (int k = 0; k < 4; ++k) logits[k] = std::numeric_limits<TestType>::quiet_NaN();
  const std::vector<std::int32_t> labels{-1, 2};
  const std::vector<TestType> cotangent{3, 1};
  Tensor<TestType> nll({2}), gradient({2, 4});
  Tensor<math::LogSumExp<TestType>> lse({2});
  Runtime runtime;
  Context context = runtime.context();
  const SoftmaxCrossEntropyForward<TestType> args{
      .rows = 2, .classes = 4, .logits = logits.data(), .labels = labels.data(), .nll = nll.data(), .lse = lse.data()};
  softmax_cross_entropy_forward(context, args);
  softmax_cross_entropy_backward<TestType>(context,
                                           {.forward = args, .dnll = cotangent.data(), .dlogits = {gradient.data()}});
  CHECK(nll[0] == 0);
  CHECK(nll[1] > 0);
  for (int k = 0; k < 4; ++k) CHECK(gradient[k] == 0);
  CHECK(gradient[4 + 2] < 0);
  CHECK(gradient[4] > 0);
}
