// Streams whose work waits in queues: right host code cannot tell, and a missing event or synchronisation shows.

#include "core/error.h"
#include "tests/emulation/device_array.h"
#include "tests/emulation/schedule_kernels.h"

#include <array>
#include <cmath>

using namespace ethreed;
using namespace ethreed::test;
using emulation::Queues;

namespace {

constexpr std::array all_queues{Queues::at_once, Queues::needed_only, Queues::others_first};
constexpr int count = 64;

// Two streams with two events, as the engine has them, under one rule.
class TwoStreams {
 public:
  explicit TwoStreams(Queues queues) {
    emulation::settings().queues = queues;
    for (cudaStream_t* stream : {&first, &second})
      REQUIRE(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking) == cudaSuccess);
    for (cudaEvent_t* event : {&forked_, &joined_})
      REQUIRE(cudaEventCreateWithFlags(event, cudaEventDisableTiming) == cudaSuccess);
  }
  ~TwoStreams() {
    cudaStreamDestroy(second);
    cudaStreamDestroy(first);
    cudaEventDestroy(joined_);
    cudaEventDestroy(forked_);
  }
  TwoStreams(const TwoStreams&) = delete;
  TwoStreams& operator=(const TwoStreams&) = delete;

  void fork() const { order(first, second, forked_); }
  void join() const { order(second, first, joined_); }

  cudaStream_t first = nullptr, second = nullptr;

 private:
  static void order(cudaStream_t before, cudaStream_t after, cudaEvent_t event) {
    REQUIRE(cudaEventRecord(event, before) == cudaSuccess);
    REQUIRE(cudaStreamWaitEvent(after, event) == cudaSuccess);
  }
  cudaEvent_t forked_ = nullptr, joined_ = nullptr;
  KeepSettings keep_;
};

// ((1·2 on the first)·3 + 1 on the second)·10 on the first, as the host finds it after the first was waited for.
float run(Queues queues, bool forks, bool joins) {
  const TwoStreams streams(queues);
  DeviceArray<float> data(std::vector<float>(count, 1.0F));
  scale(streams.first, count, data.data(), 2, 0);
  if (forks) streams.fork();
  scale(streams.second, count, data.data(), 3, 1);
  if (joins) streams.join();
  scale(streams.first, count, data.data(), 10, 0);
  std::vector<float> host(count, 0.0F);
  REQUIRE(cudaMemcpyAsync(host.data(), data.data(), count * sizeof(float), cudaMemcpyDeviceToHost, streams.first) ==
          cudaSuccess);
  REQUIRE(cudaStreamSynchronize(streams.first) == cudaSuccess);
  return host[0];
}

}  // namespace

TEST_CASE("work forked and joined by events gives one result, however late and out of step the queues run") {
  for (const Queues queues : all_queues) CHECK(run(queues, true, true) == 70.0F);
}

TEST_CASE("a missing fork or join gives another result in queues that run late") {
  CHECK(run(Queues::at_once, false, false) == 70.0F);  // in the order of issue nobody can tell
  CHECK(run(Queues::others_first, false, true) == 80.0F);
  CHECK(run(Queues::needed_only, true, false) == 20.0F);
}

TEST_CASE("in queues nothing is done before somebody waits, by stream, event, query, device or free") {
  const auto done_after = [](auto wait) {
    const TwoStreams streams(Queues::needed_only);
    int called = 0;
    REQUIRE(cudaLaunchHostFunc(
                streams.first, [](void* calls) { ++*static_cast<int*>(calls); }, &called) == cudaSuccess);
    cudaEvent_t event = nullptr;
    REQUIRE(cudaEventCreate(&event) == cudaSuccess);
    REQUIRE(cudaEventRecord(event, streams.first) == cudaSuccess);
    CHECK(called == 0);
    wait(streams.first, event);
    cudaEventDestroy(event);
    return called == 1;
  };
  CHECK(done_after([](cudaStream_t stream, cudaEvent_t) { CHECK(cudaStreamSynchronize(stream) == cudaSuccess); }));
  CHECK(done_after([](cudaStream_t, cudaEvent_t event) { CHECK(cudaEventSynchronize(event) == cudaSuccess); }));
  CHECK(done_after([](cudaStream_t stream, cudaEvent_t) {
    CHECK(cudaStreamQuery(stream) == cudaErrorNotReady);
    CHECK(cudaStreamQuery(stream) == cudaSuccess);
  }));
  CHECK(done_after([](cudaStream_t, cudaEvent_t event) {
    CHECK(cudaEventQuery(event) == cudaErrorNotReady);
    CHECK(cudaEventQuery(event) == cudaSuccess);
  }));
  CHECK(done_after([](cudaStream_t, cudaEvent_t) { CHECK(cudaDeviceSynchronize() == cudaSuccess); }));
  CHECK(done_after([](cudaStream_t, cudaEvent_t) {
    void* memory = nullptr;
    CHECK(cudaMalloc(&memory, 4) == cudaSuccess);
    CHECK(cudaFree(memory) == cudaSuccess);
  }));
}

