#pragma once
// What CUDA gives a kernel: indices, barriers, shuffles, votes, atomics, intrinsics; and the shared memory behind
// kernels/common/block.h. Functions that wait take the place of their call as a last, defaulted argument, for reports.

#include "kernels/emulation/types.h"

#include <math.h>

#include <bit>
#include <cstring>
#include <source_location>
#include <type_traits>

namespace ethreed::emulation {

/// Of the thread that runs now. To kernels it is constant (so that the compiler need not instrument it); the scheduler
/// writes the same object under another name.
extern constinit thread_local const BuiltIns built_in __asm__("ethreed_emulation_built_in");

#ifdef __cpp_lib_source_location
using Place = std::source_location;
#else
/// The part of std::source_location that is used here, for compilers without it (Clang 14).
class Place {
 public:
  constexpr Place() = default;
  static constexpr Place current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE(),
                                 unsigned column = __builtin_COLUMN()) {
    return {file, line, column};
  }
  constexpr const char* file_name() const { return file_; }
  constexpr unsigned line() const { return line_; }
  constexpr unsigned column() const { return column_; }

 private:
  constexpr Place(const char* file, unsigned line, unsigned column) : file_(file), line_(line), column_(column) {}
  const char* file_ = "";
  unsigned line_ = 0, column_ = 0;
};
#endif

// --- barriers, shuffles, votes ---------------------------------------------------------------------------------------

enum class BlockOperation : std::uint8_t { sync, count, all, any };
enum class WarpOperation : std::uint8_t { sync, shuffle, ballot, all, any };

/// Waits for all threads of the block; returns the vote.
int block_operation(BlockOperation operation, int predicate, const Place& place);
/// Waits for the lanes of the mask; returns the value of lane `source` (shuffle) or the vote.
std::uint64_t warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value, int source,
                             const Place& place);
void grid_barrier(const Place& place = Place::current());
inline int lane_index() {
  const auto& [index, block, size, grid] = built_in;
  return static_cast<int>((index.x + size.x * (index.y + size.y * index.z)) % 32);
}

inline void __syncthreads(const Place& place = Place::current()) { block_operation(BlockOperation::sync, 0, place); }
inline int __syncthreads_count(int predicate, const Place& place = Place::current()) {
  return block_operation(BlockOperation::count, predicate, place);
}
inline int __syncthreads_and(int predicate, const Place& place = Place::current()) {
  return block_operation(BlockOperation::all, predicate, place);
}
inline int __syncthreads_or(int predicate, const Place& place = Place::current()) {
  return block_operation(BlockOperation::any, predicate, place);
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFU, const Place& place = Place::current()) {
  warp_operation(WarpOperation::sync, mask, 0, 0, place);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, const Place& place = Place::current()) {
  return static_cast<unsigned>(warp_operation(WarpOperation::ballot, mask, predicate != 0, 0, place));
}
inline int __any_sync(unsigned mask, int predicate, const Place& place = Place::current()) {
  return static_cast<int>(warp_operation(WarpOperation::any, mask, predicate != 0, 0, place));
}
inline int __all_sync(unsigned mask, int predicate, const Place& place = Place::current()) {
  return static_cast<int>(warp_operation(WarpOperation::all, mask, predicate != 0, 0, place));
}
/// Lanes that happen to run together: here each runs alone.
inline unsigned __activemask() { return 1U << lane_index(); }

template <class T> T shuffle(unsigned mask, T value, int source, const Place& place) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8, "shuffles carry up to 8 bytes");
  if constexpr (sizeof(T) == 8) {
    return std::bit_cast<T>(
        warp_operation(WarpOperation::shuffle, mask, std::bit_cast<std::uint64_t>(value), source, place));
  } else if constexpr (sizeof(T) == 4) {
    const auto bits = warp_operation(WarpOperation::shuffle, mask, std::bit_cast<std::uint32_t>(value), source, place);
    return std::bit_cast<T>(static_cast<std::uint32_t>(bits));
  } else {
    static_assert(std::is_integral_v<T>, "shuffles of 1 or 2 bytes carry integers");
    return static_cast<T>(
        warp_operation(WarpOperation::shuffle, mask, static_cast<std::uint64_t>(value), source, place));
  }
}
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, const Place& place = Place::current()) {
  return shuffle(mask, value, (lane_index() & ~(width - 1)) | (source & (width - 1)), place);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, const Place& place = Place::current()) {
  const int lane = lane_index(), source = lane - static_cast<int>(delta);
  return shuffle(mask, value, source < (lane & ~(width - 1)) ? lane : source, place);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, const Place& place = Place::current()) {
  const int lane = lane_index(), source = lane + static_cast<int>(delta);
  return shuffle(mask, value, source > (lane | (width - 1)) ? lane : source, place);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, const Place& place = Place::current()) {
  const int lane = lane_index(), source = lane ^ lanes;
  return shuffle(mask, value, source > (lane | (width - 1)) ? lane : source, place);
}

// --- shared memory ---------------------------------------------------------------------------------------------------

/// The block's array of this key, made when it is first asked for.
void* static_shared(const void* key, std::size_t bytes, std::size_t alignment, const Place& place = Place::current());
/// The dynamic shared memory of the launch; type_key names the type it is taken as, which must be one per launch.
void* dynamic_shared(const void* type_key, const Place& place = Place::current());

// --- atomics and fences ----------------------------------------------------------------------------------------------

int atomicAdd(int* address, int value, const Place& place = Place::current());
unsigned atomicAdd(unsigned* address, unsigned value, const Place& place = Place::current());
unsigned long long atomicAdd(unsigned long long* address, unsigned long long value,
                             const Place& place = Place::current());
