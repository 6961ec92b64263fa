// Loads, stores and atomics of PTX in every space, and every access that must be refused.
#include "tests/ptx/ptx_kernel.h"

using namespace ethreed;
using namespace ethreed::test;
using Catch::Matchers::Contains;

namespace {

// The line of the first instruction of a body in module_of().
constexpr int first_line = 12;

void check_error(const std::string& text, std::initializer_list<std::string> parts, Shape shape = {}) {
  const std::string message = error_of(text, 4, shape);
  CAPTURE(text, message);
  for (const std::string& part : parts) CHECK_THAT(message, Contains(part));
}

std::string line(int of_body) { return fmt::format("test.ptx:{}", first_line + of_body); }

}  // namespace

TEST_CASE("PTX loads and stores one, two and four elements, and extends what is narrower than its register") {
  const auto words = run_ptx(module_of(R"(st.global.v4.u32 [%d0], {1, 2, -3, 0xFF80};
ld.global.v2.u32 {%r1, %r2}, [%d0];
add.s32 %r1, %r1, %r2;
st.global.u32 [%d0], %r1;
ld.global.s8 %r3, [%d0+12];
ld.global.u8 %r4, [%d0+12];
ld.global.s16 %r5, [%d0+12];
ld.global.u16 %r6, [%d0+12];
add.s64 %d2, %d0, 32;
st.global.v4.b32 [%d2+-16], {%r3, %r4, %r5, %r6};
mov.b16 %h1, 0x1234;
st.global.b16 [%d2], %h1;
st.volatile.global.u8 [%d2+2], 0x56;)"),
                             9);
  CHECK(words ==
        std::vector<std::uint32_t>{3, 2, 0xFFFFFFFDU, 0xFF80, 0xFFFFFF80U, 0x80, 0xFFFFFF80U, 0xFF80, 0x00561234});
}

TEST_CASE("PTX's shared memory, static and dynamic, its local memory and its constants are where they are looked for") {
  const std::string before =
      ".const .align 4 .u32 table[3] = {5, 6, 7};\n.global .align 4 .u32 counter = {40};\n"
      ".extern .shared .align 16 .b8 dynamic[];\n";
  const auto words = run_ptx(module_of(R"(.shared .align 4 .b8 fixed[8];
.local .align 8 .b8 __local_depot0[16];
mov.u64 %d1, __local_depot0;
cvta.local.u64 %d2, %d1;
st.local.u32 [%d1+4], 11;
ld.u32 %r1, [%d2+4];
mov.u32 %r2, fixed;
st.shared.u32 [%r2+4], %r1;
ld.shared.u32 %r3, [fixed+4];
mov.u64 %d3, dynamic;
cvta.shared.u64 %d4, %d3;
st.u32 [%d4+12], 13;
ld.shared.u32 %r4, [dynamic+12];
cvta.to.shared.u64 %d5, %d4;
ld.shared.u32 %r5, [%d5+12];
ld.const.u32 %r6, [table+8];
atom.global.add.u32 %r7, [counter], 2;
ld.global.u32 %r8, [counter];
st.global.v4.u32 [%d0], {%r3, %r4, %r5, %r6};
st.global.v2.u32 [%d0+16], {%r7, %r8};)",
                                       before),
                             6, {.shared_bytes = 16});
  CHECK(words == std::vector<std::uint32_t>{11, 13, 13, 7, 40, 42});
}

TEST_CASE("PTX's atomics return what was there before, from all threads") {
  const auto words = run_ptx(module_of(R"(mov.u32 %r2, %tid.x;
add.s32 %r3, %r2, 1;
atom.global.add.u32 %r1, [%d0], %r3;
red.relaxed.gpu.global.max.u32 [%d0+4], %r3;
atom.global.or.b32 %r1, [%d0+8], 4;
atom.global.cas.b32 %r1, [%d0+12], 0, %r3;
atom.global.exch.b32 %r1, [%d0+16], 9;
red.global.add.f32 [%d0+20], 0f3F800000;
red.global.min.s32 [%d0+24], -7;
atom.acq_rel.gpu.global.add.u64 %d1, [%d0+32], 4294967296;)"),
                             10, {.blocks = 3, .threads = 40});
  CHECK(words == std::vector<std::uint32_t>{3 * 820, 40, 4, words[3], 9, 0x42F00000U, 0xFFFFFFF9U, 0, 0, 120});
  CHECK(words[3] >= 1);
}

TEST_CASE("an access of PTX outside of what is lent, misaligned, or in another space is an error with its line") {
  check_error(module_of("st.global.u32 [%d0+16], 1;"), {"kernel test, block (0,0,0), thread (0,0,0)", "writes 4 bytes",
                                                        "behind the end of an allocation of 16 bytes", line(0)});
  check_error(module_of("nop_free:\nld.global.u32 %r1, [%d0+-4];"), {"reads 4 bytes", line(1)});
  check_error(module_of("ld.global.v2.u32 {%r1, %r2}, [%d0+4];"),
              {"reads 8 bytes", "not aligned to its size", line(0)});
  check_error(module_of("ld.global.u32 %r1, [%d0+2];"), {"not aligned to its size", line(0)});
  check_error(module_of("ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%d0+16];"), {"behind the end", line(0)});
  check_error(module_of("mov.u64 %d1, 0;\nld.global.u32 %r1, [%d1];"), {"reads 4 bytes", "null pointer", line(1)});
  check_error(module_of("ld.global.u32 %r1, [4096];"), {"not memory of the device", line(0)});
  check_error(module_of(".shared .align 4 .b8 fixed[8];\nst.shared.u32 [fixed+8], 1;"),
              {"writes 4 bytes", "behind the end of a shared array of 8 bytes", line(1)});
  check_error(module_of("st.shared.u32 [-4], 1;"), {"outside of the block's shared memory", line(0)});
  check_error(module_of(".shared .align 4 .b8 fixed[8];\nmov.u64 %d1, fixed;\ncvta.shared.u64 %d2, %d1;\n"
                        "st.global.u32 [%d2], 1;"),
              {"global memory", "which is shared memory", line(3)});
  check_error(module_of(".local .align 4 .b8 mine[8];\nld.local.u32 %r1, [mine+8];"),
              {"outside of the thread's local memory", line(1)});
  check_error(module_of("ld.param.u64 %d1, [out+8];"), {"outside of the parameters", line(0)});
  check_error(module_of("ld.const.u32 %r1, [table+4];", ".const .u32 table = 5;\n.const .align 4096 .b8 page[4096];"),
              {});
  check_error(module_of(".shared .align 4 .b8 fixed[8];\nld.shared.u32 %r1, [fixed];"),
              {"nobody has written", line(1)});
}

