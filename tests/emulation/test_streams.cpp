#include "core/error.h"
#include "tests/emulation/device_array.h"
#include "tests/emulation/schedule_kernels.h"

#include <cmath>

using namespace ethreed;
using namespace ethreed::test;

namespace {

struct Streams {
  Streams() {
    REQUIRE(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking) == cudaSuccess);
    REQUIRE(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking) == cudaSuccess);
    REQUIRE(cudaEventCreateWithFlags(&forked, cudaEventDisableTiming) == cudaSuccess);
    REQUIRE(cudaEventCreateWithFlags(&joined, cudaEventDisableTiming) == cudaSuccess);
  }
  ~Streams() {
    cudaEventDestroy(joined);
    cudaEventDestroy(forked);
    cudaStreamDestroy(second);
    cudaStreamDestroy(first);
    cudaGetLastError();
  }
  void fork() const {
    REQUIRE(cudaEventRecord(forked, first) == cudaSuccess);
    REQUIRE(cudaStreamWaitEvent(second, forked) == cudaSuccess);
  }
  void join() const {
    REQUIRE(cudaEventRecord(joined, second) == cudaSuccess);
    REQUIRE(cudaStreamWaitEvent(first, joined) == cudaSuccess);
  }
  void begin(cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed) const {
    REQUIRE(cudaStreamBeginCapture(first, mode) == cudaSuccess);
  }
  cudaGraph_t end() const {
    cudaGraph_t graph = nullptr;
    REQUIRE(cudaStreamEndCapture(first, &graph) == cudaSuccess);
    return graph;
  }
  cudaStream_t first = nullptr, second = nullptr;
  cudaEvent_t forked = nullptr, joined = nullptr;
};

bool capturing(cudaStream_t stream) {
  cudaStreamCaptureStatus status{};
  REQUIRE(cudaStreamIsCapturing(stream, &status) == cudaSuccess);
  return status == cudaStreamCaptureStatusActive;
}

std::size_t nodes(cudaGraph_t graph) {
  std::size_t count = 0;
  REQUIRE(cudaGraphGetNodes(graph, nullptr, &count) == cudaSuccess);
  return count;
}

}  // namespace

TEST_CASE("outside of a capture work is done when the call returns, in order over streams and events") {
  const Streams streams;
  DeviceArray<float> data(std::vector<float>(100, 1.0F));
  scale(streams.first, 100, data.data(), 2, 0);
  streams.fork();
  scale(streams.second, 100, data.data(), 3, 1);
  streams.join();
  CHECK(data.values() == std::vector<float>(100, 7.0F));
  REQUIRE(cudaMemsetAsync(data.data(), 0, 400, streams.first) == cudaSuccess);
  CHECK(data.values() == zeros<float>(100));
  int called = 0;
  REQUIRE(cudaLaunchHostFunc(
              streams.first, [](void* count) { ++*static_cast<int*>(count); }, &called) == cudaSuccess);
  CHECK(called == 1);
  CHECK(cudaStreamSynchronize(streams.first) == cudaSuccess);
  CHECK(cudaEventSynchronize(streams.forked) == cudaSuccess);
}

TEST_CASE("a captured stream does nothing until its graph is launched, as often as it is launched") {
  const Streams streams;
  std::vector<float> source(100, 5.0F), target(100, 0.0F);
  DeviceArray<float> data(std::vector<float>(100, 1.0F));
  int called = 0;
  streams.begin();
  CHECK(capturing(streams.first));
  cudaMemcpyAsync(data.data(), source.data(), 400, cudaMemcpyHostToDevice, streams.first);
  scale(streams.first, 100, data.data(), 2, 1);
  cudaMemcpyAsync(target.data(), data.data(), 400, cudaMemcpyDeviceToHost, streams.first);
  cudaLaunchHostFunc(
      streams.first, [](void* count) { ++*static_cast<int*>(count); }, &called);
  cudaMemsetAsync(data.data(), 0, 400, streams.first);
  cudaGraph_t graph = streams.end();
  CHECK(!capturing(streams.first));
  CHECK(nodes(graph) == 5);
  CHECK(called == 0);
  CHECK(data.values()[0] == 1.0F);
  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaGraphInstantiate(&executable, graph) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  for (int times = 1; times < 3; ++times) {
    source.assign(100, static_cast<float>(times));
    REQUIRE(cudaGraphLaunch(executable, streams.first) == cudaSuccess);
    CHECK(called == times);
    CHECK(std::isnan(target[0]));  // on its way
    REQUIRE(cudaStreamSynchronize(streams.first) == cudaSuccess);
    CHECK(target == std::vector<float>(100, 2.0F * static_cast<float>(times) + 1.0F));
    CHECK(data.values() == zeros<float>(100));
  }
  CHECK(cudaGraphExecDestroy(executable) == cudaSuccess);
}

