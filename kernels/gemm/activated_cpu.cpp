// Apart from the matrix products: those are compiled without the compiler's own vectors, and these loops need them.
#include "kernels/gemm/activated.h"

#include "kernels/common/math.h"

namespace ethreed {

namespace {

template <class T, class F> void apply(T* values, std::ptrdiff_t count, F f) {
  for (std::ptrdiff_t i = 0; i < count; ++i) values[i] = f(values[i]);
}

}  // namespace

template <class T> void activate(Cpu, Activation activation, T* values, std::ptrdiff_t count) {
  switch (activation) {
    case Activation::none: ETHREED_ASSERT(false); break;
    case Activation::tanh: apply(values, count, [](T z) { return math::tanh(z); }); break;
    case Activation::gelu: apply(values, count, [](T z) { return math::gelu(z); }); break;
  }
}

template void activate(Cpu, Activation, float*, std::ptrdiff_t);
template void activate(Cpu, Activation, double*, std::ptrdiff_t);

}  // namespace ethreed
