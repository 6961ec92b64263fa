// What threads of PTX do together: barriers, shuffles, votes, the barrier of the grid.
#include "tests/ptx/ptx_kernel.h"

using namespace ethreed;
using namespace ethreed::test;
using Catch::Matchers::Contains;

namespace {

/// %r1 of each of 32 lanes; %r0 is the lane.
std::vector<std::uint32_t> of_lanes(const std::string& body, unsigned threads = 32) {
  return run_ptx(module_of("mov.u32 %r0, %laneid;\n" + body +
                           "\nmul.wide.u32 %d1, %r0, 4;\nadd.s64 %d2, %d0, %d1;\nst.global.u32 [%d2], %r1;"),
                 32, {.threads = threads});
}

template <class F> std::vector<std::uint32_t> each_lane(F of, unsigned lanes = 32) {
  std::vector<std::uint32_t> wanted(32);
  for (unsigned lane = 0; lane < lanes; ++lane) wanted[lane] = of(lane);
  return wanted;
}

// The barrier of the grid as cooperative groups have it, compiled.
const char* const grid_barrier = R"(mov.u32 %r10, %envreg2;
mov.u32 %r11, %envreg1;
cvt.u64.u32 %d10, %r10;
cvt.u64.u32 %d11, %r11;
bfi.b64 %d12, %d11, %d10, 32, 32;
setp.ne.s64 %p5, %d12, 0;
@%p5 bra there;
trap;
there:
barrier.sync 0;
mov.u32 %r2, %tid.x;
setp.ne.s32 %p6, %r2, 0;
@%p6 bra met;
mov.u32 %r3, %nctaid.x;
mov.u32 %r4, %ctaid.x;
setp.eq.s32 %p7, %r4, 0;
mov.u32 %r5, -2147483647;
sub.s32 %r6, %r5, %r3;
selp.b32 %r7, %r6, 1, %p7;
add.s64 %d13, %d12, 4;
atom.add.release.gpu.u32 %r8, [%d13], %r7;
again:
ld.acquire.gpu.u32 %r9, [%d13];
xor.b32 %r9, %r9, %r8;
setp.gt.s32 %p7, %r9, -1;
@%p7 bra again;
met:
barrier.sync 0;
)";

}  // namespace

TEST_CASE("PTX's threads know where they are") {
  const auto words = run_ptx(module_of(R"(mov.u32 %r1, %ctaid.x;
mov.u32 %r2, %ntid.x;
mov.u32 %r3, %tid.x;
mad.lo.s32 %r4, %r1, %r2, %r3;
mov.u32 %r5, %nctaid.x;
shl.b32 %r5, %r5, 8;
or.b32 %r5, %r5, %r4;
mul.wide.u32 %d1, %r4, 4;
add.s64 %d2, %d0, %d1;
st.global.u32 [%d2], %r5;)"),
                             6, {.blocks = 3, .threads = 2});
  CHECK(words == std::vector<std::uint32_t>{0x300, 0x301, 0x302, 0x303, 0x304, 0x305});
}

TEST_CASE("PTX's shuffles move values up, down, across and from one lane, within their segments") {
  CHECK(of_lanes("shfl.sync.bfly.b32 %r1, %r0, 4, 31, -1;") == each_lane([](unsigned lane) { return lane ^ 4U; }));
  CHECK(of_lanes("shfl.sync.down.b32 %r1, %r0, 3, 31, -1;") ==
        each_lane([](unsigned lane) { return lane + 3 < 32 ? lane + 3 : lane; }));
  CHECK(of_lanes("shfl.sync.up.b32 %r1, %r0, 3, 0, -1;") ==
        each_lane([](unsigned lane) { return lane < 3 ? lane : lane - 3; }));
  CHECK(of_lanes("shfl.sync.idx.b32 %r1, %r0, 5, 31, -1;") == each_lane([](unsigned) { return 5U; }));
  // Segments of 8 lanes: 0x18 in the mask of the segment.
  CHECK(of_lanes("shfl.sync.idx.b32 %r1, %r0, 5, 0x181F, -1;") ==
        each_lane([](unsigned lane) { return (lane & 24U) + 5; }));
  CHECK(of_lanes("shfl.sync.down.b32 %r1, %r0, 3, 0x181F, -1;") ==
        each_lane([](unsigned lane) { return lane % 8 + 3 < 8 ? lane + 3 : lane; }));
  CHECK(of_lanes("shfl.sync.up.b32 %r1|%p1, %r0, 1, 0, -1;\n@!%p1 mov.u32 %r1, 99;")[0] == 99);
}

