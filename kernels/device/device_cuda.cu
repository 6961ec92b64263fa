// DeviceRuntime over the CUDA runtime API: the GPU's under nvcc, the emulation's under the host compiler.
#include "core/error.h"
#include "core/staging.h"
#include "kernels/common/launch.h"
#include "kernels/device/open_device.h"

#ifdef __CUDACC__
#include <nvtx3/nvToolsExt.h>
#endif

#include <array>
#include <map>

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

void check_cuda(cudaError_t status, std::string_view what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // it has been seen; the next call starts clean
  fail("CUDA: {}: {}", what, cudaGetErrorString(status));
}

void check_launch(const DeviceRuntime& runtime, std::string_view kernel, const LaunchShape& shape) {
  constexpr unsigned most_in_x = 0x7FFFFFFF, most_in_yz = 65535, most_threads = 1024, most_threads_in_z = 64;
  const auto& [grid, block, shared_bytes, stream, cooperative] = shape;
  const auto within = [](unsigned count, unsigned most) { return count >= 1 && count <= most; };
  ETHREED_CHECK(within(grid.x, most_in_x) && within(grid.y, most_in_yz) && within(grid.z, most_in_yz),
                "kernel {}: grid of {} × {} × {} blocks, wanted 1 to {} × {} × {}; use a smaller batch", kernel, grid.x,
                grid.y, grid.z, most_in_x, most_in_yz, most_in_yz);
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  ETHREED_CHECK(threads >= 1 && threads <= most_threads && block.z <= most_threads_in_z,
                "kernel {}: block of {} × {} × {} threads, wanted 1 to {} in all, {} at most in z", kernel, block.x,
                block.y, block.z, most_threads, most_threads_in_z);
  ETHREED_CHECK(shared_bytes <= runtime.shared_bytes_per_block(),
                "kernel {}: {} bytes of dynamic shared memory, this device has {} for a block", kernel, shared_bytes,
                runtime.shared_bytes_per_block());
}

namespace {

// A graph takes some hundred KiB; more kinds of steps than this do not come back often enough to be worth keeping.
constexpr std::size_t most_graphs = 64;

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// The three kinds of memory.
enum class MemoryKind { device, pinned, managed };

class CudaMemory final : public MemorySource {
 public:
  explicit CudaMemory(MemoryKind kind) : kind_(kind) {}

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    bytes = bytes == 0 ? 1 : bytes;
    const cudaError_t status = kind_ == MemoryKind::device   ? cudaMalloc(&memory, bytes)
                               : kind_ == MemoryKind::pinned ? cudaHostAlloc(&memory, bytes, cudaHostAllocDefault)
                                                             : cudaMallocManaged(&memory, bytes, cudaMemAttachGlobal);
    if (status == cudaSuccess) return memory;
    cudaGetLastError();
    std::size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    fail("{} memory: {:.1f} MiB cannot be had, {:.1f} of {:.1f} MiB are free on the device ({}); use a smaller batch",
         kind_ == MemoryKind::device   ? "device"
         : kind_ == MemoryKind::pinned ? "pinned"
                                       : "managed",
         mebibytes(bytes), mebibytes(free), mebibytes(total), cudaGetErrorString(status));
  }
  void release(void* memory, std::size_t) noexcept override {
    if (kind_ == MemoryKind::pinned)
      cudaFreeHost(memory);
    else
      cudaFree(memory);
  }
#ifndef __CUDACC__
  std::size_t guard_bytes() const override { return kind_ == MemoryKind::device ? emulation::guard_bytes() : 0; }
  void lent(void* piece, std::size_t bytes) override {
    mark("lent", [piece, bytes] { emulation::mark_lent(piece, bytes); });
  }
  void returned(void* begin, void* end) override {
    mark("returned", [begin, end] { emulation::mark_returned(begin, end); });
  }
  /// Pieces are lent and returned in the order of this stream's work (null: at once): between the kernels that use
  /// them.
  void order_on(cudaStream_t stream) { stream_ = stream; }

 private:
  template <class Mark> void mark(const char* name, Mark mark) {
    if (kind_ != MemoryKind::device || !emulation::checked_variant()) return;
    if (stream_ != nullptr)
      emulation::run_on_host(stream_, name, mark);
    else
      mark();
  }
  cudaStream_t stream_ = nullptr;
#endif

 private:
  MemoryKind kind_;
};

class CudaRuntime final : public DeviceRuntime {
 public:
  CudaRuntime([[maybe_unused]] ThreadPool& pool, const DeviceOptions& options) : options_(options) {
    int devices = 0;
    if (const cudaError_t status = cudaGetDeviceCount(&devices); status != cudaSuccess || devices == 0) {
      cudaGetLastError();
      fail("no CUDA device: {}; use --device cpu, or emulated to run the GPU kernels on the CPU",
           status == cudaSuccess ? "none found" : cudaGetErrorString(status));
    }
    check_cuda(cudaSetDevice(0), "cudaSetDevice");
    check_cuda(cudaGetDeviceProperties(&properties_, 0), "cudaGetDeviceProperties");
    for (cudaStream_t& stream : streams_)
      check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    for (cudaEvent_t* event : {&forked_, &joined_})
      check_cuda(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "cudaEventCreate");
#ifndef __CUDACC__
    for (cudaStream_t stream : streams_) emulation::bind(stream, pool);
    memory_.order_on(streams_[0]);
#endif
  }

  ~CudaRuntime() override {
    for (cudaStream_t stream : streams_) cudaStreamSynchronize(stream);
#ifndef __CUDACC__
    memory_.order_on(nullptr);
#endif
    plans().reset();
    release_staging();
    forget_graphs();
    for (cudaEvent_t event : {forked_, joined_}) cudaEventDestroy(event);
    for (cudaStream_t stream : streams_) cudaStreamDestroy(stream);
  }