TEST_CASE("a graph takes the parameters of another with the same nodes, and refuses any other") {
  const Streams streams;
  DeviceArray<float> one(std::vector<float>(100, 1.0F)), two(std::vector<float>(300, 1.0F));
  const auto capture = [&](auto&& work) {
    streams.begin();
    work();
    return streams.end();
  };
  cudaGraphExec_t executable = nullptr;
  cudaGraph_t graph = capture([&] {
    scale(streams.first, 100, one.data(), 2, 0);
    shift(streams.first, 100, one.data(), 1);
  });
  REQUIRE(cudaGraphInstantiate(&executable, graph) == cudaSuccess);
  cudaGraphDestroy(graph);

  graph = capture([&] {
    scale(streams.first, 300, two.data(), 4, 0);
    shift(streams.first, 200, two.data(), 2);
  });
  cudaGraphExecUpdateResultInfo info{};
  CHECK(cudaGraphExecUpdate(executable, graph, &info) == cudaSuccess);
  CHECK(info.result == cudaGraphExecUpdateSuccess);
  cudaGraphDestroy(graph);
  REQUIRE(cudaGraphLaunch(executable, streams.first) == cudaSuccess);
  CHECK(one.values()[0] == 1.0F);
  CHECK(two.values()[0] == 6.0F);
  CHECK(two.values()[299] == 4.0F);

  graph = capture([&] { scale(streams.first, 300, two.data(), 4, 0); });
  CHECK(cudaGraphExecUpdate(executable, graph, &info) == cudaErrorGraphExecUpdateFailure);
  CHECK(info.result == cudaGraphExecUpdateErrorTopologyChanged);
  cudaGraphDestroy(graph);
  graph = capture([&] {
    shift(streams.first, 300, two.data(), 2);
    shift(streams.first, 300, two.data(), 2);
  });
  CHECK(cudaGraphExecUpdate(executable, graph, &info) == cudaErrorGraphExecUpdateFailure);
  CHECK(info.result == cudaGraphExecUpdateErrorFunctionChanged);
  cudaGraphDestroy(graph);
  graph = capture([&] {
    cudaMemsetAsync(two.data(), 0, 4, streams.first);
    shift(streams.first, 300, two.data(), 2);
  });
  CHECK(cudaGraphExecUpdate(executable, graph, &info) == cudaErrorGraphExecUpdateFailure);
  CHECK(info.result == cudaGraphExecUpdateErrorNodeTypeChanged);
  cudaGraphDestroy(graph);
  CHECK(cudaGetLastError() == cudaErrorGraphExecUpdateFailure);

  REQUIRE(cudaGraphLaunch(executable, streams.first) == cudaSuccess);  // what it took last
  CHECK(two.values()[0] == 26.0F);
  cudaGraphExecDestroy(executable);
}

TEST_CASE("a stream that waits for an event of a captured one joins the capture, until it is joined again") {
  const Streams streams;
  DeviceArray<float> data(std::vector<float>(100, 1.0F));
  streams.begin();
  scale(streams.first, 100, data.data(), 2, 0);
  streams.fork();
  CHECK(capturing(streams.second));
  scale(streams.second, 100, data.data(), 1, 3);
  streams.join();
  scale(streams.first, 100, data.data(), 10, 0);
  cudaGraph_t graph = streams.end();
  CHECK(!capturing(streams.second));
  CHECK(nodes(graph) == 3);
  CHECK(data.values()[0] == 1.0F);
  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaGraphInstantiate(&executable, graph) == cudaSuccess);
  cudaGraphDestroy(graph);
  REQUIRE(cudaGraphLaunch(executable, streams.first) == cudaSuccess);
  CHECK(data.values() == std::vector<float>(100, 50.0F));
  cudaGraphExecDestroy(executable);

  scale(streams.second, 100, data.data(), 0, 1);  // both streams are free again
  CHECK(data.values()[0] == 1.0F);
}

TEST_CASE("a capture that ends with work on a stream nobody joined is refused") {
  const Streams streams;
  DeviceArray<float> data(std::vector<float>(100, 1.0F));
  streams.begin();
  streams.fork();
  scale(streams.second, 100, data.data(), 1, 3);
  streams.join();
  scale(streams.second, 100, data.data(), 1, 3);  // after the join
  cudaGraph_t graph = nullptr;
  CHECK(cudaStreamEndCapture(streams.first, &graph) == cudaErrorStreamCaptureUnjoined);
  CHECK(graph == nullptr);
  CHECK(!capturing(streams.second));
  CHECK(data.values()[0] == 1.0F);
}

