#pragma once
// Registers that hold a piece of a matrix (AMX tiles), and the instruction that multiplies two of them: AMX of Intel's
// Xeons from Sapphire Rapids on, and the same in plain loops, with which the tests compare it and the code around it.
//
// Eight registers of up to 16 rows of 64 bytes: 16 numbers of float, or 16 pairs of bfloat16. Intel, Architecture
// Instruction Set Extensions Programming Reference, TDPBF16PS.

#include "core/instruction_set.h"
#include "kernels/gemm/simd/simd.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace ethreed::gemm_cpu {

inline constexpr int unit_rows = 16;     ///< of a register
inline constexpr int unit_columns = 16;  ///< 32-bit elements of a row
inline constexpr int unit_registers = 8;

/// How many rows each register has.
using RegisterRows = std::array<std::uint8_t, unit_registers>;

/// True if this process may use AMX; it asks the kernel once. Always false in kernels for instructions without it.
bool has_matrix_unit(Cpu);

#if defined(ETHREED_BF16)

/// The registers in memory, the instruction in loops.
class PlainUnit {
 public:
  explicit PlainUnit(const RegisterRows& rows) : rows_(rows) {}

  template <int r> void zero() { registers_[r] = {}; }
  /// `step`: bytes from one row to the next.
  template <int r> void load(const void* from, std::ptrdiff_t step) {
    registers_[r] = {};
    for (std::ptrdiff_t i = 0; i < rows_[r]; ++i)
      std::memcpy(row(r, i), static_cast<const std::byte*>(from) + i * step, row_bytes);
  }
  template <int r> void store(void* to, std::ptrdiff_t step) {
    for (std::ptrdiff_t i = 0; i < rows_[r]; ++i)
      std::memcpy(static_cast<std::byte*>(to) + i * step, row(r, i), row_bytes);
  }
  /// c[i][j] += Σ_q a[i][q].first·b[q][j].first + Σ_q a[i][q].second·b[q][j].second: two chains of multiply-adds in
  /// float from zero, their sum, and that added to c. What is denormal becomes 0.
  template <int c, int a, int b> void multiply_add() {
    for (std::ptrdiff_t i = 0; i < rows_[c]; ++i)
      for (std::ptrdiff_t j = 0; j < unit_columns; ++j) {
        float sum[2] = {0, 0};
        for (std::ptrdiff_t q = 0; q < unit_columns; ++q)
          for (int half = 0; half < 2; ++half)
            sum[half] =
                normal(std::fma(number(row(a, i)[q], half), q < rows_[b] ? number(row(b, q)[j], half) : 0, sum[half]));
        std::uint32_t& element = row(c, i)[j];
        element = std::bit_cast<std::uint32_t>(normal(std::bit_cast<float>(element) + normal(sum[0] + sum[1])));
      }
  }

 private:
  static constexpr std::size_t row_bytes = 64;

  static float normal(float x) { return std::abs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0F, x) : x; }
  static float number(std::uint32_t pair, int half) {
    return normal(std::bit_cast<float>(half == 0 ? pair << 16 : pair & 0xffff0000U));
  }
  std::uint32_t* row(std::size_t r, std::ptrdiff_t i) { return registers_[r].data() + i * unit_columns; }

  RegisterRows rows_;
  std::array<std::array<std::uint32_t, unit_rows * unit_columns>, unit_registers> registers_{};
};

#endif

#if defined(ETHREED_AMX)

/// The registers of the processor, for as long as this lives. One at a time in a thread. In assembly, because GCC's
/// intrinsics take the numbers of registers as text, and do not tell the compiler what memory they read and write.
class AmxUnit {
 public:
  explicit AmxUnit(const RegisterRows& rows) {
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } configuration;
    std::fill_n(configuration.row_bytes, unit_registers, std::uint16_t{64});
    std::copy(rows.begin(), rows.end(), configuration.rows);
    asm volatile("ldtilecfg %0" : : "m"(configuration));
  }
  ~AmxUnit() { asm volatile("tilerelease"); }
  AmxUnit(const AmxUnit&) = delete;
  AmxUnit& operator=(const AmxUnit&) = delete;

  template <int r> [[gnu::always_inline]] void zero() { asm volatile("tilezero %%tmm%c0" : : "i"(r)); }
  template <int r> [[gnu::always_inline]] void load(const void* from, std::ptrdiff_t step) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(step), "i"(r) : "memory");
  }
  template <int r> [[gnu::always_inline]] void store(void* to, std::ptrdiff_t step) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(step), "i"(r) : "memory");
  }
  template <int c, int a, int b> [[gnu::always_inline]] void multiply_add() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));
  }
};

#endif

}  // namespace ethreed::gemm_cpu
