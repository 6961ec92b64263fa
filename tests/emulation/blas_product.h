#pragma once
// A product by the stand-in for cublasLt with all that it takes, to be changed member by member; and its textbook.

#include "kernels/emulation/cublaslt/cublasLt.h"
#include "tests/emulation/device_array.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace ethreed::test {

/// Column-major on the host, a stride between columns; elements between them are numbers, too.
template <class T> struct HostMatrix {
  std::int64_t rows = 0, columns = 0, stride = 0;
  std::vector<T> values;

  HostMatrix(std::int64_t rows_, std::int64_t columns_, std::int64_t gap, unsigned seed)
      : rows(rows_), columns(columns_), stride(rows_ + gap), values(static_cast<std::size_t>(stride * columns)) {
    std::minstd_rand random(seed);
    for (T& value : values) value = static_cast<T>(static_cast<double>(random() % 2001) / 1000 - 1);
  }
  T at(std::int64_t row, std::int64_t column) const { return values[column * stride + row]; }
};

struct ProductShape {
  std::int64_t m = 5, n = 7, k = 3;
  bool a_transposed = false, b_transposed = false;
  std::int64_t gap = 0;  ///< elements between the columns of every matrix
};

/// D = alpha·op(A)·op(B) + beta·C: matrices on the device, descriptors, the algorithm. C is D unless `apart`.
template <class T> struct BlasProduct {
  static constexpr cudaDataType_t type = sizeof(T) == 4 ? CUDA_R_32F : CUDA_R_64F;
  static constexpr cublasComputeType_t compute = sizeof(T) == 4 ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_64F;

  explicit BlasProduct(const ProductShape& shape_, bool apart = false)
      : shape(shape_),
        a(shape.a_transposed ? shape.k : shape.m, shape.a_transposed ? shape.m : shape.k, shape.gap, 1),
        b(shape.b_transposed ? shape.n : shape.k, shape.b_transposed ? shape.k : shape.n, 2 * shape.gap, 2),
        c(shape.m, shape.n, 3 * shape.gap, 3),
        bias(shape.m, 1, 0, 4),
        on_a(a.values),
        on_b(b.values),
        on_c(c.values),
        on_d(c.values),
        on_bias(bias.values),
        workspace(4096),
        c_pointer(apart ? on_c.data() : on_d.data()) {
    REQUIRE(cublasLtCreate(&handle) == CUBLAS_STATUS_SUCCESS);
    REQUIRE(cublasLtMatmulDescCreate(&operation, compute, type) == CUBLAS_STATUS_SUCCESS);
    set(CUBLASLT_MATMUL_DESC_TRANSA, shape.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, shape.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    const auto layout = [](cublasLtMatrixLayout_t& made, const HostMatrix<T>& matrix) {
      REQUIRE(cublasLtMatrixLayoutCreate(&made, type, matrix.rows, matrix.columns, matrix.stride) ==
              CUBLAS_STATUS_SUCCESS);
    };
    layout(a_layout, a);
    layout(b_layout, b);
    layout(c_layout, c);
    layout(d_layout, c);
    REQUIRE(cublasLtMatmulPreferenceCreate(&preference) == CUBLAS_STATUS_SUCCESS);
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{4096});
  }
  ~BlasProduct() {
    cublasLtMatmulPreferenceDestroy(preference);
    for (cublasLtMatrixLayout_t layout : {a_layout, b_layout, c_layout, d_layout}) cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatmulDescDestroy(operation);
    cublasLtDestroy(handle);
  }
  BlasProduct(const BlasProduct&) = delete;
  BlasProduct& operator=(const BlasProduct&) = delete;

  template <class V> void set(cublasLtMatmulDescAttributes_t attribute, const V& value) {
    REQUIRE(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof value) == CUBLAS_STATUS_SUCCESS);
  }
  template <class V> void prefer(cublasLtMatmulPreferenceAttributes_t attribute, const V& value) {
    REQUIRE(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value) == CUBLAS_STATUS_SUCCESS);
  }
  void use(cublasLtEpilogue_t epilogue_) {
    epilogue = epilogue_;
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    const T* pointer = on_bias.data();
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, pointer);
  }
  cublasStatus_t choose() {
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle, operation, a_layout, b_layout, c_layout,
                                                                 d_layout, preference, 1, &result, &found);
    CHECK(found == (status == CUBLAS_STATUS_SUCCESS ? 1 : 0));
    return status;
  }
  cublasStatus_t run(cudaStream_t stream = nullptr) {
    return cublasLtMatmul(handle, operation, &alpha, on_a.data(), a_layout, on_b.data(), b_layout, &beta, c_pointer,
                          c_layout, on_d.data(), d_layout, &result.algo, workspace.data(), workspace_bytes, stream);
  }

  double textbook(std::int64_t i, std::int64_t j) const {
    double sum = 0;
    for (std::int64_t l = 0; l < shape.k; ++l)
      sum += static_cast<double>(shape.a_transposed ? a.at(l, i) : a.at(i, l)) *
             static_cast<double>(shape.b_transposed ? b.at(j, l) : b.at(l, j));
    sum = static_cast<double>(alpha) * sum;
    if (beta != T{0}) sum += static_cast<double>(beta) * static_cast<double>(c.at(i, j));
    if ((epilogue & CUBLASLT_EPILOGUE_BIAS) != 0) sum += static_cast<double>(bias.at(i, 0));
    return (epilogue & CUBLASLT_EPILOGUE_RELU) != 0 ? std::max(sum, 0.0) : sum;
  }
  /// The worst difference of D from the textbook; infinite if anything between its columns changed.
  double error() const {
    const std::vector<T> got = on_d.values();
    double worst = 0;
    for (std::int64_t j = 0; j < c.columns; ++j)
      for (std::int64_t i = 0; i < c.stride; ++i) {
        const T value = got[j * c.stride + i];
        if (i >= c.rows && value != c.values[j * c.stride + i]) return INFINITY;
        if (i < c.rows) {
          const double difference = std::abs(static_cast<double>(value) - textbook(i, j));
          worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
        }
      }
    return worst;
  }
  /// Rounding of sums over k of numbers up to 1.
  double tolerance() const {
    return 8 * static_cast<double>(shape.k + 4) * static_cast<double>(std::numeric_limits<T>::epsilon());
  }

  ProductShape shape;
  HostMatrix<T> a, b, c, bias;
  DeviceArray<T> on_a, on_b, on_c, on_d, on_bias;
  DeviceArray<std::byte> workspace;
  const T* c_pointer;
  T alpha = 1, beta = 0;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  std::size_t workspace_bytes = 4096;
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a_layout = nullptr, b_layout = nullptr, c_layout = nullptr, d_layout = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulHeuristicResult_t result{};
};

}  // namespace ethreed::test
