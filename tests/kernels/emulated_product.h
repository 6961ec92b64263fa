#pragma once
// Matrix products on the emulated device, held against the textbook's three loops.

#include "core/error.h"
#include "kernels/gemm/gemm.h"
#include "tests/kernels/emulated_device.h"
#include "tests/kernels/gemm_product.h"

#include <string>

namespace ethreed::test {

/// How one product is asked for.
struct AskedProduct {
  Size size;
  bool a_transposed = false, b_transposed = false, accumulate = false, bias = false;
  int shift = 0;       ///< elements by which the matrices start late
  int bias_shift = 0;  ///< and the bias

  std::string text() const {
    return fmt::format("{} x {} x {}{}{}{}{}, {} and {} elements off", size.m, size.n, size.k,
                       a_transposed ? ", A transposed" : "", b_transposed ? ", B transposed" : "",
                       accumulate ? ", adding" : "", bias ? ", bias" : "", shift, bias_shift);
  }
};

/// Small ones in all orientations, overwriting and adding, with and without a bias, and starting anywhere.
inline std::vector<AskedProduct> asked_products() {
  std::vector<AskedProduct> all;
  for (const Size size : {Size{1, 1, 1}, {5, 3, 2}, {3, 8, 17}, {33, 6, 20}, {4, 70, 9}, {2, 3, 0}})
    for (const bool a_transposed : {false, true})
      for (const bool b_transposed : {false, true})
        for (const bool accumulate : {false, true})
          for (const int shift : {0, 1, 2}) {
            all.push_back({size, a_transposed, b_transposed, accumulate, false, shift});
            // The last two are aligned alike, and not the same.
            for (const int bias_shift : {0, 1, 3})
              all.push_back({size, a_transposed, b_transposed, accumulate, true, shift, bias_shift});
          }
  return all;
}

/// The worst difference of C from the textbook, in units of what rounding may do; infinite if anything between the rows
/// of C changed. `run(context, gemm)` multiplies.
template <class T, class Multiply>
double error_of_product(EmulatedDevice& emulated, const AskedProduct& asked, Multiply run) {
  Context context = emulated.context();
  MemorySource& memory = emulated.device().managed();
  Product<T> product(asked.size, asked.a_transposed, asked.b_transposed, asked.accumulate);
  const Tensor<T> bias = random_tensor<T>({asked.size.n + 3}, 1, 4).clone(memory);
  const auto shifted = [&](const Tensor<T>& host) {
    Tensor<T> on_device({host.rows() + 1, host.columns()}, memory);
    std::copy_n(host.data(), host.count(), on_device.data() + asked.shift);
    return on_device;
  };
  const Tensor<T> a = shifted(product.a), b = shifted(product.b);
  Tensor<T> c = shifted(product.c);
  Gemm<T> args = product.args;
  args.a = a.data() + asked.shift;
  args.b = b.data() + asked.shift;
  args.c = c.data() + asked.shift;
  if (asked.bias) args.bias = bias.data() + asked.bias_shift;
  run(context, args);
  emulated.device().synchronize();
  product.args.bias = args.bias;  // of the textbook
  const double rounding = 16 * std::sqrt(1.0 + asked.size.k) * static_cast<double>(std::numeric_limits<T>::epsilon());
  double worst = 0;
  for (int i = 0; i < asked.size.m; ++i)
    for (int j = 0; j < args.ldc; ++j) {
      const T got = args.c[std::int64_t{i} * args.ldc + j];
      if (j >= asked.size.n) {
        if (got != product.c[std::int64_t{i} * args.ldc + j]) return std::numeric_limits<double>::infinity();
        continue;
      }
      const double truth = product.textbook(i, j);
      const double error = std::abs(static_cast<double>(got) - truth) / (rounding * std::max(1.0, std::abs(truth)));
      worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
    }
  return worst;
}

}  // namespace ethreed::test
