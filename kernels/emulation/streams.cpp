#include "kernels/emulation/streams.h"

#include "core/error.h"
#include "kernels/emulation/runner.h"
#include "kernels/emulation/runtime_api.h"

#include <algorithm>
#include <mutex>

namespace ethreed::emulation {

namespace {

Stream& of(cudaStream_t stream) {
  static Stream standard;  // stream 0
  return stream == nullptr ? standard : *stream;
}

std::mutex captures_mutex;
std::vector<std::weak_ptr<Capture>>& captures() {
  static std::vector<std::weak_ptr<Capture>> all;
  return all;
}

void join(Frontier& into, const Frontier& other) {
  for (const auto& [stream, count] : other) into[stream] = std::max(into[stream], count);
}

cudaError_t invalidate(Stream& stream, cudaError_t error) {
  if (stream.capture) stream.capture->invalid = true;
  return noted(error);
}

void leave(Capture& capture) {
  for (Stream* stream : std::vector<Stream*>(capture.streams)) {
    stream->after.clear();
    stream->recorded = 0;
    stream->capture.reset();  // the caller holds the capture
  }
}

}  // namespace

bool allowed_now() {
  const std::lock_guard lock(captures_mutex);
  bool allowed = true;
  std::erase_if(captures(), [](const auto& capture) { return capture.expired(); });
  for (const auto& weak : captures()) {
    const auto capture = weak.lock();
    if (!capture || capture->mode == cudaStreamCaptureModeRelaxed) continue;
    if (capture->mode == cudaStreamCaptureModeThreadLocal && capture->thread != std::this_thread::get_id()) continue;
    capture->invalid = true;
    allowed = false;
  }
  return allowed;
}

cudaError_t issue(cudaStream_t handle, NodeKind kind, std::string_view name, std::function<void(Stream&)> work) {
  Stream& stream = of(handle);
  if (!stream.capture) {
    work(stream);
    return cudaSuccess;
  }
  Capture& capture = *stream.capture;
  if (capture.invalid) return noted(cudaErrorStreamCaptureInvalidated);
  const auto index = std::find(capture.streams.begin(), capture.streams.end(), &stream) - capture.streams.begin();
  capture.graph->nodes.push_back({kind, std::string(name), static_cast<int>(index), std::move(work)});
  stream.after[&stream] = ++stream.recorded;
  return cudaSuccess;
}

void launch_work(cudaStream_t stream, const LaunchInfo& info, std::shared_ptr<const Work> work) {
  check_shape(info);
  const cudaError_t error = issue(stream, NodeKind::kernel, info.kernel,
                                  [name = std::string(info.kernel), info, work = std::move(work)](Stream& on) {
                                    LaunchInfo named = info;
                                    named.kernel = name;
                                    run_launch(Launch(named, *work), on.pool);
                                  });
  if (error != cudaSuccess) fail("kernel {}: {}", info.kernel, cudaGetErrorString(error));
}

void run_on_host(cudaStream_t stream, std::string_view name, std::function<void()> body) {
  const cudaError_t error = issue(stream, NodeKind::host_function, name, [body = std::move(body)](Stream&) { body(); });
  if (error != cudaSuccess) fail("{}: {}", name, cudaGetErrorString(error));
}

void bind(cudaStream_t stream, ThreadPool& pool) { of(stream).pool = &pool; }

// --- streams and events ----------------------------------------------------------------------------------------------

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new Stream;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (stream == nullptr) return noted(cudaErrorInvalidResourceHandle);
  if (const auto capture = stream->capture) leave(*capture);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return of(stream).capture ? invalidate(of(stream), cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
cudaError_t cudaDeviceSynchronize() { return allowed_now() ? cudaSuccess : noted(cudaErrorStreamCaptureUnsupported); }

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  Stream& stream = of(handle);
  if (event == nullptr) return noted(cudaErrorInvalidResourceHandle);
  if (!event->captured) return stream.capture ? invalidate(stream, cudaErrorStreamCaptureIsolation) : cudaSuccess;
  const auto capture = event->capture.lock();
  if (!capture) return noted(cudaErrorCapturedEvent);
  if (!stream.capture) {
    stream.capture = capture;
    capture->streams.push_back(&stream);
  } else if (stream.capture != capture) {
    capture->invalid = true;
    return invalidate(stream, cudaErrorStreamCaptureMerge);
  }
  join(stream.after, event->after);
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return issue(stream, NodeKind::host_function, "", [function, data](Stream&) { function(data); });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new Event;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  if (event == nullptr) return noted(cudaErrorInvalidResourceHandle);
  const Stream& stream = of(handle);
  event->captured = stream.capture != nullptr;
  event->capture = stream.capture;
  event->after = stream.after;
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return event->captured ? noted(cudaErrorCapturedEvent) : cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 0;  // the emulation says nothing about time
  return cudaSuccess;
}

// --- capture and graphs ----------------------------------------------------------------------------------------------

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (stream == nullptr) return noted(cudaErrorStreamCaptureUnsupported);
  if (stream->capture) return noted(cudaErrorIllegalState);
  stream->capture = std::make_shared<Capture>();
  stream->capture->mode = mode;
  stream->capture->thread = std::this_thread::get_id();
  stream->capture->streams = {stream};
  const std::lock_guard lock(captures_mutex);
  captures().push_back(stream->capture);
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (stream == nullptr || !stream->capture) return noted(cudaErrorIllegalState);
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture->streams.front() != stream) return invalidate(*stream, cudaErrorStreamCaptureUnmatched);
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id())
    return invalidate(*stream, cudaErrorStreamCaptureWrongThread);
  const bool joined = std::all_of(capture->streams.begin(), capture->streams.end(),
                                  [&](const Stream* other) { return stream->after[other] >= other->recorded; });
  leave(*capture);
  if (capture->invalid) return noted(cudaErrorStreamCaptureInvalidated);
  if (!joined) return noted(cudaErrorStreamCaptureUnjoined);
  *graph = capture->graph.release();
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  const Stream& stream = of(handle);
  *status = !stream.capture           ? cudaStreamCaptureStatusNone
            : stream.capture->invalid ? cudaStreamCaptureStatusInvalidated
                                      : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  if (nodes != nullptr)
    for (std::size_t i = 0; i < std::min(*count, graph->nodes.size()); ++i) nodes[i] = &graph->nodes[i];
  *count = graph->nodes.size();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = nullptr;
  if (graph == nullptr) return noted(cudaErrorInvalidValue);
  *executable = new GraphExec{graph->nodes};
  return cudaSuccess;
}