TEST_CASE("what CUDA forbids during a capture is refused, and spoils the capture") {
  const Streams streams;
  cudaGraph_t graph = nullptr;
  const auto spoiled = [&] { return cudaStreamEndCapture(streams.first, &graph) == cudaErrorStreamCaptureInvalidated; };

  CHECK(cudaStreamEndCapture(streams.first, &graph) == cudaErrorIllegalState);
  streams.begin();
  CHECK(cudaStreamBeginCapture(streams.first, cudaStreamCaptureModeRelaxed) == cudaErrorIllegalState);
  CHECK(cudaStreamSynchronize(streams.first) == cudaErrorStreamCaptureUnsupported);
  CHECK(spoiled());

  void* memory = nullptr;
  streams.begin(cudaStreamCaptureModeGlobal);
  CHECK(cudaMalloc(&memory, 100) == cudaErrorStreamCaptureUnsupported);
  CHECK(spoiled());
  streams.begin(cudaStreamCaptureModeRelaxed);
  CHECK(cudaMalloc(&memory, 100) == cudaSuccess);
  CHECK(cudaFree(memory) == cudaSuccess);
  cudaGraphDestroy(streams.end());

  REQUIRE(cudaEventRecord(streams.joined, streams.second) == cudaSuccess);  // before the capture
  streams.begin();
  CHECK(cudaStreamWaitEvent(streams.first, streams.joined) == cudaErrorStreamCaptureIsolation);
  CHECK(spoiled());

  streams.begin();
  streams.fork();
  CHECK(cudaStreamEndCapture(streams.second, &graph) == cudaErrorStreamCaptureUnmatched);
  CHECK(spoiled());

  streams.begin();
  REQUIRE(cudaEventRecord(streams.forked, streams.first) == cudaSuccess);
  CHECK(cudaEventSynchronize(streams.forked) == cudaErrorCapturedEvent);
  cudaGraphDestroy(streams.end());
  CHECK(cudaStreamWaitEvent(streams.second, streams.forked) == cudaErrorCapturedEvent);

  streams.begin();
  CHECK(cudaGraphLaunch(nullptr, streams.first) == cudaErrorInvalidValue);
  cudaGraphExec_t executable = nullptr;
  cudaGraph_t other = streams.end();
  REQUIRE(cudaGraphInstantiate(&executable, other) == cudaSuccess);
  cudaGraphDestroy(other);
  streams.begin();
  CHECK(cudaGraphLaunch(executable, streams.first) == cudaErrorStreamCaptureUnsupported);
  CHECK(spoiled());
  cudaGraphExecDestroy(executable);
}

TEST_CASE("the emulated device says what it is, and lends no more memory than it has") {
  const KeepSettings keep;
  int devices = 0;
  CHECK(cudaGetDeviceCount(&devices) == cudaSuccess);
  CHECK(devices == 1);
  CHECK(cudaSetDevice(1) == cudaErrorInvalidDevice);
  CHECK(cudaPeekAtLastError() == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaSuccess);
  emulation::settings().memory_bytes = 1 << 20;
  cudaDeviceProp properties{};
  REQUIRE(cudaGetDeviceProperties(&properties, 0) == cudaSuccess);
  CHECK(std::string(properties.name) == "emulated on the CPU");
  CHECK(properties.multiProcessorCount == 8);
  CHECK(properties.sharedMemPerBlockOptin == 227 * 1024);
  CHECK(properties.totalGlobalMem == 1 << 20);
  void *half = nullptr, *more = nullptr;
  REQUIRE(cudaMalloc(&half, 1 << 19) == cudaSuccess);
  std::size_t free = 0, total = 0;
  REQUIRE(cudaMemGetInfo(&free, &total) == cudaSuccess);
  CHECK(free == 1 << 19);
  CHECK(cudaMalloc(&more, (1 << 19) + 1) == cudaErrorMemoryAllocation);
  CHECK(more == nullptr);
  CHECK(cudaFree(half) == cudaSuccess);
  CHECK(cudaFree(&free) == cudaErrorInvalidValue);
  CHECK(std::string(cudaGetErrorString(cudaErrorMemoryAllocation)) == "out of memory");

  int blocks = 0;
  CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
            &blocks, [] {}, 256, 0) == cudaSuccess);
  CHECK(blocks == 8);
  CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
            &blocks, [] {}, 32, 100 * 1024) == cudaSuccess);
  CHECK(blocks == 2);
  CHECK(cudaFuncSetAttribute([] {}, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1) ==
        cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST_CASE("a copy that names host memory as the device's is an invalid argument") {
  DeviceArray<float> data(zeros<float>(10));
  std::vector<float> host(10);
  CHECK(cudaMemcpy(host.data(), data.data(), 40, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(host.data(), host.data(), 40, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(data.data(), host.data(), 44, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemset(host.data(), 0, 40) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(host.data(), data.data(), 40, cudaMemcpyDefault) == cudaSuccess);
  cudaGetLastError();
}
