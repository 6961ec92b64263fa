// Matrix products on the GPU by cublasLt, which computes column-major: a row-major C = op(A)·op(B) is Cᵀ =
// op(B)ᵀ·op(A)ᵀ of the same memory, so B goes first. In emulation a stand-in takes the place of cublasLt alone.
#include "kernels/common/launch.h"
#include "kernels/gemm/gemm.h"

#ifdef __CUDACC__
#include <cublasLt.h>
#else
#include "kernels/emulation/cublaslt/cublasLt.h"
#endif

#include <array>
#include <initializer_list>
#include <map>
#include <memory>
#include <type_traits>

namespace ethreed {

namespace {

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) fail("cublasLt: {}: {}", what, cublasLtGetStatusString(status));
}

constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

// A matrix product's shape and layout: what its algorithm is chosen by.
struct Key {
  bool is_double, a_transposed, b_transposed, accumulate, has_bias;
  int m, n, k, lda, ldb, ldc;
  std::uint32_t alignment, bias_alignment;  // bytes: of all matrices, of the bias
  auto operator<=>(const Key&) const = default;
};

// The largest power of two, up to 256, on which all of these start: parts of a weight matrix may start anywhere.
std::uint32_t common_alignment(std::initializer_list<const void*> matrices) {
  std::uintptr_t bits = 256;
  for (const void* matrix : matrices) bits |= reinterpret_cast<std::uintptr_t>(matrix);
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

// Everything cublasLt needs to run one shape. Not copyable: owns descriptors.
class Plan {
 public:
  // `bias`: that of the first product. Algorithms are chosen by how it is aligned.
  Plan(cublasLtHandle_t handle, const Key& key, bool tf32, const void* bias) {
    const cudaDataType_t type = key.is_double ? CUDA_R_64F : CUDA_R_32F;
    const cublasComputeType_t compute = key.is_double ? CUBLAS_COMPUTE_64F
                                        : tf32        ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                      : CUBLAS_COMPUTE_32F;
    check(cublasLtMatmulDescCreate(&operation_, compute, type), "descriptor");
    set(CUBLASLT_MATMUL_DESC_TRANSA, key.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, key.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (key.has_bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    }
    const auto layout = [type](cublasLtMatrixLayout_t* out, int rows, int columns, int stride) {
      check(cublasLtMatrixLayoutCreate(out, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns),
                                       stride),
            "layout");
    };
    layout(&first_, key.b_transposed ? key.k : key.n, key.b_transposed ? key.n : key.k, key.ldb);
    layout(&second_, key.a_transposed ? key.m : key.k, key.a_transposed ? key.k : key.m, key.lda);
    layout(&result_, key.n, key.m, key.ldc);
    choose_algorithm(handle, key);
  }
  ~Plan() {
    cublasLtMatrixLayoutDestroy(result_);
    cublasLtMatrixLayoutDestroy(second_);
    cublasLtMatrixLayoutDestroy(first_);
    cublasLtMatmulDescDestroy(operation_);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  template <class T> void run(cublasLtHandle_t handle, const Gemm<T>& g, void* workspace, cudaStream_t stream) {
    const T one{1}, keep = g.accumulate ? T{1} : T{0};
    if (g.bias != nullptr) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, g.bias);
    check(cublasLtMatmul(handle, operation_, &one, g.b, first_, g.a, second_, &keep, g.c, result_, g.c, result_,
                         &algorithm_, workspace, workspace_bytes, stream),
          "product");
  }

 private:
  template <class V> void set(cublasLtMatmulDescAttributes_t attribute, const V& value) {
    check(cublasLtMatmulDescSetAttribute(operation_, attribute, &value, sizeof value), "attribute");
  }

  // The first algorithm that adds every sum over k in one place.
  void choose_algorithm(cublasLtHandle_t handle, const Key& key) {
    cublasLtMatmulPreference_t preference = nullptr;
    check(cublasLtMatmulPreferenceCreate(&preference), "preference");
    const std::uint32_t no_reduction = CUBLASLT_REDUCTION_SCHEME_NONE;
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
      check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value), "preference");
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, no_reduction);
    for (const auto attribute :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      prefer(attribute, key.alignment);
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle, operation_, first_, second_, result_, result_,
                                                                 preference, 1, &found, &count);
    cublasLtMatmulPreferenceDestroy(preference);
    check(status, "choice of an algorithm");
    ETHREED_CHECK(count > 0, "cublasLt: no algorithm for a product of {} x {} x {}", key.m, key.n, key.k);
    algorithm_ = found.algo;
  }

  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t first_ = nullptr, second_ = nullptr, result_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_{};
};

