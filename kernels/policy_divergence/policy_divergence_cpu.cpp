#include "kernels/policy_divergence/policy_divergence.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 16;

template <class T>
T divergence(const T* q_logits, const T* p_logits, int classes, const math::LogSumExp<T>& q_lse,
             const math::LogSumExp<T>& p_lse) {
  T kl = 0;
  for (int k = 0; k < classes; ++k) {
    const T log_q = q_lse.log_probability(q_logits[k]);
    const T log_p = p_lse.log_probability(p_logits[k]);
    kl += math::exp(log_q) * (log_q - log_p);
  }
  return kl;
}

}  // namespace

template <class T> void policy_divergence_forward(Cpu, Context& context, const PolicyDivergenceForward<T>& args) {
  context.pool.parallel_ranges(args.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* q_logits = args.q_logits + row * args.classes;
      const T* p_logits = args.p_logits + row * args.classes;
      const math::LogSumExp<T> q_lse = math::log_sum_exp(q_logits, args.classes);
      const math::LogSumExp<T> p_lse = math::log_sum_exp(p_logits, args.classes);
      args.kl[row] = divergence(q_logits, p_logits, args.classes, q_lse, p_lse);
      args.q_lse[row] = q_lse;
      args.p_lse[row] = p_lse;
    }
  });
}

template <class T> void policy_divergence_backward(Cpu, Context& context, const PolicyDivergenceBackward<T>& args) {
  const PolicyDivergenceForward<T>& f = args.forward;
  context.pool.parallel_ranges(f.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* q_logits = f.q_logits + row * f.classes;
      const T* p_logits = f.p_logits + row * f.classes;
      const math::LogSumExp<T> q_lse = f.q_lse[row], p_lse = f.p_lse[row];
      const T g = args.dkl[row], kl = f.kl[row];
      if (args.dq_logits) {
        T* out = args.dq_logits.data + row * f.classes;
        if (!args.dq_logits.accumulate) std::fill_n(out, f.classes, T{0});
        for (int k = 0; k < f.classes; ++k) {
          const T log_q = q_lse.log_probability(q_logits[k]);
          out[k] += g * math::exp(log_q) * (log_q - p_lse.log_probability(p_logits[k]) - kl);
        }
      }
      if (args.dp_logits) {
        T* out = args.dp_logits.data + row * f.classes;
        if (!args.dp_logits.accumulate) std::fill_n(out, f.classes, T{0});
        for (int k = 0; k < f.classes; ++k)
          out[k] += g * (math::exp(p_lse.log_probability(p_logits[k])) - math::exp(q_lse.log_probability(q_logits[k])));
      }
    }
  });
}

template void policy_divergence_forward(Cpu, Context&, const PolicyDivergenceForward<float>&);
template void policy_divergence_forward(Cpu, Context&, const PolicyDivergenceForward<double>&);
template void policy_divergence_backward(Cpu, Context&, const PolicyDivergenceBackward<float>&);
template void policy_divergence_backward(Cpu, Context&, const PolicyDivergenceBackward<double>&);

}  // namespace ethreed