  Device device() const override { return ThisDevice::device; }
  std::string description() const override {
    return fmt::format("{}, compute capability {}.{}, {} multiprocessors, {:.1f} GiB of memory", properties_.name,
                       properties_.major, properties_.minor, properties_.multiProcessorCount,
                       static_cast<double>(properties_.totalGlobalMem) / (1 << 30));
  }
  std::size_t free_bytes() const override { return memory_info().first; }
  std::size_t total_bytes() const override { return memory_info().second; }
  int multiprocessors() const override { return properties_.multiProcessorCount; }
  std::size_t shared_bytes_per_block() const override { return properties_.sharedMemPerBlockOptin; }
  bool tf32() const override { return options_.tf32; }

  MemorySource& memory() override { return memory_; }
  MemorySource& pinned() override { return pinned_; }
  MemorySource& managed() override { return managed_; }

  void upload(void* device, const void* host, std::size_t bytes) override {
    copy_async(device, host, bytes, cudaMemcpyHostToDevice);
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    if (planning() || bytes == 0) return;
    // What the bytes depend on is only recorded yet: it is done as a graph of its own, and what follows is another.
    const bool recording = capturing_;
    if (recording) end_capture();
    copy_async(host, device, bytes, cudaMemcpyDeviceToHost);
    synchronize();
    if (recording) begin_capture();
  }
  void download_later(void* host, const void* device, std::size_t bytes) override {
    copy_async(host, device, bytes, cudaMemcpyDeviceToHost);
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    copy_async(to, from, bytes, cudaMemcpyDeviceToDevice);
  }
  void clear(void* device, std::size_t bytes) override {
    if (planning() || bytes == 0) return;
    note_sequence(100);
    check_cuda(cudaMemsetAsync(device, 0, bytes, streams_[0]), "cudaMemsetAsync");
  }
  void synchronize() override {
    if (planning()) return;
    check_cuda(cudaStreamSynchronize(streams_[0]), "the work handed over so far");
  }

  void fork() override { wait_for(streams_[0], streams_[1], forked_); }
  void join() override { wait_for(streams_[1], streams_[0], joined_); }
  void* stream(int index) override { return streams_[index]; }

  void begin_capture() override {
    // Relaxed: an arena may have to grow while a step is recorded.
    check_cuda(cudaStreamBeginCapture(streams_[0], cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
    capturing_ = true;
    start_sequence();
  }
  void end_capture() override {
    capturing_ = false;
    cudaGraph_t recorded = nullptr;
    check_cuda(cudaStreamEndCapture(streams_[0], &recorded), "cudaStreamEndCapture");
    if (graphs_.size() >= most_graphs) forget_graphs();
    cudaGraphExec_t& graph = graphs_[sequence()];
    cudaGraphExecUpdateResultInfo result{};
    if (graph != nullptr && cudaGraphExecUpdate(graph, recorded, &result) != cudaSuccess) {
      cudaGetLastError();
      cudaGraphExecDestroy(graph);
      graph = nullptr;
    }
    if (graph == nullptr) {
      ++graphs_made_;
      check_cuda(cudaGraphInstantiate(&graph, recorded, 0), "cudaGraphInstantiate");
    }
    cudaGraphDestroy(recorded);
    check_cuda(cudaGraphLaunch(graph, streams_[0]), "cudaGraphLaunch");
  }
  void abandon_capture() noexcept override {
    if (!capturing_) return;
    capturing_ = false;
    cudaGraph_t recorded = nullptr;
    cudaStreamEndCapture(streams_[0], &recorded);
    if (recorded != nullptr) cudaGraphDestroy(recorded);
    cudaGetLastError();
  }
  std::int64_t graphs_made() const override { return graphs_made_; }

#ifdef __CUDACC__
  void push_range(const char* name) override { nvtxRangePushA(name); }
  void pop_range() override { nvtxRangePop(); }
#else
  void push_range(const char*) override {}
  void pop_range() override {}
#endif

 private:
  std::pair<std::size_t, std::size_t> memory_info() const {
    std::size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return {free, total};
  }
  void forget_graphs() noexcept {
    for (auto& [sequence, graph] : graphs_)
      if (graph != nullptr) cudaGraphExecDestroy(graph);
    graphs_.clear();
  }
  void copy_async(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    if (planning() || bytes == 0) return;
    note_sequence(static_cast<std::uint64_t>(kind));
    check_cuda(cudaMemcpyAsync(to, from, bytes, kind, streams_[0]), "cudaMemcpyAsync");
  }
  void wait_for(cudaStream_t first, cudaStream_t second, cudaEvent_t event) {
    if (planning()) return;
    check_cuda(cudaEventRecord(event, first), "cudaEventRecord");
    check_cuda(cudaStreamWaitEvent(second, event, 0), "cudaStreamWaitEvent");
  }

  DeviceOptions options_;
  cudaDeviceProp properties_{};
  std::array<cudaStream_t, 2> streams_{};
  cudaEvent_t forked_{}, joined_{};
  CudaMemory memory_{MemoryKind::device}, pinned_{MemoryKind::pinned}, managed_{MemoryKind::managed};
  bool capturing_ = false;
  std::map<std::uint64_t, cudaGraphExec_t> graphs_;  // by the fingerprint of what was recorded
  std::int64_t graphs_made_ = 0;
};

}  // namespace
}  // namespace ETHREED_DEVICE_BUILD

std::unique_ptr<DeviceRuntime> open_device(ThisDevice, ThreadPool& pool, const DeviceOptions& options) {
  return std::make_unique<CudaRuntime>(pool, options);
}

}  // namespace ethreed
