// What is said of a kernel's text and of what it executes, on little kernels whose answer is known.
#include "kernels/emulation/ptx/survey.h"
#include "tests/ptx/ptx_kernel.h"

using namespace ethreed;
using namespace ethreed::test;
using namespace ethreed::emulation::ptx;
using Catch::Matchers::Contains;

namespace {

Survey survey_of(const std::string& body) {
  return emulation::ptx::survey(parse("test.ptx", module_of(body)).entries.at(0));
}

// The barrier of the grid as cooperative groups have it, with its two instructions that order memory, and what may
// stand before, between and behind.
std::string grid_barrier(const std::string& arrival = "atom.add.release.gpu.u32 %r3, [%d2], %r2;",
                         const std::string& wait = "ld.acquire.gpu.u32 %r4, [%d2];",
                         const std::string& before = "bar.sync 0;", const std::string& behind = "bar.sync 0;",
                         const std::string& loop = "@%p2 bra again;") {
  return "mov.u32 %r0, %envreg2;\nmov.u32 %r1, %envreg1;\nmov.b64 %d1, {%r0, %r1};\nadd.s64 %d2, %d1, 4;\n"
         "st.global.u32 [%d0], 1;\n" +
         before + "\nmov.u32 %r2, %tid.x;\nsetp.ne.s32 %p1, %r2, 0;\n@%p1 bra met;\n" + arrival + "\nagain:\n" + wait +
         "\nxor.b32 %r4, %r4, %r3;\nsetp.gt.s32 %p2, %r4, -1;\n" + loop + "\nmet:\n" + behind +
         "\nld.global.u32 %r5, [%d0];";
}

std::string first_fault(const std::string& body) {
  const Survey made = survey_of(body);
  return made.unordered.empty() ? "" : made.unordered[0];
}

}  // namespace

TEST_CASE("PTX's instructions are counted by the unit that executes them, and accesses by their space") {
  const Survey made = survey_of(R"(.local .align 8 .b8 mine[24];
.shared .align 4 .b8 ours[8];
add.f32 %r1, %r2, %r3;
fma.rn.f64 %d1, %d2, %d2, %d2;
div.rn.f32 %r1, %r2, %r3;
ex2.approx.ftz.f32 %r1, %r2;
mad.lo.s32 %r1, %r2, %r3, %r4;
selp.b32 %r1, 1, 2, %p1;
and.pred %p1, %p2, %p3;
cvt.rn.f32.s32 %r1, %r2;
ld.global.v2.u32 {%r1, %r2}, [%d0];
ld.global.nc.u32 %r1, [%d0];
ld.u32 %r1, [%d0];
st.u32 [%d0], %r1;
st.shared.u32 [ours], %r1;
ld.local.u32 %r1, [mine];
atom.global.add.u32 %r1, [%d0], 1;
shfl.sync.bfly.b32 %r1, %r2, 1, 31, -1;
bar.sync 0;
fence.acq_rel.gpu;)");
  const auto counts = [&](Unit unit) { return made.count(unit); };
  CHECK(counts(Unit::single_precision) == 1);
  CHECK(counts(Unit::double_precision) == 1);
  CHECK(counts(Unit::special) == 2);
  CHECK(counts(Unit::integer) == 1);
  CHECK(counts(Unit::predicate) == 2);
  CHECK(counts(Unit::conversion) == 1);
  CHECK(counts(Unit::global) == 2);
  CHECK(counts(Unit::generic) == 2);
  CHECK(counts(Unit::shared) == 1);
  CHECK(counts(Unit::local) == 1);
  CHECK(counts(Unit::atomic) == 1);
  CHECK(counts(Unit::warp) == 1);
  CHECK(counts(Unit::barrier) == 2);
  CHECK(counts(Unit::constant) == 1);  // the parameter
  CHECK(counts(Unit::control) == 1);   // ret
  CHECK(made.all() == 20);
  CHECK(made.local_bytes == 24);
  CHECK(made.read_only_loads == 1);
  CHECK(made.grid_barriers == 0);
}

