#include "core/stage_clock.h"

#include "autograd/tape.h"
#include "tests/idle_device.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace ethreed;
using Catch::Matchers::Contains;
using ethreed::test::IdleDevice;

namespace {

double moment = 0;  // what the clocks of these tests show
double shown() { return moment; }

// A runtime on the CPU whose contexts have a clock.
struct Timed {
  Runtime runtime;
  StageClock clock{&shown};
  Context context = runtime.context();
  Timed() { context.clock = &clock; }
};

void pass(double milliseconds) { moment += milliseconds; }

// A function of a tape that takes so long forward and backward, and notes when its backward ran.
void function(Tape<double>& tape, double forward, double backward, std::vector<int>* order = nullptr, int number = 0) {
  pass(forward);
  tape.record([=](Tape<double>&) {
    pass(backward);
    if (order != nullptr) order->push_back(number);
  });
}

using Stages = std::vector<StageClock::Stage>;
Stages stages_of(const StageClock& clock) { return {clock.stages().begin(), clock.stages().end()}; }

void check(const StageClock::Stage& stage, const std::string& name, double forward, double backward) {
  CHECK(stage.name == name);
  CHECK(stage.forward == forward);
  CHECK(stage.backward == backward);
}

}  // namespace

TEST_CASE("a clock books to every range its time, in the order in which ranges began first") {
  Timed timed;
  for (int step = 0; step < 2; ++step) {
    {
      const Range range(timed.context, "encoder");
      pass(3);
    }
    pass(100);  // in no range: nobody's
    const Range range(timed.context, "decoder");
    pass(5);
  }
  const Stages stages = stages_of(timed.clock);
  REQUIRE(stages.size() == 2);
  check(stages[0], "encoder", 6, 0);
  check(stages[1], "decoder", 10, 0);
  CHECK(stages[0].forwards == 2);
  CHECK(stages[0].backwards == 0);
}

TEST_CASE("a range within a range takes its time from the outer one, so that all add up") {
  Timed timed;
  {
    const Range step(timed.context, "step");
    pass(1);
    {
      const Range forward(timed.context, "forward");
      pass(2);
      const Range attention(timed.context, "attention");
      pass(4);
    }
    pass(8);
  }
  const Stages stages = stages_of(timed.clock);
  REQUIRE(stages.size() == 3);
  check(stages[0], "step", 9, 0);
  check(stages[1], "forward", 2, 0);
  check(stages[2], "attention", 4, 0);
}

TEST_CASE("the backward pass of a range is booked to it, nested as the ranges were") {
  Timed timed;
  Tape<double> tape(timed.context);
  {
    const Range encoder(tape, "encoder");
    function(tape, 1, 16);
  }
  function(tape, 2, 32);  // in no range
  {
    const Range decoder(tape, "decoder");
    function(tape, 4, 64);
    {
      const Range attention(tape, "attention");
      function(tape, 8, 128);
    }
    function(tape, 0, 256);
  }
  {
    const Range backward(timed.context, "backward");
    tape.run();
    pass(0.5);
  }
  const Stages stages = stages_of(timed.clock);
  REQUIRE(stages.size() == 4);
  check(stages[0], "encoder", 1, 16);
  check(stages[1], "decoder", 4, 64 + 256);
  check(stages[2], "attention", 8, 128);
  check(stages[3], "backward", 32 + 0.5, 0);
  for (std::size_t i = 0; i < 3; ++i) CHECK(stages[i].backwards == 1);
}

TEST_CASE("marks leave the order of backward functions as it is, and none are made without a clock") {
  std::vector<int> orders[2];
  std::size_t bytes[2];
  for (const bool with_clock : {false, true}) {
    Timed timed;
    if (!with_clock) timed.context.clock = nullptr;
    const std::size_t before = timed.runtime.arena().peak_bytes();
    Tape<double> tape(timed.context);
    for (int i = 0; i < 5; ++i) {
      const Range range(tape, "layer");
      function(tape, 1, 1, &orders[with_clock], i);
    }
    tape.run();
    bytes[with_clock] = timed.runtime.arena().peak_bytes() - before;
    CHECK(timed.clock.stages().size() == (with_clock ? 1 : 0));
  }
  CHECK(orders[0] == std::vector<int>{4, 3, 2, 1, 0});
  CHECK(orders[1] == orders[0]);
  CHECK(bytes[0] < bytes[1]);
}

TEST_CASE("a tape that does not record gets no marks") {
  Timed timed;
  Tape<double> tape(timed.context, false);
  {
    const Range range(tape, "encoder");
    function(tape, 1, 2);
  }
  tape.run();
  const Stages stages = stages_of(timed.clock);
  REQUIRE(stages.size() == 1);
  check(stages[0], "encoder", 1, 0);
}

TEST_CASE("a clock that is reset shows zeros under the same names") {
  Timed timed;
  {
    const Range range(timed.context, "encoder");
    pass(1);
  }
  timed.clock.reset();
  REQUIRE(timed.clock.stages().size() == 1);
  check(timed.clock.stages()[0], "encoder", 0, 0);
  CHECK(timed.clock.stages()[0].forwards == 0);
}

TEST_CASE("a tape that is walked within a range that records on it is an error of one line") {
  Timed timed;
  Tape<double> tape(timed.context);
  const Range range(tape, "encoder");
  function(tape, 1, 2);
  CHECK_THROWS_WITH(tape.run(), Contains("the backward of 'encoder' ends without having begun"));
}

TEST_CASE("an exception in the backward pass leaves the clock usable") {
  Timed timed;
  Tape<double> tape(timed.context);
  {
    const Range range(tape, "encoder");
    tape.record([](Tape<double>&) { throw Error("no"); });
  }
  const auto walk = [&] {
    const Range range(timed.context, "backward");
    tape.run();
  };
  CHECK_THROWS_WITH(walk(), Contains("no"));
  {
    const Range range(timed.context, "optimizer");
    pass(7);
  }
  pass(1);
  const Stages stages = stages_of(timed.clock);
  REQUIRE(stages.size() == 3);
  check(stages[2], "optimizer", 7, 0);
}

TEST_CASE("a clock on a device is refused, and a range without one tells the device its name") {
  Timed timed;
  IdleDevice device;
  timed.context.device = Device::emulated;
  timed.context.runtime = &device;
  CHECK_THROWS_WITH(Range(timed.context, "encoder"), Contains("Range 'encoder': a clock of stages is for the CPU"));
  CHECK(device.ranges == 0);
  CHECK(timed.clock.stages().empty());
  timed.context.clock = nullptr;
  {
    const Range range(timed.context, "encoder");
    CHECK(device.ranges == 1);
  }
  CHECK(device.ranges == 0);
}
