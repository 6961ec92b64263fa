#pragma once
// Reverse-mode automatic differentiation: an append-only tape whose every byte lives in the arenas of the step: nodes
// and closures on the host, values and gradients on the device.

#include "core/context.h"
#include "core/tensor.h"
#include "kernels/common/gradient.h"
#include "kernels/common/packed_matrix.h"

#include <type_traits>

namespace ethreed {

/// A value and the place of its gradient. Lives in the arena; handled through Variable.
template <class T> struct Node {
  View<T> value;
  T* gradient = nullptr;
  bool wanted = false;                      // does the loss's gradient by this value interest anybody
  bool written = false;                     // has a backward function written it in this pass
  Node* whole = nullptr;                    // the value that this one is rows of, if it is
  const PackedMatrix<T>* packed = nullptr;  // of a matrix that is a weight: its transpose, to be read in its place
};

/// A handle on a node; copies share it. A default-constructed Variable means "not there" (an absent bias, say).
template <class T> class Variable {
 public:
  Variable() = default;
  explicit Variable(Node<T>* node) : node_(node) {}
  explicit operator bool() const { return node_ != nullptr; }

  const View<T>& value() const { return node_->value; }
  const Shape& shape() const { return node_->value.shape; }
  int rows() const { return static_cast<int>(node_->value.rows()); }
  int columns() const { return static_cast<int>(node_->value.columns()); }
  T* data() const { return node_->value.data; }
  bool wants_gradient() const { return node_ != nullptr && node_->wanted; }
  Node<T>* node() const { return node_; }

 private:
  Node<T>* node_ = nullptr;
};

/// Records what was computed; backward() runs it in reverse. With `recording` false nothing is recorded and no value
/// wants a gradient (evaluation, generation). A tape is used for one step; the arena is reset after it.
template <class T> class Tape {
 public:
  explicit Tape(Context& context, bool recording = true) : context_(context), recording_(recording) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Context& context() { return context_; }
  bool recording() const { return recording_; }

  /// A value without a gradient. The memory must outlive the tape.
  Variable<T> constant(View<const T> value) {
    // Constants are never written: no kernel writes an input.
    return make(View<T>(const_cast<T*>(value.data), value.shape), nullptr, false);
  }
  /// A parameter: its gradient goes to `gradient` (same shape), overwritten by the first use in this tape.
  Variable<T> parameter(View<T> value, T* gradient) { return make(value, gradient, recording_); }
  /// A new value of this shape, not initialised. `wanted`: does any input want a gradient.
  Variable<T> result(Shape shape, bool wanted) {
    return make(View<T>(context_.values.template allocate<T>(shape.count()), shape), nullptr, wanted && recording_);
  }

  /// Rows first … first + count − 1 of a matrix, without copying them: a value that shares the matrix's memory, and
  /// whose gradient is that part of the matrix's. Throws Error if they are not all there, and on rows of rows.
  Variable<T> rows(Variable<T> matrix, std::int64_t first, std::int64_t count) {
    const View<T>& all = matrix.value();
    ETHREED_CHECK(first >= 0 && count >= 0 && first + count <= all.rows() && matrix.node()->whole == nullptr,
                  "Tape::rows: rows {} to {} of {}", first, first + count, all.shape.text());
    const Variable<T> part = make(View<T>(all.row(first), {count, all.columns()}), nullptr, matrix.wants_gradient());
    part.node()->whole = matrix.node();
    return part;
  }

  /// A backward function in its place on the tape.
  struct Entry {
    void (*run)(void* closure, Tape& tape);
    void* closure;
    Entry* previous;
  };

  /// Appends a backward function: called as backward(tape) in reverse order. It must be trivially destructible: capture
  /// variables, pointers and numbers by value; anything larger belongs in the arena.
  template <class Backward> void record(Backward backward) {
    if (recording_) append(make_entry(backward));
  }
  /// The two halves of record(): the first takes the memory, the second cannot fail.
  template <class Backward> Entry* make_entry(Backward backward) {
    static_assert(std::is_trivially_destructible_v<Backward>, "tape entries live in the arena and are never destroyed");
    auto* closure = context_.arena.template make<Backward>(backward);
    return context_.arena.template make<Entry>(
        Entry{[](void* data, Tape& tape) { (*static_cast<Backward*>(data))(tape); }, closure, nullptr});
  }
  void append(Entry* entry) noexcept {
    entry->previous = last_;
    last_ = entry;
  }

  /// ∂loss/∂everything. `loss` must have one element. Throws Error otherwise, or if the tape does not record.
  void backward(Variable<T> loss) {
    ETHREED_CHECK(recording_, "Tape::backward: this tape was made without recording");
    ETHREED_CHECK(loss && loss.shape().count() == 1, "Tape::backward: the loss must have one element");
    const T one{1};
    seed(loss, &one);
    run();
  }
  /// Sets the gradient of `output` to `cotangent` (same shape, on the host); then run() propagates. For checks of
  /// single functions. On a device an output can be seeded once: throws Error at a second time.
  void seed(Variable<T> output, const T* cotangent) {
    GradientSink<T> to = sink(output);
    if (!to) return;
    const std::int64_t count = output.value().count();
    if (!context_.on_host()) {
      ETHREED_CHECK(!to.accumulate, "Tape::seed: the output has a gradient already");
      context_.copy(to.data, context_.to_device(cotangent, count), count);
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) to.data[i] = (to.accumulate ? to.data[i] : T{0}) + cotangent[i];
  }
  void run() {
    for (Entry* entry = last_; entry != nullptr; entry = entry->previous) entry->run(entry->closure, *this);
  }

  // --- for backward functions -----------------------------------------------------------------------------------

  /// Where to put the gradient of `variable`: empty if it is not wanted; the first caller overwrites, later ones add.
  /// Rows of a matrix always add: the matrix's gradient is cleared before the first of them.
  GradientSink<T> sink(Variable<T> variable) {
    if (!variable.wants_gradient()) return {};
    Node<T>* node = variable.node();
    if (Node<T>* whole = node->whole) {
      const GradientSink<T> all = sink(Variable<T>(whole));
      if (!all.accumulate) context_.clear(all.data, whole->value.count());
      node->written = true;
      return {node->gradient = all.data + (node->value.data - whole->value.data), true};
    }
    if (node->gradient == nullptr) node->gradient = context_.values.template allocate<T>(node->value.count());
    const bool accumulate = node->written;
    node->written = true;
    return {node->gradient, accumulate};
  }
  /// The gradient that has arrived at `variable`, or null if none has: then its function has nothing to do.
  const T* gradient(Variable<T> variable) const {
    return variable && variable.node()->written ? variable.node()->gradient : nullptr;
  }
  /// The same, zeros where none has arrived: for functions with several results.
  const T* gradient_or_zeros(Variable<T> variable) {
    if (const T* arrived = gradient(variable)) return arrived;
    const std::int64_t count = variable.value().count();
    T* zeros = context_.values.template allocate<T>(count);
    context_.clear(zeros, count);
    return zeros;
  }
  /// Declares that the value's own memory becomes its gradient (the function that consumed it overwrites it in place).
  /// Valid only if that function is the sole consumer. Throws Error if a gradient was already written.
  GradientSink<T> sink_in_place(Variable<T> variable) {
    if (!variable.wants_gradient()) return {};
    Node<T>* node = variable.node();
    ETHREED_CHECK(!node->written, "Tape::sink_in_place: the value has a second consumer");
    node->gradient = node->value.data;
    node->written = true;
    return {node->gradient, false};
  }

 private:
  Variable<T> make(View<T> value, T* gradient, bool wanted) {
    return Variable<T>(context_.arena.template make<Node<T>>(Node<T>{value, gradient, wanted, false}));
  }

  Context& context_;
  bool recording_;
  Entry* last_ = nullptr;
};

/// The same value where the host can read it: itself on the CPU, else a copy without a gradient, for which this waits.
/// An absent variable stays absent.
template <class T> Variable<T> on_host(const Context& context, const Variable<T>& variable) {
  if (context.on_host() || !variable) return variable;
  const View<T>& value = variable.value();
  const T* copy = context.to_host(value.data, value.count());
  return Variable<T>(context.arena.make<Node<T>>(Node<T>{View<T>(const_cast<T*>(copy), value.shape)}));
}

}  // namespace ethreed
