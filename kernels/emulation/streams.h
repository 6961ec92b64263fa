#pragma once
// Streams, events, captures and graphs of the emulation. Inside of it only.

#include "kernels/emulation/emulation.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ethreed::emulation {

enum class NodeKind { kernel, copy, fill, host_function };

struct GraphNode {
  NodeKind kind;
  std::string name;  // of the kernel
  int stream;        // 0: the one captured, then those that joined, in order
  std::function<void(Stream& stream)> work;
};
struct Graph {
  std::vector<GraphNode> nodes;
};
struct GraphExec {
  std::vector<GraphNode> nodes;
};

/// How much of each stream's recorded work must be done before.
using Frontier = std::map<const Stream*, std::size_t>;

struct Capture {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  std::vector<Stream*> streams;  // the first began it
  bool invalid = false;
};

struct Stream {
  ThreadPool* pool = nullptr;
  std::shared_ptr<Capture> capture;
  Frontier after;            // while capturing: what its next work comes after
  std::size_t recorded = 0;  // while capturing: its own work so far
};

struct Event {
  std::weak_ptr<Capture> capture;
  bool captured = false;
  Frontier after;
};

/// Does it now, or records it. Work gets the stream on which it runs.
cudaError_t issue(cudaStream_t stream, NodeKind kind, std::string_view name, std::function<void(Stream&)> work);

/// Remembers it for cudaGetLastError.
cudaError_t noted(cudaError_t error);
/// Is a call that may not happen during a capture of this thread allowed now? Invalidates the capture if not.
bool allowed_now();

}  // namespace ethreed::emulation
