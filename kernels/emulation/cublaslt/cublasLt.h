#pragma once
// Stands in for CUDA's <cublasLt.h> when the host compiler compiles a .cu file: the names that kernels/gemm uses, with
// the meanings that NVIDIA's documentation of cuBLASLt (toolkit 13.0) gives them. Matrices are column-major. C++
// functions of this namespace, never the C symbols of these names: a program may link the real library too.
//
// Products are queued on their stream as kernels are. When they run, the checker sees what they touch: bounds of
// pieces, reads of what nobody has written. Beyond the documented status codes these are Errors (core/error.h):
//   - a matrix, bias or workspace outside of the device's lent memory, or read before it was written;
//   - a matrix or bias that starts less aligned than the heuristic was told: the algorithm may need it;
//   - D that overlaps A or B.
//
// What is not here, because nobody asks for it, has no name: batches, other orders and types than float and double in
// columns, scales on the device, epilogues beside bias and ReLU.

#include "kernels/emulation/types.h"

namespace ethreed::emulation {

enum cublasStatus_t : int {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_NOT_SUPPORTED = 15,
};
enum cublasOperation_t : int {
  CUBLAS_OP_N = 0,
  CUBLAS_OP_T = 1,
  CUBLAS_OP_C = 2,  ///< of real numbers the same as T
};
enum cublasComputeType_t : int {
  CUBLAS_COMPUTE_32F = 68,
  CUBLAS_COMPUTE_64F = 70,
  CUBLAS_COMPUTE_32F_FAST_TF32 = 77,  ///< inputs may be rounded to TF32; here they are not
};
enum cudaDataType_t : int { CUDA_R_32F = 0, CUDA_R_64F = 1 };

enum cublasLtEpilogue_t : std::uint32_t {
  CUBLASLT_EPILOGUE_DEFAULT = 1,
  CUBLASLT_EPILOGUE_RELU = 2,
  CUBLASLT_EPILOGUE_BIAS = 4,  ///< a packed vector as long as D has rows, added to every column
  CUBLASLT_EPILOGUE_RELU_BIAS = 6,
};
enum cublasLtReductionScheme_t : std::uint32_t {
  CUBLASLT_REDUCTION_SCHEME_NONE = 0,
  CUBLASLT_REDUCTION_SCHEME_INPLACE = 1,
  CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2,
  CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE = 4,
  CUBLASLT_REDUCTION_SCHEME_MASK = 7,
};
enum cublasLtMatmulDescAttributes_t : int {
  CUBLASLT_MATMUL_DESC_TRANSA = 3,        ///< int32: cublasOperation_t
  CUBLASLT_MATMUL_DESC_TRANSB = 4,        ///< int32
  CUBLASLT_MATMUL_DESC_EPILOGUE = 7,      ///< uint32
  CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8,  ///< the heuristic takes the bias for as aligned as this is
};
enum cublasLtMatmulPreferenceAttributes_t : int {
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,    ///< uint64, 0 unless it is set
  CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,  ///< uint32
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,  ///< uint32, as the others: 256 unless it is set
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8,
};

struct BlasLt;
struct MatmulDescription;
struct MatrixLayout;
struct MatmulPreference;
using cublasLtHandle_t = BlasLt*;
using cublasLtMatmulDesc_t = MatmulDescription*;
using cublasLtMatrixLayout_t = MatrixLayout*;
using cublasLtMatmulPreference_t = MatmulPreference*;

/// May be copied and kept. For products of the types, transpositions and epilogue that it was found for.
struct cublasLtMatmulAlgo_t {
  std::uint64_t data[8];
};
struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
  std::size_t workspaceSize;  ///< that the algorithm needs
  cublasStatus_t state;
  float wavesCount;
  int reserved[4];
};

const char* cublasLtGetStatusString(cublasStatus_t status);
cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle);
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle);

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* operation, cublasComputeType_t compute,
                                        cudaDataType_t scale);
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation);
/// INVALID_VALUE for a null value, or one of another size than the attribute's.
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes);

/// `stride`: the leading dimension, elements between columns.
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t stride);
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout);

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference);
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference);
/// As cublasLtMatmulDescSetAttribute().
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                                    std::size_t bytes);

