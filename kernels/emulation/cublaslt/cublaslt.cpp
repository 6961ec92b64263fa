// The stand-in for cublasLt: descriptors, what goes together, the one algorithm, and what the checker sees of a
// product.
#include "kernels/emulation/cublaslt/cublasLt.h"
#include "core/error.h"
#include "core/indices.h"
#include "kernels/emulation/cublaslt/column_product.h"
#include "kernels/emulation/device_memory.h"
#include "kernels/emulation/runtime_api.h"
#include "kernels/emulation/streams.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace ethreed::emulation {

struct BlasLt {};
struct MatmulDescription {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  std::int32_t a_operation = CUBLAS_OP_N, b_operation = CUBLAS_OP_N;
  std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;

  bool has_bias() const { return (epilogue & CUBLASLT_EPILOGUE_BIAS) != 0; }
};
struct MatrixLayout {
  cudaDataType_t type;
  std::uint64_t rows, columns;
  std::int64_t stride;
};
struct MatmulPreference {
  std::uint64_t workspace_bytes = 0;
  std::uint32_t reduction_mask = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::array<std::uint32_t, 4> alignments{256, 256, 256, 256};  // of A, B, C, D
};

namespace {

constexpr std::uint32_t most_alignment = 256;

// What an algorithm was found for, as its words have it.
struct Algorithm {
  std::uint64_t kind;  // types, operations, epilogue
  std::array<std::uint32_t, 4> alignments;
  std::uint32_t bias_alignment;
  std::uint32_t workspace_bytes;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

std::uint64_t kind_of(const MatmulDescription& operation) {
  return std::uint64_t{1} << 63U | static_cast<std::uint64_t>(operation.compute) << 32U |
         static_cast<std::uint64_t>(operation.a_operation) << 24U |
         static_cast<std::uint64_t>(operation.b_operation) << 16U | operation.epilogue;
}

std::uint32_t alignment_of(const void* address) {
  const std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(address) | most_alignment;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

bool is_operation(std::int32_t value) { return value >= CUBLAS_OP_N && value <= CUBLAS_OP_C; }

// Sizes of a product; nothing if they are in conflict.
struct Sizes {
  std::int64_t m, n, k;
};
std::optional<Sizes> sizes_of(const MatmulDescription& operation, const MatrixLayout& a, const MatrixLayout& b,
                              const MatrixLayout& c, const MatrixLayout& d) {
  for (const MatrixLayout* layout : {&a, &b, &c, &d})
    if (layout->rows == 0 || layout->columns == 0 || layout->rows > INT64_MAX || layout->columns > INT64_MAX ||
        layout->stride < static_cast<std::int64_t>(layout->rows))
      return std::nullopt;
  const auto turned = [](std::int32_t how, const MatrixLayout& layout) {
    const std::pair<std::uint64_t, std::uint64_t> as_stored{layout.rows, layout.columns};
    return how == CUBLAS_OP_N ? as_stored : std::pair{as_stored.second, as_stored.first};
  };
  const auto [m, k] = turned(operation.a_operation, a);
  const auto [rows, n] = turned(operation.b_operation, b);
  if (rows != k || d.rows != m || d.columns != n || c.rows != m || c.columns != n) return std::nullopt;
  return Sizes{static_cast<std::int64_t>(m), static_cast<std::int64_t>(n), static_cast<std::int64_t>(k)};
}

// SUCCESS if such a product exists.
cublasStatus_t status_of(const MatmulDescription& operation, const MatrixLayout& a, const MatrixLayout& b,
                         const MatrixLayout& c, const MatrixLayout& d) {
  if (!is_operation(operation.a_operation) || !is_operation(operation.b_operation)) return CUBLAS_STATUS_INVALID_VALUE;
  const bool is_double = operation.compute == CUBLAS_COMPUTE_64F;
  const cudaDataType_t type = is_double ? CUDA_R_64F : CUDA_R_32F;
  if (operation.scale != type || a.type != type || b.type != type || c.type != type || d.type != type)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  constexpr std::array<std::uint32_t, 4> epilogues{CUBLASLT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_RELU,
                                                   CUBLASLT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_RELU_BIAS};
  if (std::find(epilogues.begin(), epilogues.end(), operation.epilogue) == epilogues.end())
    return CUBLAS_STATUS_NOT_SUPPORTED;
  // In double there is none but the default.
  if (is_double && operation.epilogue != CUBLASLT_EPILOGUE_DEFAULT) return CUBLAS_STATUS_NOT_SUPPORTED;
  return sizes_of(operation, a, b, c, d) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

// It may need whatever it was allowed: the most alignment, some workspace.
Algorithm algorithm_for(const MatmulDescription& operation, const MatmulPreference& preference) {
  constexpr std::uint64_t most_workspace = 4096;
  return {.kind = kind_of(operation),
          .alignments = preference.alignments,
          .bias_alignment = operation.has_bias() ? alignment_of(operation.bias) : 1,
          .workspace_bytes = static_cast<std::uint32_t>(std::min(preference.workspace_bytes, most_workspace))};
}

// --- what a product touches ------------------------------------------------------------------------------------------

struct Matrix {
  const char* name;
  const void* data;
  std::int64_t rows, columns, stride;
  std::size_t element;

  const std::byte* column(std::int64_t index) const {
    return static_cast<const std::byte*>(data) + index * stride * static_cast<std::int64_t>(element);
  }
  std::size_t column_bytes() const { return static_cast<std::size_t>(rows) * element; }
};

void check_alignment(const char* name, const void* data, std::uint32_t wanted) {
  ETHREED_CHECK(alignment_of(data) >= wanted,
                "cublasLtMatmul: {} starts on a multiple of {} bytes; the algorithm was chosen for {}", name,
                alignment_of(data), wanted);
}

void read(const Matrix& matrix) {
  const std::string who = fmt::format("cublasLtMatmul, of {},", matrix.name);
  for (std::int64_t j = 0; j < matrix.columns; ++j) {
    DeviceMemory::instance().read(who.c_str(), matrix.column(j), matrix.column_bytes(), true);
    DeviceMemory::instance().touch(matrix.column(j), matrix.column_bytes(), Access::read);
  }
}

void written(const Matrix& matrix) {
  const std::string who = fmt::format("cublasLtMatmul, of {},", matrix.name);
  for (std::int64_t j = 0; j < matrix.columns; ++j) {
    DeviceMemory::instance().written(who.c_str(), matrix.column(j), matrix.column_bytes());
    DeviceMemory::instance().touch(matrix.column(j), matrix.column_bytes(), Access::write);
  }
}

// Columns of one may lie between those of the other.
void check_apart(const Matrix& d, const Matrix& other) {
  std::vector<std::pair<const std::byte*, const std::byte*>> pieces;
  for (const Matrix* matrix : {&d, &other})
    for (std::int64_t j = 0; j < matrix->columns; ++j)
      pieces.emplace_back(matrix->column(j), matrix->column(j) + matrix->column_bytes());
  std::sort(pieces.begin(), pieces.end());
  for (std::size_t i = 1; i < pieces.size(); ++i)
    ETHREED_CHECK(pieces[i].first >= pieces[i - 1].second, "cublasLtMatmul: D overlaps {}", other.name);
}

template <class T> void run(const ColumnProduct<T>& p, const Algorithm& algorithm, void* workspace, ThreadPool* pool) {
  check_alignment("A", p.a, algorithm.alignments[0]);
  check_alignment("B", p.b, algorithm.alignments[1]);
  if (p.beta != T{0}) check_alignment("C", p.c, algorithm.alignments[2]);
  check_alignment("D", p.d, algorithm.alignments[3]);
  if (p.bias != nullptr) check_alignment("the bias", p.bias, algorithm.bias_alignment);
  if (checked_variant()) {
    const Matrix a{"A", p.a, p.a_transposed ? p.k : p.m, p.a_transposed ? p.m : p.k, p.lda, sizeof(T)};
    const Matrix b{"B", p.b, p.b_transposed ? p.n : p.k, p.b_transposed ? p.k : p.n, p.ldb, sizeof(T)};
    const Matrix d{"D", p.d, p.m, p.n, p.ldd, sizeof(T)};
    check_apart(d, a);
    check_apart(d, b);
    read(a);
    read(b);
    if (p.beta != T{0}) read({"C", p.c, p.m, p.n, p.ldc, sizeof(T)});
    if (p.bias != nullptr) read({"the bias", p.bias, p.m, 1, p.m, sizeof(T)});
    written(d);
    DeviceMemory::instance().written("cublasLtMatmul, of its workspace,", workspace, algorithm.workspace_bytes);
  }
  // Whatever it held is lost.
  if (algorithm.workspace_bytes > 0) std::memset(workspace, 0xFF, algorithm.workspace_bytes);
  multiply(p, pool);
}

template <class V> cublasStatus_t take(V& attribute, const void* value, std::size_t bytes) {
  if (value == nullptr || bytes != sizeof(V)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&attribute, value, sizeof(V));
  return CUBLAS_STATUS_SUCCESS;
}

template <class V, class... Values> cublasStatus_t make(V** made, Values... values) {
  if (made == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *made = new V{values...};
  return CUBLAS_STATUS_SUCCESS;
}
template <class V> cublasStatus_t destroy(V* made) {
  if (made == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  delete made;
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

// --- the interface ---------------------------------------------------------------------------------------------------

const char* cublasLtGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "the operation completed successfully";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "the library was not initialized";
    case CUBLAS_STATUS_INVALID_VALUE: return "an unsupported value or parameter was passed to the function";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "the requested functionality is not supported";
  }
  return "an unknown status";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) { return make(handle); }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  return destroy(handle);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* operation, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  return make(operation, compute, scale);
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation) { return destroy(operation); }
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
  if (operation == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA: return take(operation->a_operation, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB: return take(operation->b_operation, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE: return take(operation->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return take(operation->bias, value, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t stride) {
  return make(layout, type, rows, columns, stride);
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return destroy(layout); }

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) { return make(preference); }
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) { return destroy(preference); }
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                                    std::size_t bytes) {
  if (preference == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: return take(preference->workspace_bytes, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: return take(preference->reduction_mask, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: return take(preference->alignments[0], value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: return take(preference->alignments[1], value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: return take(preference->alignments[2], value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: return take(preference->alignments[3], value, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t* results, int* found) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (operation == nullptr || a == nullptr || b == nullptr || c == nullptr || d == nullptr || preference == nullptr ||
      requested <= 0 || results == nullptr || found == nullptr)
    return CUBLAS_STATUS_INVALID_VALUE;
  *found = 0;
  const cublasStatus_t status = status_of(*operation, *a, *b, *c, *d);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const Algorithm algorithm = algorithm_for(*operation, *preference);
  results[0] = {.workspaceSize = algorithm.workspace_bytes, .state = CUBLAS_STATUS_SUCCESS, .wavesCount = 1};
  std::memcpy(results[0].algo.data, &algorithm, sizeof algorithm);
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (operation == nullptr || alpha == nullptr || a == nullptr || a_layout == nullptr || b == nullptr ||
      b_layout == nullptr || beta == nullptr || c_layout == nullptr || d == nullptr || d_layout == nullptr)
    return CUBLAS_STATUS_INVALID_VALUE;
  const cublasStatus_t status = status_of(*operation, *a_layout, *b_layout, *c_layout, *d_layout);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (operation->has_bias() && operation->bias == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  Algorithm chosen{};
  if (algorithm != nullptr)
    std::memcpy(&chosen, algorithm->data, sizeof chosen);
  else
    chosen = algorithm_for(*operation, {});
  if (chosen.kind != kind_of(*operation) || workspace_bytes < chosen.workspace_bytes ||
      (chosen.workspace_bytes > 0 && (workspace == nullptr || alignment_of(workspace) < 16)))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (c == d && c_layout->stride != d_layout->stride) return CUBLAS_STATUS_INVALID_VALUE;

  const auto queue = [&]<class T>(T) {
    const Sizes sizes = *sizes_of(*operation, *a_layout, *b_layout, *c_layout, *d_layout);
    ColumnProduct<T> product{.a_transposed = operation->a_operation != CUBLAS_OP_N,
                             .b_transposed = operation->b_operation != CUBLAS_OP_N,
                             .m = sizes.m,
                             .n = sizes.n,
                             .k = sizes.k,
                             .a = static_cast<const T*>(a),
                             .lda = a_layout->stride,
                             .b = static_cast<const T*>(b),
                             .ldb = b_layout->stride,
                             .c = static_cast<const T*>(c),
                             .ldc = c_layout->stride,
                             .d = static_cast<T*>(d),
                             .ldd = d_layout->stride,
                             .bias = operation->has_bias() ? static_cast<const T*>(operation->bias) : nullptr,
                             .relu = (operation->epilogue & CUBLASLT_EPILOGUE_RELU) != 0};
    std::memcpy(&product.alpha, alpha, sizeof(T));
    std::memcpy(&product.beta, beta, sizeof(T));
    if (product.beta != T{0} && c == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    const cudaError_t error = issue(stream, NodeKind::kernel, "cublasLtMatmul",
                                    [=](Stream& on) { run(product, chosen, workspace, on.pool); });
    if (error != cudaSuccess) fail("cublasLtMatmul: {}", cudaGetErrorString(error));
    return CUBLAS_STATUS_SUCCESS;
  };
  return operation->compute == CUBLAS_COMPUTE_64F ? queue(double{}) : queue(float{});
}

}  // namespace ethreed::emulation
