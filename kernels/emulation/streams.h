#pragma once
// Streams, events, captures and graphs of the emulation. Inside of it only.

#include "kernels/emulation/emulation.h"

#include <cstddef>
#include <deque>
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

/// A copy to the host that is done and whose bytes the host may not have yet.
struct Download {
  void* host;
  std::vector<std::byte> bytes;  // empty once they were handed over
};
using Downloads = std::vector<std::shared_ptr<Download>>;

/// A place in a stream's queue that others may wait for.
struct Mark {
  Stream* stream;
  bool passed = false;
};

/// What stands in a queue: work, an event's mark, or a wait for one.
struct QueueItem {
  std::function<void(Stream&)> work;
  std::shared_ptr<Mark> passes, waits_for;
};

struct Stream {
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  ThreadPool* pool = nullptr;
  std::thread::id thread;       // that made it: queues of one thread go together
  std::deque<QueueItem> queue;  // empty where work is done at once
  Downloads downloads;          // since it was last waited for
  std::shared_ptr<Capture> capture;
  Frontier after;            // while capturing: what its next work comes after
  std::size_t recorded = 0;  // while capturing: its own work so far
};

struct Event {
  std::weak_ptr<Capture> capture;
  bool captured = false;
  Frontier after;
  std::shared_ptr<Mark> mark;  // null: nothing to wait for
  Downloads downloads;
};

/// Does all that this thread's streams have been given (cudaDeviceSynchronize, and what implies it). While an exception
/// is on its way nothing is done and all of it forgotten.
void finish_all();
/// Hands bytes over to the host when the stream is waited for, and puts 0xFF there until then.
void deliver_later(Stream& stream, void* host, const void* device, std::size_t bytes);

/// Does it now, or records it. Work gets the stream on which it runs.
cudaError_t issue(cudaStream_t stream, NodeKind kind, std::string_view name, std::function<void(Stream&)> work);

/// Remembers it for cudaGetLastError.
cudaError_t noted(cudaError_t error);
/// Is a call that may not happen during a capture of this thread allowed now? Invalidates the capture if not.
bool allowed_now();

}  // namespace ethreed::emulation