TEST_CASE("two threads of PTX at one address without a barrier between are an error, with a barrier they are not") {
  const std::string shared =
      ".shared .align 4 .b8 fixed[512];\nmov.u32 %r1, %tid.x;\nshl.b32 %r2, %r1, 2;\n"
      "mov.u32 %r3, fixed;\nadd.s32 %r4, %r3, %r2;\nst.shared.u32 [%r4], %r1;\n";
  const std::string neighbour = "ld.shared.u32 %r7, [fixed];\n";
  CHECK(error_of(module_of(shared + "bar.sync 0;\n" + neighbour), 4, {.threads = 128}).empty());
  check_error(module_of(shared + neighbour), {"races on shared memory", "no barrier is between", "test.ptx:"},
              {.threads = 128});
  check_error(module_of("st.global.u32 [%d0], 1;"), {"races on device memory", line(0)}, {.blocks = 2});
}

TEST_CASE("what is no PTX, or an instruction or an operand that is not known, is an error with its line") {
  const auto body = [](const std::string& text, const std::string& what) {
    check_error(module_of(text), {line(0) + ":", what});
  };
  body("add.s33 %r1, 1, 2;", "'add.s33' is not known");
  body("frobnicate %r1;", "'frobnicate' is not known");
  body("add.sat.s32 %r1, 1, 2;", "not known");
  body("fma.f32 %r1, %r1, %r1, %r1;", "not known");
  body("cvt.s32.f32 %r1, %r1;", "not known");
  body("add.s32 %r1, 1;", "3 operands, got 2");
  body("add.s32 %d1, 1, 2;", "a register of 64 bits where one of 32");
  body("add.s32 %r1, %p1, 2;", "a register of 1 bits");
  body("add.s32 %r99, 1, 2;", "'%r99' is no register");
  body("add.f32 %r1, 1, 2;", "an integer where a floating number is wanted");
  body("bra nowhere;", "there is no label 'nowhere'");
  body("mov.u64 %d1, nobody;", "nobody has declared 'nobody'");
  body("ld.global.u32 %r1, %d0;", "wanted an address in brackets");
  body("ld.global.u32 %r1, [%r2];", "a register of 32 bits where one of 64");
  body("@%r1 add.s32 %r1, 1, 2;", "a register of 32 bits");
  check_error(module_of("{\n.param .b64 param0;\nst.param.b64 [param0], %d0;\ncall.uni something, (param0);\n}"),
              {"calls a device function", line(2)});
  check_error(module_of("add.s32 %r1, 1, 2"), {line(1) + ": wanted ';', got 'ret'"});
  body("add.s32 %r1, 0f3F8, 2;", "is no number");
  body(".surfref s;", ".surfref is not known");
  check_error(module_of("twice:\nadd.s32 %r1, 1, 2;\ntwice:"), {line(2) + ": a second label 'twice'"});
  CHECK_THAT(error_of("int main() {}"), Contains("test.ptx:1: int is not known"));
  CHECK_THAT(error_of(""), Contains("no .target"));
  CHECK_THAT(error_of(".version 9.0\n.target sm_90\n.entry test("),
             Contains("test.ptx:3: wanted a parameter, got the end"));
  CHECK_THAT(error_of("/* "), Contains("a comment without an end"));
  CHECK_THAT(error_of(".target sm_90\n.address_size 32"), Contains("test.ptx:2"));
  CHECK_THAT(error_of(module_of("{")), Contains("a function without an end"));
}

TEST_CASE("arguments that are not the parameters of a kernel in PTX are an error") {
  emulation::ptx::Library library;
  library.add("test.ptx", ".target sm_90\n.entry test(.param .u64 a, .param .align 8 .b8 b[24]) { ret; }");
  const std::uint64_t a = 1;
  const std::array<double, 3> b{};
  using emulation::Argument;
  const auto work = [&](std::vector<Argument> arguments) { return library.work("test", arguments); };
  CHECK_NOTHROW(work({{&a, 8, 8}, {&b, 24, 8}}));
  CHECK_THROWS_WITH(work({{&a, 8, 8}}), Contains("2 parameters, launched with 1 arguments"));
  CHECK_THROWS_WITH(work({{&a, 4, 4}, {&b, 24, 8}}), Contains("parameter 0 has 8 bytes aligned to 8, the argument 4"));
  CHECK_THROWS_WITH(work({{&a, 8, 8}, {&b, 24, 16}}), Contains("aligned to 16"));
  CHECK_THROWS_WITH(library.work("other", {}), Contains("there is no kernel 'other' among 1"));
  CHECK_THROWS_WITH(library.add_folder("/nowhere"), Contains("no files *.ptx in '/nowhere'"));
}
