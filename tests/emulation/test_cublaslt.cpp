// The stand-in for cublasLt against its documentation: products, status codes, streams, and what the checker sees.
#include "core/error.h"
#include "core/thread_pool.h"
#include "tests/emulation/blas_product.h"

#include <string>
#include <utility>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

// The message of the Error that a product ends in; empty if it ends well.
template <class T> std::string error_of(BlasProduct<T>& product) {
  try {
    const cublasStatus_t status = product.run();
    CHECK(status == CUBLAS_STATUS_SUCCESS);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

const std::vector<ProductShape> shapes{{1, 1, 1}, {5, 7, 3}, {1, 9, 40}, {40, 1, 9}, {33, 13, 17}, {200, 211, 5}};

}  // namespace

TEMPLATE_TEST_CASE("products of the stand-in for cublasLt equal three loops in all layouts, with alpha and beta", "",
                   float, double) {
  static ThreadPool pool(2);  // as the standard stream, it lives as long as the program
  emulation::bind(nullptr, pool);
  for (ProductShape shape : shapes)
    for (const int turned : {0, 1, 2, 3})
      for (const std::int64_t gap : {0, 3})
        for (const auto& [alpha, beta] : {std::pair{1.0, 0.0}, {1.0, 1.0}, {-0.5, 2.0}, {0.0, 1.0}}) {
          shape.a_transposed = (turned & 1) != 0;
          shape.b_transposed = (turned & 2) != 0;
          shape.gap = gap;
          for (const bool apart : {false, true}) {
            INFO(shape.m << " x " << shape.n << " x " << shape.k << ", transposed " << turned << ", gap " << gap
                         << ", alpha " << alpha << ", beta " << beta << (apart ? ", C apart" : ""));
            BlasProduct<TestType> product(shape, apart);
            product.alpha = static_cast<TestType>(alpha);
            product.beta = static_cast<TestType>(beta);
            REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
            REQUIRE(product.run() == CUBLAS_STATUS_SUCCESS);
            CHECK(product.error() <= product.tolerance());
          }
        }
}

TEST_CASE("the bias of the stand-in for cublasLt has an element for every row of D, added to every column") {
  for (const cublasLtEpilogue_t epilogue :
       {CUBLASLT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_RELU, CUBLASLT_EPILOGUE_RELU_BIAS})
    for (const ProductShape& shape : shapes) {
      INFO("epilogue " << epilogue << ", " << shape.m << " x " << shape.n << " x " << shape.k);
      BlasProduct<float> product(shape);
      product.beta = 1;
      product.use(epilogue);
      REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
      REQUIRE(product.run() == CUBLAS_STATUS_SUCCESS);
      CHECK(product.error() <= product.tolerance());
    }
}

TEST_CASE("the stand-in for cublasLt does not read C where beta is 0, nor NaN in it") {
  BlasProduct<double> product({});
  const std::vector<double> nothing(product.c.values.size(), NAN);
  REQUIRE(cudaMemcpy(product.on_d.data(), nothing.data(), nothing.size() * 8, cudaMemcpyHostToDevice) == cudaSuccess);
  REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
  REQUIRE(product.run() == CUBLAS_STATUS_SUCCESS);
  CHECK(product.error() <= product.tolerance());
  product.c_pointer = nullptr;
  CHECK(product.run() == CUBLAS_STATUS_SUCCESS);
  product.beta = 1;
  CHECK(product.run() == CUBLAS_STATUS_INVALID_VALUE);
}

TEST_CASE("the stand-in for cublasLt answers what is in conflict with INVALID_VALUE") {
  BlasProduct<float> product({});
  REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
  SECTION("a leading dimension below the rows, or shapes that do not fit") {
    const auto refuses = [&](cublasLtMatrixLayout_t& layout, std::uint64_t rows, std::uint64_t columns,
                             std::int64_t stride) {
      cublasLtMatrixLayoutDestroy(layout);
      REQUIRE(cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, rows, columns, stride) == CUBLAS_STATUS_SUCCESS);
      CHECK(product.choose() == CUBLAS_STATUS_INVALID_VALUE);
      CHECK(product.run() == CUBLAS_STATUS_INVALID_VALUE);
    };
    refuses(product.a_layout, 5, 3, 4);
    refuses(product.a_layout, 3, 5, 5);
    refuses(product.b_layout, 4, 7, 7);
    refuses(product.c_layout, 5, 6, 5);
    refuses(product.d_layout, 0, 7, 5);
  }
  SECTION("D in the place of C with another layout") {
    cublasLtMatrixLayoutDestroy(product.c_layout);
    REQUIRE(cublasLtMatrixLayoutCreate(&product.c_layout, CUDA_R_32F, 5, 7, 6) == CUBLAS_STATUS_SUCCESS);
    CHECK(product.run() == CUBLAS_STATUS_INVALID_VALUE);
  }
  SECTION("less workspace than the algorithm needs") {
    CHECK(product.result.workspaceSize == 4096);
    product.workspace_bytes = 4095;
    CHECK(product.run() == CUBLAS_STATUS_INVALID_VALUE);
    product.prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{100});
    REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
    CHECK(product.result.workspaceSize == 100);
    CHECK(product.run() == CUBLAS_STATUS_SUCCESS);
  }
  SECTION("an algorithm found for another operation") {
    product.set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    CHECK(product.run() == CUBLAS_STATUS_INVALID_VALUE);
  }
  SECTION("a bias that is asked for and not there") {
    product.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
    CHECK(product.run() == CUBLAS_STATUS_INVALID_VALUE);
  }
  SECTION("attributes that are null or of another size") {
    const std::uint64_t wide = 1;
    CHECK(cublasLtMatmulDescSetAttribute(product.operation, CUBLASLT_MATMUL_DESC_TRANSA, &wide, 8) ==
          CUBLAS_STATUS_INVALID_VALUE);
    CHECK(cublasLtMatmulDescSetAttribute(product.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, nullptr, 8) ==
          CUBLAS_STATUS_INVALID_VALUE);
    CHECK(cublasLtMatmulPreferenceSetAttribute(product.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &wide,
                                               4) == CUBLAS_STATUS_INVALID_VALUE);
  }
  SECTION("nothing where something must be") {
    const float one = 1;
    int found = 7;
    CHECK(cublasLtMatmul(product.handle, product.operation, &one, nullptr, product.a_layout, product.on_b.data(),
                         product.b_layout, &one, product.on_d.data(), product.c_layout, product.on_d.data(),
                         product.d_layout, nullptr, nullptr, 0, nullptr) == CUBLAS_STATUS_INVALID_VALUE);
    CHECK(cublasLtMatmulAlgoGetHeuristic(product.handle, product.operation, product.a_layout, product.b_layout,
                                         product.c_layout, product.d_layout, product.preference, 0, &product.result,
                                         &found) == CUBLAS_STATUS_INVALID_VALUE);
    CHECK(cublasLtMatmulAlgoGetHeuristic(nullptr, product.operation, product.a_layout, product.b_layout,
                                         product.c_layout, product.d_layout, product.preference, 1, &product.result,
                                         &found) == CUBLAS_STATUS_NOT_INITIALIZED);
  }
}