TEST_CASE("PTX's votes count the lanes of their mask") {
  const std::string even = "and.b32 %r2, %r0, 1;\nsetp.eq.s32 %p1, %r2, 0;\n";
  const auto all = [](std::uint32_t value) { return each_lane([value](unsigned) { return value; }); };
  CHECK(of_lanes(even + "vote.sync.ballot.b32 %r1, %p1, -1;") == all(0x55555555U));
  CHECK(of_lanes(even + "vote.sync.any.pred %p2, %p1, -1;\nselp.u32 %r1, 1, 0, %p2;") == all(1));
  CHECK(of_lanes(even + "vote.sync.all.pred %p2, !%p1, -1;\nselp.u32 %r1, 1, 0, %p2;") == all(0));
  CHECK(of_lanes(even + "vote.sync.uni.pred %p2, %p1, -1;\nselp.u32 %r1, 1, 0, %p2;") == all(0));
  CHECK(of_lanes(even + "bar.red.popc.u32 %r1, 0, %p1;") == all(16));
  CHECK(of_lanes("setp.lt.u32 %p1, %r0, 5;\nvote.sync.ballot.b32 %r1, %p1, -1;", 20) ==
        each_lane([](unsigned) { return 31U; }, 20));
}

TEST_CASE("PTX's branches diverge by thread and meet again") {
  CHECK(of_lanes(R"(mov.u32 %r1, 0;
mov.u32 %r2, 0;
loop:
setp.ge.u32 %p1, %r2, %r0;
@%p1 bra behind;
add.s32 %r1, %r1, %r2;
add.s32 %r2, %r2, 1;
bra.uni loop;
behind:
bar.warp.sync -1;
shfl.sync.bfly.b32 %r3, %r1, 1, 31, -1;
add.s32 %r1, %r1, %r3;)") == each_lane([](unsigned lane) {
          const auto sum = [](unsigned n) { return n * (n - 1) / 2; };
          return sum(lane) + sum(lane ^ 1U);
        }));
}

TEST_CASE("the barrier of the grid, as nvcc compiles it, lets no block pass before all have come, twice") {
  std::string twice = grid_barrier;
  for (const std::string label : {"there", "met", "again"})
    for (auto at = twice.find(label); at != std::string::npos; at = twice.find(label, at + label.size() + 1))
      twice.insert(at + label.size(), "2");
  const std::string body = std::string(R"(mov.u32 %r1, %ctaid.x;
mul.wide.u32 %d1, %r1, 4;
add.s64 %d2, %d0, %d1;
setp.eq.u32 %p1, %r1, 3;
selp.u32 %r12, 0, 4, %p1;
st.global.u32 [%d2], %r1;
)") + grid_barrier + R"(mov.u32 %r1, %ctaid.x;
xor.b32 %r13, %r1, 3;
mul.wide.u32 %d3, %r13, 4;
add.s64 %d4, %d0, %d3;
ld.global.u32 %r14, [%d4];
)" + twice + "st.global.u32 [%d2], %r14;";
  std::string one_thread = body;  // one of a block writes, all of it wait
  const KeepSettings keep;
  for (const auto order : {emulation::Order::forward, emulation::Order::reversed, emulation::Order::shuffled}) {
    emulation::settings().order = order;
    CHECK(run_ptx(module_of(body), 4, {.blocks = 4, .cooperative = true}) == std::vector<std::uint32_t>{3, 2, 1, 0});
  }
  CHECK_THAT(error_of(module_of(body), 4, {.blocks = 4}), Contains("a trap") && Contains("test.ptx:"));
  const std::string missing = "mov.u32 %r1, %ctaid.x;\nsetp.eq.u32 %p1, %r1, 2;\n@%p1 ret;\n";
  CHECK_THAT(error_of(module_of(missing + grid_barrier), 4, {.blocks = 4, .cooperative = true}),
             Contains("blocks that never come") && Contains("test.ptx:"));
}

TEST_CASE("barriers, shuffles and votes of PTX that not all their threads reach are errors with their lines") {
  const std::string leave = "mov.u32 %r0, %tid.x;\nsetp.eq.u32 %p1, %r0, 9;\n@%p1 ret;\n";
  const auto error = [](const std::string& body) { return error_of(module_of(body), 4, {.threads = 32}); };
  CHECK_THAT(error(leave + "bar.sync 0;"),
             Contains("which not all reach: thread (9,0,0) has ended") && Contains("test.ptx:15"));
  CHECK_THAT(error(leave + "shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1;"), Contains("waits in a shuffle at test.ptx:15"));
  CHECK_THAT(error(leave + "vote.sync.ballot.b32 %r1, %p1, -1;"), Contains("__ballot_sync at test.ptx:15"));
  CHECK_THAT(error("mov.u32 %r0, %laneid;\nshfl.sync.bfly.b32 %r1, %r0, 1, 31, 0xFFFF;"),
             Contains("mask 0x0000ffff, in which it is not itself"));
  CHECK_THAT(error("bar.sync 1;"), Contains("waits at barrier 1") && Contains("test.ptx:12"));
  CHECK_THAT(error("trap;"), Contains("ends the launch by a trap, at test.ptx:12"));
  const KeepSettings keep;
  emulation::settings().spin_limit = 1000;
  CHECK_THAT(error("forever:\nbra forever;"), Contains("spins at test.ptx:13"));
}
