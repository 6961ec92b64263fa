// Every family of instructions that computes, against values worked out by hand from the ISA.
#include "tests/ptx/ptx_kernel.h"

#include <cmath>
#include <limits>

using namespace ethreed;
using namespace ethreed::test;

namespace {

struct Word {
  const char* body;
  std::uint32_t wanted;
};
struct Long {
  const char* body;
  std::uint64_t wanted;
};

void check_words(const std::vector<Word>& cases) {
  for (const Word& one : cases) {
    CAPTURE(one.body);
    CHECK(word_of(one.body) == one.wanted);
  }
}
void check_longs(const std::vector<Long>& cases) {
  for (const Long& one : cases) {
    CAPTURE(one.body);
    CHECK(long_of(one.body) == one.wanted);
  }
}

constexpr float infinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("PTX's integers wrap, divide to zero and keep their sign") {
  check_words({
      {"add.s32 %r1, 2147483647, 1;", 0x80000000U},
      {"sub.u32 %r1, 3, 5;", 0xFFFFFFFEU},
      {"mul.lo.s32 %r1, -3, 1431655766;", static_cast<std::uint32_t>(-3 * 1431655766LL)},
      {"mul.hi.s32 %r1, -1, 5;", 0xFFFFFFFFU},
      {"mul.hi.u32 %r1, -1, 5;", 4},
      {"mad.lo.s32 %r1, -3, 5, 1;", 0xFFFFFFF2U},
      {"mad.hi.u32 %r1, -1, -1, 3;", 1},
      {"div.s32 %r1, -7, 2;", 0xFFFFFFFDU},
      {"div.u32 %r1, -7, 2;", 0x7FFFFFFCU},
      {"rem.s32 %r1, -7, 2;", 0xFFFFFFFFU},
      {"rem.u32 %r1, -7, 10;", 9},
      {"min.s32 %r1, -1, 1;", 0xFFFFFFFFU},
      {"min.u32 %r1, -1, 1;", 1},
      {"max.s32 %r1, -1, 1;", 1},
      {"neg.s32 %r1, 5;", 0xFFFFFFFBU},
      {"abs.s32 %r1, -5;", 5},
      {"mov.u16 %h1, 65535; mul.wide.s16 %r1, %h1, 3;", 0xFFFFFFFDU},
      {"mov.u16 %h1, 65535; mul.wide.u16 %r1, %h1, 3;", 196605},
  });
  check_longs({
      {"mul.wide.s32 %d1, -2, 3;", 0xFFFFFFFFFFFFFFFAU},
      {"mul.wide.u32 %d1, -2, 3;", 0x2FFFFFFFAU},
      {"mad.wide.s32 %d1, -2, 3, 10;", 4},
      {"mul.hi.u64 %d1, -1, 16;", 15},
      {"mul.hi.s64 %d1, -1, 16;", 0xFFFFFFFFFFFFFFFFU},
      {"mad.lo.s64 %d1, 4294967296, 3, -1;", 0x2FFFFFFFFU},
      {"div.s64 %d1, -9, 4;", 0xFFFFFFFFFFFFFFFEU},
      {"rem.s64 %d1, -9, 4;", 0xFFFFFFFFFFFFFFFFU},
      {"min.s64 %d1, -9, 4;", 0xFFFFFFFFFFFFFFF7U},
      {"neg.s64 %d1, 1;", 0xFFFFFFFFFFFFFFFFU},
  });
}

TEST_CASE("PTX's bits are shifted, counted, moved and looked up as the ISA says") {
  check_words({
      {"and.b32 %r1, 12, 10;", 8},
      {"or.b32 %r1, 12, 10;", 14},
      {"xor.b32 %r1, 12, 10;", 6},
      {"not.b32 %r1, 0;", 0xFFFFFFFFU},
      {"shl.b32 %r1, 1, 31;", 0x80000000U},
      {"shl.b32 %r1, 1, 32;", 0},
      {"shr.u32 %r1, 0x80000000, 31;", 1},
      {"shr.u32 %r1, 0x80000000, 32;", 0},
      {"shr.s32 %r1, 0x80000000, 40;", 0xFFFFFFFFU},
      {"shf.l.wrap.b32 %r1, 0x80000000, 1, 1;", 3},
      {"shf.r.wrap.b32 %r1, 2, 1, 33;", 0x80000001U},
      {"shf.r.clamp.b32 %r1, 2, 7, 40;", 7},
      {"popc.b32 %r1, 0xF0F0;", 8},
      {"mov.u64 %d1, -1; popc.b64 %r1, %d1;", 64},
      {"clz.b32 %r1, 1;", 31},
      {"brev.b32 %r1, 1;", 0x80000000U},
      {"bfe.u32 %r1, 0xABCD, 4, 8;", 0xBC},
      {"bfe.s32 %r1, 0xF0, 4, 4;", 0xFFFFFFFFU},
      {"bfe.u32 %r1, -1, 30, 8;", 3},
      {"bfi.b32 %r1, 0xF, 0, 8, 4;", 0xF00},
      {"lop3.b32 %r1, 12, 10, 6, 0x96;", 12 ^ 10 ^ 6},
      {"lop3.b32 %r1, 12, 10, 6, 0xE8;", (12 & 10) | (12 & 6) | (10 & 6)},
      {"prmt.b32 %r1, 0x33221100, 0x77665544, 0x7240;", 0x77224400U},
      {"prmt.b32 %r1, 0x80, 0, 0x0008;", 0x808080FFU},
      {"mov.b64 %d1, {7, 9}; mov.b64 {%r2, %r1}, %d1;", 9},
      {"mov.b32 %r2, 0x00050003; mov.b32 {%h1, %h2}, %r2; cvt.u32.u16 %r1, %h2;", 5},
      {"{ .reg .b32 %t; mov.u32 %t, 4; mov.u32 %r1, %t; }", 4},
  });
  check_longs({
      {"shl.b64 %d1, 1, 40;", std::uint64_t{1} << 40U},
      {"shr.s64 %d1, -4, 1;", 0xFFFFFFFFFFFFFFFEU},
      {"bfi.b64 %d1, 7, 9, 32, 32;", 0x700000009U},
      {"mov.b64 %d1, {7, 9};", 0x900000007U},
  });
}

TEST_CASE("PTX's predicates guard, combine and select, and NaN is unordered") {
  const std::string nan = "0f7FC00000";
  const auto of = [&](const std::string& text) {  // 1 if %p1, plus 2 if %p2
    return word_of("setp.eq.s32 %p3, 1, 1;\nsetp.eq.s32 %p4, 1, 2;\nmov.pred %p2, %p4;\nmov.u32 %r1, 0;\n" + text +
                   "\n@%p1 add.s32 %r1, %r1, 1;\n@%p2 add.s32 %r1, %r1, 2;");
  };
  CHECK(of("setp.lt.s32 %p1, -1, 1;") == 1);
  CHECK(of("setp.lt.u32 %p1, -1, 1;") == 0);
  CHECK(of("setp.hs.u32 %p1, -1, 1;") == 1);
  CHECK(of("setp.lt.s32 %p1|%p2, 5, 1;") == 2);
  CHECK(of("setp.lt.and.s32 %p1, 1, 5, %p4;") == 0);
  CHECK(of("setp.lt.and.s32 %p1, 1, 5, !%p4;") == 1);
  CHECK(of("setp.gt.or.s32 %p1|%p2, 1, 5, %p4;") == 2);
  CHECK(of("setp.gt.xor.s32 %p1, 1, 5, %p3;") == 1);
  CHECK(of("setp.lt.f32 %p1, " + nan + ", 0f00000000;") == 0);
  CHECK(of("setp.ltu.f32 %p1, " + nan + ", 0f00000000;") == 1);
  CHECK(of("setp.ne.f32 %p1, " + nan + ", " + nan + ";") == 0);
  CHECK(of("setp.neu.f32 %p1, " + nan + ", " + nan + ";") == 1);
  CHECK(of("setp.nan.f32 %p1, " + nan + ", 0f00000000;") == 1);
  CHECK(of("setp.num.f32 %p1, " + nan + ", 0f00000000;") == 0);
  CHECK(of("setp.eq.f32 %p1, 0f80000000, 0f00000000;") == 1);
  CHECK(of("setp.eq.ftz.f32 %p1, 0f00000001, 0f00000000;") == 1);
  CHECK(of("setp.geu.f64 %p1, 0d3FF0000000000000, 0d4000000000000000;") == 0);
  CHECK(of("or.pred %p1, %p3, %p4;\nnot.pred %p2, %p4;") == 3);
  CHECK(of("and.pred %p1, %p3, %p4;\nxor.pred %p2, %p3, %p4;") == 2);
  CHECK(of("mov.pred %p1, %p4;\n@!%p1 mov.pred %p1, %p3;") == 1);
  CHECK(word_of("setp.eq.s32 %p1, 1, 2;\nselp.b32 %r1, 7, 9, %p1;") == 9);
  CHECK(word_of("setp.eq.s32 %p1, 2, 2;\nselp.f32 %r1, 0f3F800000, 0f00000000, %p1;") == 0x3F800000U);
}

TEST_CASE("PTX's floating numbers are rounded once, in the direction that the opcode says") {
  const float tiny = 0x1p-30F;
  const std::string one_and_tiny = ptx_number(1.0F) + ", " + ptx_number(tiny) + ";";
  CHECK(float_of("add.f32 %r1, " + one_and_tiny) == 1.0F);
  CHECK(float_of("add.rn.f32 %r1, " + one_and_tiny) == 1.0F);
  CHECK(float_of("add.rz.f32 %r1, " + one_and_tiny) == 1.0F);
  CHECK(float_of("add.rm.f32 %r1, " + one_and_tiny) == 1.0F);
  CHECK(float_of("add.rp.f32 %r1, " + one_and_tiny) == std::nextafter(1.0F, 2.0F));
  CHECK(float_of("sub.rz.f32 %r1, " + one_and_tiny) == std::nextafter(1.0F, 0.0F));
  const float third = 1.0F / 3.0F;
  const std::string thirds = ptx_number(third) + ", " + ptx_number(3.0F);
  // 1/3 is rounded up: three times that is 1 + 2^−25, which a product rounds away and a fused sum keeps.
  CHECK(float_of("mul.f32 %r1, " + thirds + ";") == 1.0F);
  CHECK(float_of("fma.rn.f32 %r1, " + thirds + ", " + ptx_number(-1.0F) + ";") == 0x1p-25F);
  CHECK(float_of("fma.rm.f32 %r1, " + ptx_number(tiny) + ", " + ptx_number(-1.0F) + ", " + ptx_number(1.0F) + ";") ==
        std::nextafter(1.0F, 0.0F));
  CHECK(float_of("div.rn.f32 %r1, " + ptx_number(1.0F) + ", " + ptx_number(3.0F) + ";") == third);
  CHECK(float_of("rcp.rn.f32 %r1, " + ptx_number(3.0F) + ";") == third);
  CHECK(float_of("sqrt.rn.f32 %r1, " + ptx_number(2.0F) + ";") == std::sqrt(2.0F));
  CHECK(double_of("add.f64 %d1, " + ptx_number(1.0) + ", " + ptx_number(0x1p-60) + ";") == 1.0);
  CHECK(double_of("fma.rn.f64 %d1, " + ptx_number(1.0 / 3) + ", " + ptx_number(3.0) + ", " + ptx_number(-1.0) + ";") ==
        std::fma(1.0 / 3, 3.0, -1.0));
  CHECK(double_of("div.rn.f64 %d1, " + ptx_number(1.0) + ", " + ptx_number(3.0) + ";") == 1.0 / 3);
  CHECK(double_of("sqrt.rn.f64 %d1, " + ptx_number(2.0) + ";") == std::sqrt(2.0));
  CHECK(double_of("rcp.rn.f64 %d1, " + ptx_number(3.0) + ";") == 1.0 / 3);
}

TEST_CASE("PTX flushes, saturates and prefers numbers to NaN where the opcode says so") {
  const std::string denormal = "0f00000100", nan = "0f7FC12345";
  CHECK(word_of("add.f32 %r1, " + denormal + ", 0f00000000;") == 0x100);
  CHECK(word_of("add.ftz.f32 %r1, " + denormal + ", 0f00000000;") == 0);
  CHECK(word_of("mul.ftz.f32 %r1, 0f80800000, 0f3F000000;") == 0x80000000U);  // −2^−126 / 2
  CHECK(float_of("add.sat.f32 %r1, " + ptx_number(0.75F) + ", " + ptx_number(0.5F) + ";") == 1.0F);
  CHECK(word_of("add.sat.f32 %r1, " + nan + ", 0f00000000;") == 0);
  CHECK(word_of("add.f32 %r1, " + nan + ", 0f00000000;") == 0x7FFFFFFFU);
  CHECK(word_of("min.f32 %r1, " + nan + ", 0f3F800000;") == 0x3F800000U);
  CHECK(word_of("max.NaN.f32 %r1, " + nan + ", 0f3F800000;") == 0x7FFFFFFFU);
  CHECK(word_of("min.f32 %r1, 0f00000000, 0f80000000;") == 0x80000000U);
  CHECK(word_of("max.f32 %r1, 0f80000000, 0f00000000;") == 0);
  CHECK(word_of("abs.f32 %r1, 0fBF800000;") == 0x3F800000U);
  CHECK(word_of("neg.f32 %r1, 0f00000000;") == 0x80000000U);
  CHECK(word_of("copysign.f32 %r1, 0f80000000, 0f3F800000;") == 0xBF800000U);
  CHECK(double_of("abs.f64 %d1, " + ptx_number(-2.0) + ";") == 2.0);
  CHECK(double_of("neg.f64 %d1, " + ptx_number(-2.0) + ";") == 2.0);
}

TEST_CASE("PTX converts with the rounding, the limits and the NaN of the ISA") {
  check_words({
      {"cvt.rni.s32.f32 %r1, 0f40200000;", 2},            // 2.5
      {"cvt.rzi.s32.f32 %r1, 0fC0200000;", 0xFFFFFFFEU},  // −2.5
      {"cvt.rmi.s32.f32 %r1, 0fC0200000;", 0xFFFFFFFDU},
      {"cvt.rpi.s32.f32 %r1, 0f40200000;", 3},
      {"cvt.rzi.u32.f32 %r1, 0fC0200000;", 0},
      {"cvt.rzi.s32.f32 %r1, 0f7F800000;", 0x7FFFFFFFU},
      {"cvt.rzi.s32.f32 %r1, 0f7FC00000;", 0},
      {"cvt.rni.f32.f32 %r1, 0f40600000;", 0x40800000U},  // 3.5 to 4
      {"cvt.sat.f32.f32 %r1, 0f40600000;", 0x3F800000U},
      {"cvt.rn.f32.s32 %r1, 16777217;", 0x4B800000U},
      {"cvt.rp.f32.s32 %r1, 16777217;", 0x4B800001U},
      {"cvt.rn.f32.f64 %r1, 0d3FF0000010000000;", 0x3F800000U},
      {"cvt.rp.f32.f64 %r1, 0d3FF0000000000001;", 0x3F800001U},
      {"mov.u32 %r2, 200; cvt.s32.s8 %r1, %r2;", 0xFFFFFFC8U},
      {"mov.u32 %r2, 200; cvt.u32.u8 %r1, %r2;", 200},
      {"mov.u16 %h1, 0x8000; cvt.s32.s16 %r1, %h1;", 0xFFFF8000U},
      {"cvt.u32.u64 %r1, 4294967301;", 5},
      {"cvt.sat.u8.s32 %r1, 300;", 255},
      {"cvt.sat.s8.s32 %r1, -300;", 0xFFFFFF80U},
  });
  check_longs({
      {"cvt.s64.s32 %d1, -1;", 0xFFFFFFFFFFFFFFFFU},
      {"cvt.u64.u32 %d1, -1;", 0xFFFFFFFFU},
      {"cvt.f64.f32 %d1, 0f3F800000;", 0x3FF0000000000000U},
      {"cvt.rn.f64.s32 %d1, -2;", 0xC000000000000000U},
      {"cvt.rzi.s64.f64 %d1, 0d7FF8000000000000;", 0x8000000000000000U},
  });
}

TEST_CASE("PTX's approximations are within their documented errors, on either side on demand") {
  using emulation::ptx::approximation;
  using emulation::ptx::Approximation;
  const double sine = std::exp2(-20.5), far_sine = std::exp2(-14.7);
  for (const Approximation how : {Approximation::low, Approximation::exact, Approximation::high}) {
    approximation() = how;
    const double sign = how == Approximation::low ? -1 : how == Approximation::high ? 1 : 0;
    // At the bound, but for the rounding to a float.
    const auto check = [&](const std::string& opcode, const std::string& operands, double exact, double bound) {
      CAPTURE(opcode, operands);
      const double error = static_cast<double>(float_of(opcode + " %r1, " + operands + ";")) - exact;
      const double rounding = std::abs(exact) * 0x1p-24;
      CHECK(std::abs(error - sign * bound) <= rounding);
    };
    const auto near = [&](const std::string& opcode, float x, double exact, double bound) {
      check(opcode, ptx_number(x), exact, bound);
    };
    near("ex2.approx.ftz.f32", 0.3F, std::exp2(static_cast<double>(0.3F)), 0x1p-22);
    near("lg2.approx.f32", 5.0F, std::log2(5.0), std::log2(5.0) * 0x1p-22);
    near("lg2.approx.f32", 1.25F, std::log2(1.25), 0x1p-22);
    near("rcp.approx.ftz.f32", 3.0F, 1.0 / 3, 0x1p-25);
    near("rsqrt.approx.f32", 3.0F, 1 / std::sqrt(3.0), std::exp2(-22.9) / std::sqrt(3.0));
    near("sqrt.approx.f32", 3.0F, std::sqrt(3.0), std::sqrt(3.0) * 0x1p-23);
    near("sin.approx.f32", 1.0F, std::sin(1.0), sine);
    near("cos.approx.f32", 1.0F, std::cos(1.0), sine);
    near("sin.approx.f32", 50.0F, std::sin(50.0), far_sine);
    near("cos.approx.f32", -50.0F, std::cos(50.0), far_sine);
    near("tanh.approx.f32", 0.5F, std::tanh(0.5), std::tanh(0.5) * 0x1p-11);
    const std::string one_third = ptx_number(1.0F) + ", " + ptx_number(3.0F);
    check("div.full.f32", one_third, 1.0 / 3, 0x1p-24);
    check("div.approx.f32", one_third, 1.0 / 3, 0x1p-24);
    if (sign != 0) CHECK(float_of("sin.approx.f32 %r1, " + ptx_number(1000.0F) + ";") == sign);
    CHECK(float_of("ex2.approx.ftz.f32 %r1, " + ptx_number(-infinity) + ";") == 0);
    CHECK(float_of("ex2.approx.ftz.f32 %r1, " + ptx_number(-3.0F) + ";") == 0.125F);
    CHECK(float_of("rcp.approx.ftz.f32 %r1, " + ptx_number(0.0F) + ";") == infinity);
    // Above 2^126 the reciprocal of div.approx is 0.
    const std::string large = ptx_number(0x1p127F) + ";";
    CHECK(float_of("div.approx.f32 %r1, " + ptx_number(0x1p100F) + ", " + large) == 0);
    CHECK(word_of("div.approx.f32 %r1, " + ptx_number(infinity) + ", " + large) == 0x7FFFFFFFU);
    check("div.full.f32", ptx_number(0x1p100F) + ", " + ptx_number(0x1p127F), 0x1p-27, 0x1p-49);
    const double root = double_of("rcp.approx.ftz.f64 %d1, " + ptx_number(3.0) + ";");
    CHECK(std::abs(root * 3 - 1) <= 0x1p-19);
    CHECK((std::bit_cast<std::uint64_t>(root) & 0xFFFFFFFFU) == 0);
  }
  approximation() = Approximation::exact;
}