cudaError_t cudaGraphExecUpdate(cudaGraphExec_t executable, cudaGraph_t graph, cudaGraphExecUpdateResultInfo* info) {
  if (executable == nullptr || graph == nullptr) return noted(cudaErrorInvalidValue);
  cudaGraphExecUpdateResult result = cudaGraphExecUpdateSuccess;
  GraphNode* node = nullptr;
  if (executable->nodes.size() != graph->nodes.size()) result = cudaGraphExecUpdateErrorTopologyChanged;
  for (std::size_t i = 0; i < graph->nodes.size() && result == cudaGraphExecUpdateSuccess; ++i) {
    node = &graph->nodes[i];
    const GraphNode& old = executable->nodes[i];
    if (node->stream != old.stream) result = cudaGraphExecUpdateErrorTopologyChanged;
    if (node->kind != old.kind) result = cudaGraphExecUpdateErrorNodeTypeChanged;
    if (node->kind == old.kind && node->name != old.name) result = cudaGraphExecUpdateErrorFunctionChanged;
  }
  const bool good = result == cudaGraphExecUpdateSuccess;
  if (info != nullptr) *info = {result, good ? nullptr : node, nullptr};
  if (!good) return noted(cudaErrorGraphExecUpdateFailure);
  executable->nodes = graph->nodes;
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
  if (executable == nullptr) return noted(cudaErrorInvalidValue);
  Stream& stream = of(handle);
  if (stream.capture) return invalidate(stream, cudaErrorStreamCaptureUnsupported);
  for (const GraphNode& node : executable->nodes) node.work(stream);
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

}  // namespace ethreed::emulation
