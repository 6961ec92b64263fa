#include "kernels/common/row_log_sum_exp.h"
#include "kernels/policy_divergence/policy_divergence.h"

namespace ethreed {

namespace {

/// A warp is one row: both sums by warp_log_sum_exp, then lane l adds classes l, l + 32, … of the divergence and the
/// lanes are added by warp_sum.
template <class T> __global__ void policy_divergence_forward_kernel(PolicyDivergenceForward<T> args) {
  const int row = row_of_warp();
  if (row >= args.rows) return;  // all lanes of the warp
  const T* q_logits = args.q_logits + std::int64_t{row} * args.classes;
  const T* p_logits = args.p_logits + std::int64_t{row} * args.classes;
  const math::LogSumExp<T> q_lse = warp_log_sum_exp(q_logits, args.classes);
  const math::LogSumExp<T> p_lse = warp_log_sum_exp(p_logits, args.classes);
  T kl{0};
  for (int k = lane_index(); k < args.classes; k += warp_size) {
    const T log_q = q_lse.log_probability(q_logits[k]);
    kl += math::exp(log_q) * (log_q - p_lse.log_probability(p_logits[k]));
  }
  kl = warp_sum(kl);
  if (lane_index() != 0) return;
  args.kl[row] = kl;
  args.q_lse[row] = q_lse;
  args.p_lse[row] = p_lse;
}

/// A warp is one row, a lane every 32nd class of it.
template <class T> __global__ void policy_divergence_backward_kernel(PolicyDivergenceBackward<T> args) {
  const PolicyDivergenceForward<T>& f = args.forward;
  const int row = row_of_warp();
  if (row >= f.rows) return;
  const std::int64_t start = std::int64_t{row} * f.classes;
  const math::LogSumExp<T> q_lse = f.q_lse[row], p_lse = f.p_lse[row];
  const T g = args.dkl[row], kl = f.kl[row];
  for (int k = lane_index(); k < f.classes; k += warp_size) {
    const T log_q = q_lse.log_probability(f.q_logits[start + k]);
    const T log_p = p_lse.log_probability(f.p_logits[start + k]);
    const T q = math::exp(log_q);
    if (args.dq_logits) put(args.dq_logits, start + k, g * q * (log_q - log_p - kl));
    if (args.dp_logits) put(args.dp_logits, start + k, g * (math::exp(log_p) - q));
  }
}

}  // namespace

template <class T>
void policy_divergence_forward(ThisDevice, Context& context, const PolicyDivergenceForward<T>& args) {
  if (args.rows > 0) launch<policy_divergence_forward_kernel<T>>(context, a_warp_a_row(args.rows), args);
}

template <class T>
void policy_divergence_backward(ThisDevice, Context& context, const PolicyDivergenceBackward<T>& args) {
  if (args.forward.rows > 0 && (args.dq_logits || args.dp_logits))
    launch<policy_divergence_backward_kernel<T>>(context, a_warp_a_row(args.forward.rows), args);
}

template void policy_divergence_forward(ThisDevice, Context&, const PolicyDivergenceForward<float>&);
template void policy_divergence_forward(ThisDevice, Context&, const PolicyDivergenceForward<double>&);
template void policy_divergence_backward(ThisDevice, Context&, const PolicyDivergenceBackward<float>&);
template void policy_divergence_backward(ThisDevice, Context&, const PolicyDivergenceBackward<double>&);

}  // namespace ethreed
