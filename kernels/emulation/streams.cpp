#include "kernels/emulation/streams.h"

#include "core/error.h"
#include "kernels/emulation/runner.h"
#include "kernels/emulation/runtime_api.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <utility>

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

// --- queues ----------------------------------------------------------------------------------------------------------

std::mutex streams_mutex;
std::vector<Stream*>& all_streams() {
  static std::vector<Stream*> all;
  return all;
}

// Of this thread, the oldest first.
std::vector<Stream*> streams_here() {
  const std::lock_guard lock(streams_mutex);
  std::vector<Stream*> here;
  for (Stream* stream : all_streams())
    if (stream->thread == std::this_thread::get_id()) here.push_back(stream);
  return here;
}

void forget_all() {
  for (Stream* stream : streams_here()) {
    for (const QueueItem& item : std::exchange(stream->queue, {}))
      if (item.passes) item.passes->passed = true;
    stream->downloads.clear();
  }
}

void deliver(Downloads& downloads) {
  for (const auto& download : std::exchange(downloads, {}))
    if (!download->bytes.empty()) {
      std::memcpy(download->host, download->bytes.data(), download->bytes.size());
      download->bytes.clear();
    }
}

bool can_go(const Stream& stream) {
  return !stream.queue.empty() && (!stream.queue.front().waits_for || stream.queue.front().waits_for->passed);
}

void go(Stream& stream) {
  const QueueItem item = std::move(stream.queue.front());
  stream.queue.pop_front();
  if (item.work) item.work(stream);
  if (item.passes) item.passes->passed = true;
}

// All streams but this one, as far as they can go.
void go_others(const Stream& stream) {
  const std::vector<Stream*> streams = streams_here();
  for (bool some = true; std::exchange(some, false);)
    for (Stream* other : streams)
      for (; other != &stream && can_go(*other); some = true) go(*other);
}

// Until the mark is passed, or, without one, all is done. Marks that are waited for were set before, so that this ends.
void run_queue(Stream& stream, const Mark* until = nullptr) {
  while (!stream.queue.empty() && (until == nullptr || !until->passed)) {
    if (settings().queues == Queues::others_first) go_others(stream);
    if (const auto& mark = stream.queue.front().waits_for; mark && !mark->passed)
      run_queue(*mark->stream, mark.get());
    else
      go(stream);
  }
}

// Runs a part of the queues; forgets all of them if something in them throws, as a device whose kernel failed does.
template <class Run> void run_or_forget(Run run) {
  if (std::uncaught_exceptions() > 0) return forget_all();
  try {
    run();
  } catch (...) {
    forget_all();
    throw;
  }
}

void finish(Stream& stream) {
  run_or_forget([&] { run_queue(stream); });
  deliver(stream.downloads);
}

}  // namespace

Stream::Stream() : thread(std::this_thread::get_id()) {
  const std::lock_guard lock(streams_mutex);
  all_streams().push_back(this);
}
Stream::~Stream() {
  const std::lock_guard lock(streams_mutex);
  std::erase(all_streams(), this);
}

void finish_all() {
  for (Stream* stream : streams_here()) finish(*stream);
}

void deliver_later(Stream& stream, void* host, const void* device, std::size_t bytes) {
  const auto* from = static_cast<const std::byte*>(device);
  stream.downloads.push_back(std::make_shared<Download>(Download{host, {from, from + bytes}}));
  std::memset(host, 0xFF, bytes);
}

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
    if (settings().queues == Queues::at_once) {
      if (!stream.queue.empty()) finish(stream);
      work(stream);
    } else {
      stream.queue.push_back({.work = std::move(work)});
    }
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
  work = replaced(info, std::move(work));
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
  finish(*stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (of(stream).capture) return invalidate(of(stream), cudaErrorStreamCaptureUnsupported);
  finish(of(stream));
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  // Who asks again is answered by then.
  const bool ready = of(stream).queue.empty() && of(stream).downloads.empty();
  const cudaError_t error = cudaStreamSynchronize(stream);
  return error == cudaSuccess && !ready ? cudaErrorNotReady : error;
}
cudaError_t cudaDeviceSynchronize() {
  if (!allowed_now()) return noted(cudaErrorStreamCaptureUnsupported);
  finish_all();
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  Stream& stream = of(handle);
  if (event == nullptr) return noted(cudaErrorInvalidResourceHandle);
  if (!event->captured) {
    if (stream.capture) return invalidate(stream, cudaErrorStreamCaptureIsolation);
    if (event->mark && !event->mark->passed) stream.queue.push_back({.waits_for = event->mark});
    stream.downloads.insert(stream.downloads.end(), event->downloads.begin(), event->downloads.end());
    return cudaSuccess;
  }
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
  Stream& stream = of(handle);
  event->captured = stream.capture != nullptr;
  event->capture = stream.capture;
  event->after = stream.after;
  event->mark.reset();
  event->downloads = stream.downloads;
  if (!stream.capture && settings().queues != Queues::at_once) {
    event->mark = std::make_shared<Mark>(Mark{.stream = &stream});
    stream.queue.push_back({.passes = event->mark});
  }
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->captured) return noted(cudaErrorCapturedEvent);
  if (const auto mark = event->mark; mark && !mark->passed)
    run_or_forget([&] { run_queue(*mark->stream, mark.get()); });
  deliver(event->downloads);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const bool ready = (!event->mark || event->mark->passed) && event->downloads.empty();
  const cudaError_t error = cudaEventSynchronize(event);
  return error == cudaSuccess && !ready ? cudaErrorNotReady : error;
}
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
  // A later update of the executable does not touch what was launched.
  return issue(handle, NodeKind::kernel, "", [nodes = executable->nodes](Stream& on) {
    for (const GraphNode& node : nodes) node.work(on);
  });
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