// One per device: the handle, a workspace for each stream (their matrix products run concurrently), and a plan for
// every shape seen.
class PlannedGemms {
 public:
  explicit PlannedGemms(DeviceRuntime& runtime) : runtime_(runtime) {
    for (void*& workspace : workspaces_) workspace = runtime.memory().allocate(workspace_bytes);
    check(cublasLtCreate(&handle_), "handle");
  }
  ~PlannedGemms() {
    plans_.clear();
    cublasLtDestroy(handle_);
    for (void* workspace : workspaces_) runtime_.memory().release(workspace, workspace_bytes);
  }
  PlannedGemms(const PlannedGemms&) = delete;
  PlannedGemms& operator=(const PlannedGemms&) = delete;

  template <class T> void run(const Gemm<T>& g) {
    const Key key{std::is_same_v<T, double>,
                  g.a_transposed,
                  g.b_transposed,
                  g.accumulate,
                  g.bias != nullptr,
                  g.m,
                  g.n,
                  g.k,
                  g.lda,
                  g.ldb,
                  g.ldc,
                  common_alignment({g.a, g.b, g.c}),
                  common_alignment({g.bias})};
    std::unique_ptr<Plan>& plan = plans_[key];
    if (!plan) plan = std::make_unique<Plan>(handle_, key, runtime_.tf32(), g.bias);
    plan->run(handle_, g, workspaces_[g.stream], static_cast<cudaStream_t>(runtime_.stream(g.stream)));
  }

 private:
  DeviceRuntime& runtime_;
  std::array<void*, 2> workspaces_{};
  cublasLtHandle_t handle_ = nullptr;
  std::map<Key, std::unique_ptr<Plan>> plans_;
};

constexpr int threads = 256;

/// c = 0 if asked (the empty matrix product of k = 0), and c += bias: one thread per element.
template <class T> __global__ void gemm_rest_kernel(T* c, int ldc, int m, int n, const T* bias, bool clear) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= std::int64_t{m} * n) return;
  T& element = c[i / n * ldc + i % n];
  element = (clear ? T{0} : element) + (bias != nullptr ? bias[i % n] : T{0});
}

template <class T> void run_rest(Context& context, const Gemm<T>& g, bool clear) {
  launch<gemm_rest_kernel<T>>(
      context, {.grid = blocks_for(std::int64_t{g.m} * g.n, threads), .block = threads, .stream = g.stream}, g.c, g.ldc,
      g.m, g.n, g.bias, clear);
}

}  // namespace

template <class T> void gemm(ThisDevice, Context& context, const Gemm<T>& g) {
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0) {
    if (!g.accumulate || g.bias != nullptr) run_rest(context, g, !g.accumulate);
    return;
  }
  DeviceRuntime& runtime = *context.runtime;
  runtime.note_launch("gemm");
  if (!runtime.plans()) runtime.plans() = std::make_shared<PlannedGemms>(runtime);
  if (runtime.planning()) return;
  // cublasLt has the bias as an epilogue of matrix products in float.
  const bool apart = g.bias != nullptr && std::is_same_v<T, double>;
  Gemm<T> product = g;
  if (apart) product.bias = nullptr;
  static_cast<PlannedGemms*>(runtime.plans().get())->run(product);
  if (apart) run_rest(context, g, false);
}

template void gemm(ThisDevice, Context&, const Gemm<float>&);
template void gemm(ThisDevice, Context&, const Gemm<double>&);

}  // namespace ethreed