TEST_CASE("what is copied to the host is not there before the stream is waited for, in any queue") {
  for (const Queues queues : all_queues) {
    const TwoStreams streams(queues);
    const DeviceArray<float> data(std::vector<float>(count, 5.0F));
    std::vector<float> host(count, 0.0F);
    const std::size_t bytes = count * sizeof(float);
    REQUIRE(cudaMemcpyAsync(host.data(), data.data(), bytes, cudaMemcpyDeviceToHost, streams.first) == cudaSuccess);
    for (const float value : host) CHECK(std::isnan(value));
    REQUIRE(cudaStreamSynchronize(streams.second) == cudaSuccess);  // another one
    CHECK(std::isnan(host[0]));
    streams.fork();
    REQUIRE(cudaStreamSynchronize(streams.second) == cudaSuccess);  // which waits for the copy now
    CHECK(host == std::vector<float>(count, 5.0F));
  }
}

TEST_CASE("a graph that waits in a queue keeps the parameters with which it was launched") {
  const TwoStreams streams(Queues::needed_only);
  DeviceArray<float> data(std::vector<float>(count, 1.0F));
  const auto capture = [&](float factor) {
    cudaGraph_t graph = nullptr;
    REQUIRE(cudaStreamBeginCapture(streams.first, cudaStreamCaptureModeRelaxed) == cudaSuccess);
    scale(streams.first, count, data.data(), factor, 1);
    REQUIRE(cudaStreamEndCapture(streams.first, &graph) == cudaSuccess);
    return graph;
  };
  cudaGraph_t graph = capture(2);
  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaGraphInstantiate(&executable, graph) == cudaSuccess);
  cudaGraphDestroy(graph);
  REQUIRE(cudaGraphLaunch(executable, streams.first) == cudaSuccess);
  graph = capture(5);
  REQUIRE(cudaGraphExecUpdate(executable, graph, nullptr) == cudaSuccess);
  cudaGraphDestroy(graph);
  REQUIRE(cudaGraphLaunch(executable, streams.first) == cudaSuccess);
  REQUIRE(cudaGraphExecDestroy(executable) == cudaSuccess);
  CHECK(data.values()[0] == 1.0F);
  REQUIRE(cudaStreamSynchronize(streams.first) == cudaSuccess);
  CHECK(data.values()[0] == 16.0F);
}

TEST_CASE("a kernel that fails in a queue fails at the synchronisation, and what was behind it is forgotten") {
  const TwoStreams streams(Queues::needed_only);
  DeviceArray<int> counter(zeros<int>(1));
  int called = 0;
  emulation::run_on_host(streams.first, "test", [] { fail("on purpose"); });
  REQUIRE(cudaLaunchHostFunc(
              streams.first, [](void* calls) { ++*static_cast<int*>(calls); }, &called) == cudaSuccess);
  CHECK_THROWS_WITH(cudaStreamSynchronize(streams.first), "on purpose");
  CHECK(cudaStreamSynchronize(streams.first) == cudaSuccess);
  CHECK(called == 0);
}

TEST_CASE("a thread that spins for another one is stopped by a message that names the place") {
  const KeepSettings keep;
  emulation::settings().spin_limit = 10'000;
  DeviceArray<int> counter(zeros<int>(1));
  CHECK_THROWS_WITH(spin_barrier(2, counter.data()),
                    Catch::Contains("kernel spin_barrier, block (0,0,0)") && Catch::Contains("spins at") &&
                        Catch::Contains("schedule_kernels.cu:") && Catch::Contains("barriers and shuffles"));
  DeviceArray<int> one(zeros<int>(1));
  spin_barrier(1, one.data());  // with nobody to wait for
  CHECK(one.values()[0] == 1);
}