float atomicAdd(float* address, float value, const Place& place = Place::current());
double atomicAdd(double* address, double value, const Place& place = Place::current());
int atomicSub(int* address, int value, const Place& place = Place::current());
unsigned atomicSub(unsigned* address, unsigned value, const Place& place = Place::current());
int atomicMax(int* address, int value, const Place& place = Place::current());
unsigned atomicMax(unsigned* address, unsigned value, const Place& place = Place::current());
unsigned long long atomicMax(unsigned long long* address, unsigned long long value,
                             const Place& place = Place::current());
int atomicMin(int* address, int value, const Place& place = Place::current());
unsigned atomicMin(unsigned* address, unsigned value, const Place& place = Place::current());
unsigned long long atomicMin(unsigned long long* address, unsigned long long value,
                             const Place& place = Place::current());
int atomicOr(int* address, int value, const Place& place = Place::current());
unsigned atomicOr(unsigned* address, unsigned value, const Place& place = Place::current());
int atomicAnd(int* address, int value, const Place& place = Place::current());
unsigned atomicAnd(unsigned* address, unsigned value, const Place& place = Place::current());
int atomicExch(int* address, int value, const Place& place = Place::current());
unsigned atomicExch(unsigned* address, unsigned value, const Place& place = Place::current());
unsigned long long atomicExch(unsigned long long* address, unsigned long long value,
                              const Place& place = Place::current());
int atomicCAS(int* address, int expected, int value, const Place& place = Place::current());
unsigned atomicCAS(unsigned* address, unsigned expected, unsigned value, const Place& place = Place::current());
unsigned long long atomicCAS(unsigned long long* address, unsigned long long expected, unsigned long long value,
                             const Place& place = Place::current());

inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

template <class T> T __ldg(const T* p) { return *p; }
template <class T> T __ldcg(const T* p) { return *p; }
template <class T> T __ldcs(const T* p) { return *p; }
template <class T> void __stcg(T* p, T value) { *p = value; }
template <class T> void __stcs(T* p, T value) { *p = value; }

// --- intrinsics ------------------------------------------------------------------------------------------------------

// The fast approximations of the GPU are exact functions here. (cuda_runtime.h gives fast_expf its name __expf.)
inline float fast_expf(float x) { return ::expf(x); }
inline float fast_exp10f(float x) { return ::powf(10.0F, x); }
inline float fast_logf(float x) { return ::logf(x); }
inline float fast_log2f(float x) { return ::log2f(x); }
inline float fast_log10f(float x) { return ::log10f(x); }
inline float fast_sinf(float x) { return ::sinf(x); }
inline float fast_cosf(float x) { return ::cosf(x); }
inline float fast_powf(float x, float y) { return ::powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x >= 1.0F ? 1.0F : x > 0.0F ? x : 0.0F; }
inline float rsqrtf(float x) { return 1.0F / ::sqrtf(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline double rsqrt(double x) { return 1.0 / ::sqrt(x); }
inline float __frsqrt_rn(float x) { return rsqrtf(x); }
inline float __frcp_rn(float x) { return 1.0F / x; }
inline float __fsqrt_rn(float x) { return ::sqrtf(x); }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return ::fmaf(x, y, z); }
inline double __fma_rn(double x, double y, double z) { return ::fma(x, y, z); }

/// A value that the compiler cannot fuse into the operation that uses it.
template <class T> T apart(T x) {
#if defined(__x86_64__)
  __asm__("" : "+x"(x));
#elif defined(__aarch64__)
  __asm__("" : "+w"(x));
#else
  volatile T kept = x;
  x = kept;
#endif
  return x;
}
inline float __fadd_rn(float x, float y) { return apart(x + y); }
inline float __fsub_rn(float x, float y) { return apart(x - y); }
inline float __fmul_rn(float x, float y) { return apart(x * y); }
inline double __dadd_rn(double x, double y) { return apart(x + y); }
inline double __dsub_rn(double x, double y) { return apart(x - y); }
inline double __dmul_rn(double x, double y) { return apart(x * y); }
inline double __ddiv_rn(double x, double y) { return x / y; }
inline double __dsqrt_rn(double x) { return ::sqrt(x); }

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __umulhi(unsigned x, unsigned y) {
  return static_cast<unsigned>(static_cast<unsigned long long>(x) * y >> 32U);
}
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>(static_cast<Wide>(x) * y >> 64U);
}
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

constexpr int min(int a, int b) { return b < a ? b : a; }
constexpr unsigned min(unsigned a, unsigned b) { return b < a ? b : a; }
constexpr long min(long a, long b) { return b < a ? b : a; }
constexpr unsigned long min(unsigned long a, unsigned long b) { return b < a ? b : a; }
constexpr long long min(long long a, long long b) { return b < a ? b : a; }
constexpr unsigned long long min(unsigned long long a, unsigned long long b) { return b < a ? b : a; }
inline float min(float a, float b) { return ::fminf(a, b); }
inline double min(double a, double b) { return ::fmin(a, b); }
constexpr int max(int a, int b) { return a < b ? b : a; }
constexpr unsigned max(unsigned a, unsigned b) { return a < b ? b : a; }
constexpr long max(long a, long b) { return a < b ? b : a; }
constexpr unsigned long max(unsigned long a, unsigned long b) { return a < b ? b : a; }
constexpr long long max(long long a, long long b) { return a < b ? b : a; }
constexpr unsigned long long max(unsigned long long a, unsigned long long b) { return a < b ? b : a; }
inline float max(float a, float b) { return ::fmaxf(a, b); }
inline double max(double a, double b) { return ::fmax(a, b); }

}  // namespace ethreed::emulation