TEST_CASE("the stand-in for cublasLt supports types that go together, and in double no epilogue") {
  BlasProduct<double> product({});
  CHECK(product.choose() == CUBLAS_STATUS_SUCCESS);
  product.use(CUBLASLT_EPILOGUE_BIAS);
  CHECK(product.choose() == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(product.run() == CUBLAS_STATUS_NOT_SUPPORTED);
  BlasProduct<float> mixed({});
  cublasLtMatrixLayoutDestroy(mixed.b_layout);
  REQUIRE(cublasLtMatrixLayoutCreate(&mixed.b_layout, CUDA_R_64F, 3, 7, 3) == CUBLAS_STATUS_SUCCESS);
  CHECK(mixed.choose() == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(std::string(cublasLtGetStatusString(CUBLAS_STATUS_NOT_SUPPORTED)).find("not supported") != std::string::npos);
}

TEST_CASE("products of the stand-in for cublasLt run in stream order, with the alpha and beta of their call") {
  KeepSettings keep;
  emulation::settings().queues = emulation::Queues::needed_only;
  BlasProduct<float> product({});
  product.alpha = 2;
  product.beta = 1;
  REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
  cudaStream_t stream = nullptr;
  REQUIRE(cudaStreamCreate(&stream) == cudaSuccess);
  REQUIRE(cudaMemcpyAsync(product.on_d.data(), product.on_c.data(), product.c.values.size() * sizeof(float),
                          cudaMemcpyDeviceToDevice, stream) == cudaSuccess);
  REQUIRE(product.run(stream) == CUBLAS_STATUS_SUCCESS);
  product.alpha = product.beta = NAN;
  REQUIRE(cudaStreamSynchronize(stream) == cudaSuccess);
  product.alpha = 2;
  product.beta = 1;
  CHECK(product.error() <= product.tolerance());
  REQUIRE(cudaStreamDestroy(stream) == cudaSuccess);
}

TEST_CASE("a captured product of the stand-in for cublasLt runs when its graph does, as often as it does") {
  BlasProduct<double> product({});
  product.beta = 1;
  REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
  cudaStream_t stream = nullptr;
  REQUIRE(cudaStreamCreate(&stream) == cudaSuccess);
  REQUIRE(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed) == cudaSuccess);
  REQUIRE(product.run(stream) == CUBLAS_STATUS_SUCCESS);
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
  CHECK(product.on_d.values() == product.c.values);
  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaGraphInstantiate(&executable, graph) == cudaSuccess);
  REQUIRE(cudaGraphLaunch(executable, stream) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(product.error() <= product.tolerance());
  const double once = product.on_d.values()[0];
  REQUIRE(cudaGraphLaunch(executable, stream) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(product.on_d.values()[0] == Approx(2 * once - product.c.values[0]));
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

TEST_CASE("accesses of the stand-in for cublasLt are checked: bounds, unwritten memory, alignment, overlap") {
  BlasProduct<float> product({.m = 6, .n = 8, .k = 4});
  REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
  REQUIRE(error_of(product).empty());
  const auto layout = [](cublasLtMatrixLayout_t& made, std::uint64_t rows, std::uint64_t columns, std::int64_t stride) {
    cublasLtMatrixLayoutDestroy(made);
    REQUIRE(cublasLtMatrixLayoutCreate(&made, CUDA_R_32F, rows, columns, stride) == CUBLAS_STATUS_SUCCESS);
  };
  const auto run_with = [&](const float* a, float* d) {
    const float one = 1, zero = 0;
    try {
      const cublasStatus_t status = cublasLtMatmul(
          product.handle, product.operation, &one, a, product.a_layout, product.on_b.data(), product.b_layout, &zero, d,
          product.c_layout, d, product.d_layout, &product.result.algo, product.workspace.data(), 4096, nullptr);
      CHECK(status == CUBLAS_STATUS_SUCCESS);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  SECTION("columns of A behind its end") {
    layout(product.a_layout, 6, 4, 9);
    CHECK_THAT(error_of(product), Contains("cublasLtMatmul, of A, reads 24 bytes") && Contains("behind the end"));
  }
  SECTION("columns of D behind its end") {
    layout(product.c_layout, 6, 8, 7);
    layout(product.d_layout, 6, 8, 7);
    CHECK_THAT(error_of(product), Contains("cublasLtMatmul, of D, writes 24 bytes"));
  }
  SECTION("what nobody has written") {
    const DeviceArray<float> fresh(24);
    CHECK_THAT(run_with(fresh.data(), product.on_d.data()), Contains("of A, reads") && Contains("nobody has written"));
  }
  SECTION("memory of the host") {
    product.prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, std::uint32_t{4});
    REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
    CHECK_THAT(run_with(product.a.values.data(), product.on_d.data()),
               Contains("cublasLtMatmul, of A, reads 24 bytes") && Contains("not memory of the device"));
  }
  SECTION("a start less aligned than the heuristic was told") {
    const DeviceArray<float> more(std::vector<float>(64, 1.0F));
    CHECK_THAT(run_with(more.data() + 2, product.on_d.data()),
               Contains("A starts on a multiple of 8 bytes; the algorithm was chosen for 256"));
    product.prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, std::uint32_t{8});
    REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
    CHECK(run_with(more.data() + 2, product.on_d.data()).empty());
  }
  SECTION("a bias less aligned than the one that the heuristic saw") {
    product.use(CUBLASLT_EPILOGUE_BIAS);
    REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
    const DeviceArray<float> more(std::vector<float>(64, 1.0F));
    const float* const shifted = more.data() + 1;
    product.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, shifted);
    CHECK_THAT(error_of(product), Contains("the bias starts on a multiple of 4 bytes"));
    REQUIRE(product.choose() == CUBLAS_STATUS_SUCCESS);
    CHECK(error_of(product).empty());
  }
  SECTION("D that overlaps A, but not where its columns lie between A's") {
    const DeviceArray<float> both(std::vector<float>(1024, 1.0F));
    CHECK_THAT(run_with(both.data(), both.data()), Contains("D overlaps A"));
    layout(product.a_layout, 6, 4, 128);
    layout(product.c_layout, 6, 8, 128);
    layout(product.d_layout, 6, 8, 128);
    CHECK(run_with(both.data(), both.data() + 64).empty());
  }
  SECTION("a workspace that is not there") {
    const DeviceArray<std::byte> small(100);
    const float one = 1, zero = 0;
    CHECK_THROWS_WITH(
        cublasLtMatmul(product.handle, product.operation, &one, product.on_a.data(), product.a_layout,
                       product.on_b.data(), product.b_layout, &zero, product.on_d.data(), product.c_layout,
                       product.on_d.data(), product.d_layout, &product.result.algo, small.data(), 4096, nullptr),
        Contains("of its workspace, writes 4096 bytes"));
  }
}