TEST_CASE(
    "a barrier of the grid that orders memory is told from one that lacks a fence, a scope, a loop or a barrier") {
  const Survey right = survey_of(grid_barrier());
  CHECK(right.grid_barriers == 1);
  CHECK(right.unordered.empty());
  const std::string arrival = "atom.add.release.gpu.u32 %r3, [%d2], %r2;", wait = "ld.acquire.gpu.u32 %r4, [%d2];";
  // As it is compiled for architectures before 7.0: fences apart.
  CHECK(first_fault(grid_barrier("membar.gl;\natom.add.u32 %r3, [%d2], %r2;", "ld.volatile.u32 %r4, [%d2];",
                                 "bar.sync 0;", "@%p1 bra late;\nfence.acq_rel.gpu;\nlate:\nbar.sync 0;"))
            .find("acquires") != std::string::npos);  // one path has no fence
  CHECK(first_fault(grid_barrier("membar.gl;\natom.add.u32 %r3, [%d2], %r2;", "ld.volatile.u32 %r4, [%d2];\n",
                                 "bar.sync 0;", "bar.sync 0;", "@%p2 bra again;\nfence.acq_rel.gpu;"))
            .empty());
  CHECK_THAT(first_fault(grid_barrier("atom.add.relaxed.gpu.u32 %r3, [%d2], %r2;")), Contains("neither releases"));
  CHECK_THAT(first_fault(grid_barrier("atom.add.release.cta.u32 %r3, [%d2], %r2;")), Contains("neither releases"));
  CHECK_THAT(first_fault(grid_barrier(arrival, "ld.relaxed.gpu.u32 %r4, [%d2];")), Contains("neither acquires"));
  CHECK_THAT(first_fault(grid_barrier(arrival, "ld.acquire.cta.u32 %r4, [%d2];")), Contains("neither acquires"));
  CHECK_THAT(first_fault(grid_barrier(arrival, wait, "")), Contains("not behind a barrier of the block"));
  CHECK_THAT(first_fault(grid_barrier(arrival, wait, "bar.sync 0;", "")),
             Contains("not followed by a barrier of the block"));
  CHECK_THAT(first_fault(grid_barrier(arrival, wait, "bar.sync 0;", "bar.sync 0;", "")), Contains("in no loop"));
  CHECK_THAT(first_fault(grid_barrier("")), Contains("no thread arrives"));
  CHECK_THAT(first_fault(grid_barrier(arrival + "\nst.global.u32 [%d0], 2;")), Contains("the loop that waits"));
}

TEST_CASE(
    "PTX that reads by ld.global.nc what its launch writes is an error, in whichever order, and nothing else is") {
  const auto of = [](const std::string& body) { return error_of(module_of(body)); };
  CHECK_THAT(of("ld.global.nc.u32 %r1, [%d0];\nst.global.u32 [%d0], 1;"), Contains("by ld.global.nc and writes"));
  CHECK_THAT(of("st.global.u32 [%d0], 1;\nld.global.nc.u32 %r1, [%d0];"), Contains("by ld.global.nc and writes"));
  CHECK_THAT(of("ld.global.nc.u32 %r1, [%d0+4];\nred.global.add.u32 [%d0+4], 1;"), Contains("reads by ld.global.nc"));
  CHECK(of("ld.global.nc.u32 %r1, [%d0+4];\nst.global.u32 [%d0], 1;").empty());
  CHECK(of("ld.global.u32 %r1, [%d0];\nst.global.u32 [%d0], 1;").empty());
}

TEST_CASE("instructions of warps are counted as often as their busiest lane executes them") {
  Library library;
  // Lanes of 3 warps, the last of 6 lanes; lane l goes round l % 4 + 1 times, and every second one takes a branch.
  library.add("test.ptx", module_of(R"(mov.u32 %r1, %tid.x;
and.b32 %r2, %r1, 3;
again:
add.s32 %r2, %r2, -1;
setp.ge.s32 %p1, %r2, 0;
@%p1 bra again;
and.b32 %r3, %r1, 1;
setp.eq.s32 %p2, %r3, 0;
@%p2 bra even;
mul.wide.u32 %d1, %r1, 4;
bra met;
even:
shl.b32 %r4, %r1, 2;
cvt.u64.u32 %d1, %r4;
met:
add.s64 %d2, %d0, %d1;
st.global.u32 [%d2], %r1;)"));
  library.count_executed(true);
  DeviceArray<std::uint32_t> out(zeros<std::uint32_t>(70));
  const std::uint32_t* pointer = out.data();
  const std::array<emulation::Argument, 1> arguments{{{&pointer, sizeof(pointer), alignof(std::uint32_t*)}}};
  for (int launch = 0; launch < 2; ++launch) {
    emulation::launch_work(nullptr, {.kernel = "test", .grid = 1, .block = 70}, library.work("test", arguments, 1));
    cudaDeviceSynchronize();
  }
  const Executed executed = library.executed().at("test");
  CHECK(executed.launches == 2);
  CHECK(executed.blocks == 2);
  // Of a warp: 1 parameter, 1 move, 4 times round (add, setp, bra), a store, ret and the rest once.
  CHECK(executed.count(Unit::constant) == 2 * 3);
  CHECK(executed.count(Unit::global) == 2 * 3);
  CHECK(executed.count(Unit::conversion) == 2 * 3);
  CHECK(executed.count(Unit::integer) == 2 * 3 * (1 + 4 + 1 + 1 + 1 + 1));
  CHECK(executed.count(Unit::predicate) == 2 * 3 * (1 + 4 + 1));
  CHECK(executed.count(Unit::control) == 2 * 3 * (4 + 1 + 1 + 1));
  CHECK(executed.by_blocks.at(1) == executed.all());
  CHECK(executed.thread_instructions < 32 * executed.all());
  CHECK(executed.sector_bytes == 2 * 9 * 32);  // 70 words of 4 bytes
  library.count_executed(false);
  CHECK(library.executed().empty());
}
