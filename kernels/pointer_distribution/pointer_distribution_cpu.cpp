#include "kernels/common/math.h"
#include "kernels/pointer_distribution/pointer_distribution.h"
#include "kernels/pointer_mixture/target_tokens.h"

#include <cmath>
#include <limits>

namespace ethreed {

template <class T> void pointer_distribution_forward(Cpu, Context& context, const PointerDistributionForward<T>& args) {
  for_each_target(context, args.layout, [&](const TargetToken& at) {
    const T* logits = args.logits + std::int64_t{at.token} * args.vocabulary;
    T* out = args.out + std::int64_t{at.token} * (args.vocabulary + args.extra);
    const math::LogSumExp<T> lse = math::log_sum_exp(logits, args.vocabulary);
    const T gate = args.gate_logit[at.token];
    const T generate = math::log_sigmoid(gate) - lse.log_sum;
    for (int k = 0; k < args.vocabulary; ++k) out[k] = (logits[k] - lse.max) + generate;
    std::fill_n(out + args.vocabulary, args.extra, -std::numeric_limits<T>::infinity());
    const T copy = math::log_sigmoid(-gate);
    for (int j = 0; j < at.source_count; ++j) {
      const std::int32_t word = args.source_ids[at.source + j];
      ETHREED_ASSERT(word >= 0 && word < args.vocabulary + args.extra);
      out[word] = math::log_add_exp(out[word], copy + std::log(args.weights[at.weight + j]));
    }
  });
}

template void pointer_distribution_forward(Cpu, Context&, const PointerDistributionForward<float>&);
template void pointer_distribution_forward(Cpu, Context&, const PointerDistributionForward<double>&);

}  // namespace ethreed