/// Writes at most `requested` algorithms and how many there are; here one, which adds every sum over k in one place and
/// uses a workspace if it may. INVALID_VALUE if less than one is requested, or shapes are in conflict; NOT_SUPPORTED
/// for types and epilogues that do not go together.
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t* results, int* found);

/// D = alpha·op(A)·op(B) + beta·C, then the epilogue. alpha and beta are the host's and read now, C is not read where
/// beta is 0, C may be D with the same layout. Algorithm null: that of default preferences. INVALID_VALUE for nulls,
/// shapes in conflict, a workspace smaller than the algorithm's or not aligned to 16 bytes, a bias that is null;
/// NOT_SUPPORTED as the heuristic; NOT_INITIALIZED without a handle.
cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t stream);

}  // namespace ethreed::emulation

using ethreed::emulation::CUBLAS_COMPUTE_32F;
using ethreed::emulation::CUBLAS_COMPUTE_32F_FAST_TF32;
using ethreed::emulation::CUBLAS_COMPUTE_64F;
using ethreed::emulation::CUBLAS_OP_C;
using ethreed::emulation::CUBLAS_OP_N;
using ethreed::emulation::CUBLAS_OP_T;
using ethreed::emulation::CUBLAS_STATUS_INVALID_VALUE;
using ethreed::emulation::CUBLAS_STATUS_NOT_INITIALIZED;
using ethreed::emulation::CUBLAS_STATUS_NOT_SUPPORTED;
using ethreed::emulation::CUBLAS_STATUS_SUCCESS;
using ethreed::emulation::cublasComputeType_t;
using ethreed::emulation::CUBLASLT_EPILOGUE_BIAS;
using ethreed::emulation::CUBLASLT_EPILOGUE_DEFAULT;
using ethreed::emulation::CUBLASLT_EPILOGUE_RELU;
using ethreed::emulation::CUBLASLT_EPILOGUE_RELU_BIAS;
using ethreed::emulation::CUBLASLT_MATMUL_DESC_BIAS_POINTER;
using ethreed::emulation::CUBLASLT_MATMUL_DESC_EPILOGUE;
using ethreed::emulation::CUBLASLT_MATMUL_DESC_TRANSA;
using ethreed::emulation::CUBLASLT_MATMUL_DESC_TRANSB;
using ethreed::emulation::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
using ethreed::emulation::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
using ethreed::emulation::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES;
using ethreed::emulation::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES;
using ethreed::emulation::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
using ethreed::emulation::CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK;
using ethreed::emulation::CUBLASLT_REDUCTION_SCHEME_NONE;
using ethreed::emulation::cublasLtCreate;
using ethreed::emulation::cublasLtDestroy;
using ethreed::emulation::cublasLtEpilogue_t;
using ethreed::emulation::cublasLtGetStatusString;
using ethreed::emulation::cublasLtHandle_t;
using ethreed::emulation::cublasLtMatmul;
using ethreed::emulation::cublasLtMatmulAlgo_t;
using ethreed::emulation::cublasLtMatmulAlgoGetHeuristic;
using ethreed::emulation::cublasLtMatmulDesc_t;
using ethreed::emulation::cublasLtMatmulDescAttributes_t;
using ethreed::emulation::cublasLtMatmulDescCreate;
using ethreed::emulation::cublasLtMatmulDescDestroy;
using ethreed::emulation::cublasLtMatmulDescSetAttribute;
using ethreed::emulation::cublasLtMatmulHeuristicResult_t;
using ethreed::emulation::cublasLtMatmulPreference_t;
using ethreed::emulation::cublasLtMatmulPreferenceAttributes_t;
using ethreed::emulation::cublasLtMatmulPreferenceCreate;
using ethreed::emulation::cublasLtMatmulPreferenceDestroy;
using ethreed::emulation::cublasLtMatmulPreferenceSetAttribute;
using ethreed::emulation::cublasLtMatrixLayout_t;
using ethreed::emulation::cublasLtMatrixLayoutCreate;
using ethreed::emulation::cublasLtMatrixLayoutDestroy;
using ethreed::emulation::cublasStatus_t;
using ethreed::emulation::CUDA_R_32F;
using ethreed::emulation::CUDA_R_64F;
using ethreed::emulation::cudaDataType_t;
