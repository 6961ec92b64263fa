#include "benchmarks/peers/cudnn/cudnn_gru.h"

#include "core/error.h"
#include "kernels/common/block.h"
#include "kernels/common/launch.h"

#include <cudnn.h>

#include <type_traits>
#include <utility>
#include <vector>

namespace ethreed::peer {

namespace {

void check(cudnnStatus_t status, const char* what) {
  if (status != CUDNN_STATUS_SUCCESS) fail("cuDNN {}: {}: {}", cudnnGetVersion(), what, cudnnGetErrorString(status));
}

/// Row row_of(to_rows, i) of `to` is, or grows by, row row_of(from_rows, i) of `from`. A block is one row; null row
/// numbers mean i itself.
template <class T>
__global__ void cudnn_copy_rows_kernel(GradientSink<T> to, int to_stride, const std::int32_t* to_rows, const T* from,
                                       int from_stride, const std::int32_t* from_rows, int columns) {
  const int i = block_index();
  const std::int64_t to_row = to_rows != nullptr ? to_rows[i] : i, from_row = from_rows != nullptr ? from_rows[i] : i;
  for (int j = thread_index(); j < columns; j += block_threads())
    put(to, to_row * to_stride + j, from[from_row * from_stride + j]);
}

// Memory of the device.
template <class T> class Buffer {
 public:
  Buffer() = default;
  Buffer(DeviceRuntime& runtime, std::size_t bytes)
      : runtime_(&runtime),
        bytes_(bytes),
        data_(bytes > 0 ? static_cast<T*>(runtime.memory().allocate(bytes)) : nullptr) {
    runtime.clear(data_, bytes_);
  }
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(runtime_, other.runtime_);
    std::swap(bytes_, other.bytes_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) runtime_->memory().release(data_, bytes_);
  }
  T* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  DeviceRuntime* runtime_ = nullptr;
  std::size_t bytes_ = 0;
  T* data_ = nullptr;
};

template <class T>
constexpr cudnnDataType_t data_type = std::is_same_v<T, double> ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;

}  // namespace

// The parameters of one gate as cuDNN keeps them: offsets, in elements, into the block of weights.
struct Gate {
  std::ptrdiff_t matrix = 0, bias = 0;
  int columns = 0;
};

template <class T> struct CudnnGru<T>::State {
  DeviceRuntime& runtime;
  int rows, sequences, steps, hidden, width, lanes;
  cudnnHandle_t handle = nullptr;
  cudnnDropoutDescriptor_t dropout = nullptr;
  cudnnRNNDescriptor_t rnn = nullptr;
  cudnnRNNDataDescriptor_t x_shape = nullptr, y_shape = nullptr;
  cudnnTensorDescriptor_t h_shape = nullptr;
  bool has_initial = false;
  Buffer<T> weights, dweights, x, dx, y, dy, initial, dinitial;
  Buffer<std::byte> workspace, reserve;
  Buffer<std::int32_t> lengths, padded_rows;
  std::array<std::array<Gate, 6>, gru_max_lanes> gates{};

  State(Context& context, const GruInput<T>& input, const GruSequenceForward<T>& args)
      : runtime(*context.runtime),
        rows(args.packing.rows()),
        sequences(args.packing.sequences()),
        steps(args.packing.steps()),
        hidden(args.hidden),
        width(input.width),
        lanes(args.lanes),
        has_initial(args.lane[0].initial != nullptr) {}
  ~State() {
    cudnnDestroyTensorDescriptor(h_shape);
    cudnnDestroyRNNDataDescriptor(y_shape);
    cudnnDestroyRNNDataDescriptor(x_shape);
    cudnnDestroyRNNDescriptor(rnn);
    cudnnDestroyDropoutDescriptor(dropout);
    if (handle != nullptr) cudnnDestroy(handle);
  }

  cudaStream_t stream() const { return static_cast<cudaStream_t>(runtime.stream(0)); }
  int state_columns() const { return lanes * hidden; }

  void describe(const Packing& packing, const CudnnOptions& options);
  void take_memory(const Packing& packing, const CudnnOptions& options);
  void find_gates();
  // The six matrices and six biases of a lane: W_ih of r, z, n, then W_hh of r, z, n.
  template <class Visit> void for_each_gate(Visit visit) const {
    for (int l = 0; l < lanes; ++l)
      for (std::size_t g = 0; g < 6; ++g) visit(l, g / 3 == 0, static_cast<std::int64_t>(g % 3) * hidden, gates[l][g]);
  }
  void copy_rows(Context& context, GradientSink<T> to, int to_stride, const std::int32_t* to_rows, const T* from,
                 int from_stride, const std::int32_t* from_rows, int columns) const {
    launch<cudnn_copy_rows_kernel<T>>(context, {.grid = static_cast<unsigned>(rows), .block = 128}, to, to_stride,
                                      to_rows, from, from_stride, from_rows, columns);
  }
  void copy(Context& context, GradientSink<T> to, const T* from, std::int64_t count) const {
    if (!to || count == 0) return;
    // One row of everything would be one block: cut it up.
    constexpr int columns = 256;
    const auto whole = count / columns;
    const int rest = static_cast<int>(count % columns);
    if (whole > 0)
      launch<cudnn_copy_rows_kernel<T>>(context, {.grid = static_cast<unsigned>(whole), .block = columns}, to, columns,
                                        nullptr, from, columns, nullptr, columns);
    if (rest > 0)
      launch<cudnn_copy_rows_kernel<T>>(context, {.grid = 1, .block = columns},
                                        GradientSink<T>{to.data + whole * columns, to.accumulate}, rest, nullptr,
                                        from + whole * columns, rest, nullptr, rest);
  }
};

template <class T> void CudnnGru<T>::State::describe(const Packing& packing, const CudnnOptions& options) {
  check(cudnnCreate(&handle), "cudnnCreate");
  check(cudnnSetStream(handle, stream()), "cudnnSetStream");
  check(cudnnCreateDropoutDescriptor(&dropout), "dropout descriptor");
  check(cudnnSetDropoutDescriptor(dropout, handle, 0.0F, nullptr, 0, 0), "no dropout");
  check(cudnnCreateRNNDescriptor(&rnn), "RNN descriptor");
  const cudnnMathType_t math = std::is_same_v<T, double> || options.tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
  check(cudnnSetRNNDescriptor_v8(rnn, options.persistent ? CUDNN_RNN_ALGO_PERSIST_STATIC : CUDNN_RNN_ALGO_STANDARD,
                                 CUDNN_GRU, CUDNN_RNN_DOUBLE_BIAS,
                                 lanes == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
                                 data_type<T>, data_type<T>, math, width, hidden, hidden, 1, dropout,
                                 options.unpacked ? CUDNN_RNN_PADDED_IO_ENABLED : CUDNN_RNN_PADDED_IO_DISABLED),
        "cudnnSetRNNDescriptor_v8");
  std::vector<int> sequence_lengths(sequences, 0);
  for (int t = 0; t < steps; ++t)
    for (int s = 0; s < packing.alive(t); ++s) ++sequence_lengths[s];
  T padding{0};
  const auto layout =
      options.unpacked ? CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED : CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED;
  const auto data = [&](cudnnRNNDataDescriptor_t& descriptor, int columns) {
    check(cudnnCreateRNNDataDescriptor(&descriptor), "data descriptor");
    check(cudnnSetRNNDataDescriptor(descriptor, data_type<T>, layout, steps, sequences, columns,
                                    sequence_lengths.data(), &padding),
          "cudnnSetRNNDataDescriptor");
  };
  data(x_shape, width);
  data(y_shape, state_columns());
  check(cudnnCreateTensorDescriptor(&h_shape), "state descriptor");
  const std::array<int, 3> sizes{lanes, sequences, hidden}, strides{sequences * hidden, hidden, 1};
  check(cudnnSetTensorNdDescriptor(h_shape, data_type<T>, 3, sizes.data(), strides.data()), "state descriptor");
  lengths = Buffer<std::int32_t>(runtime, sequence_lengths.size() * sizeof(std::int32_t));
  runtime.upload(lengths.data(), sequence_lengths.data(), lengths.bytes());
  runtime.synchronize();  // sequence_lengths goes away
}

template <class T> void CudnnGru<T>::State::take_memory(const Packing& packing, const CudnnOptions& options) {
  std::size_t weight_bytes = 0, workspace_bytes = 0, reserve_bytes = 0;
  check(cudnnGetRNNWeightSpaceSize(handle, rnn, &weight_bytes), "size of the weights");
  check(cudnnGetRNNTempSpaceSizes(handle, rnn, CUDNN_FWD_MODE_TRAINING, x_shape, &workspace_bytes, &reserve_bytes),
        "size of the workspace");
  const int data_rows = options.unpacked ? steps * sequences : rows;
  const auto matrix = [&](std::size_t count, int columns) {
    return Buffer<T>(runtime, count * static_cast<std::size_t>(columns) * sizeof(T));
  };
  weights = Buffer<T>(runtime, weight_bytes);
  dweights = Buffer<T>(runtime, weight_bytes);
  x = matrix(data_rows, width);
  dx = matrix(data_rows, width);
  y = matrix(data_rows, state_columns());
  dy = matrix(data_rows, state_columns());
  initial = matrix(sequences, state_columns());
  dinitial = matrix(sequences, state_columns());
  workspace = Buffer<std::byte>(runtime, workspace_bytes);
  reserve = Buffer<std::byte>(runtime, reserve_bytes);
  if (!options.unpacked) return;
  std::vector<std::int32_t> places;  // of the packed rows in the padded arrays
  for (int t = 0; t < steps; ++t)
    for (int s = 0; s < packing.alive(t); ++s) places.push_back(t * sequences + s);
  padded_rows = Buffer<std::int32_t>(runtime, places.size() * sizeof(std::int32_t));
  runtime.upload(padded_rows.data(), places.data(), padded_rows.bytes());
  runtime.synchronize();
}

// linLayerID of a GRU: 0, 1, 2 are the input matrices of reset, update and new gate, 3, 4, 5 the recurrent ones.
// Direction `lane` is pseudo-layer `lane`. Matrices are row-major [H, columns], described as [1, H, columns].
template <class T> void CudnnGru<T>::State::find_gates() {
  cudnnTensorDescriptor_t matrix = nullptr, bias = nullptr;
  check(cudnnCreateTensorDescriptor(&matrix), "gate descriptor");
  check(cudnnCreateTensorDescriptor(&bias), "gate descriptor");
  for (int l = 0; l < lanes; ++l)
    for (int g = 0; g < 6; ++g) {
      void *matrix_address = nullptr, *bias_address = nullptr;
      check(cudnnGetRNNWeightParams(handle, rnn, l, weights.bytes(), weights.data(), g, matrix, &matrix_address, bias,
                                    &bias_address),
            "cudnnGetRNNWeightParams");
      cudnnDataType_t type{};
      int dimensions = 0;
      std::array<int, 3> sizes{}, strides{};
      check(cudnnGetTensorNdDescriptor(matrix, 3, &type, &dimensions, sizes.data(), strides.data()), "gate descriptor");
      const int columns = g < 3 ? width : hidden;
      ETHREED_CHECK(sizes[1] == hidden && sizes[2] == columns,
                    "cuDNN: matrix {} of direction {} is {} x {}, wanted {} x {}", g, l, sizes[1], sizes[2], hidden,
                    columns);
      gates[l][g] = {static_cast<T*>(matrix_address) - weights.data(), static_cast<T*>(bias_address) - weights.data(),
                     columns};
    }
  cudnnDestroyTensorDescriptor(bias);
  cudnnDestroyTensorDescriptor(matrix);
}

template <class T>
CudnnGru<T>::CudnnGru(Context& context, const GruInput<T>& input, const GruSequenceForward<T>& shape,
                      CudnnOptions options) {
  ETHREED_CHECK(context.device == Device::cuda, "cudnn_gru_sequence: needs a context of the CUDA device");
  ETHREED_CHECK(shape.packing.rows() > 0, "cudnn_gru_sequence: cuDNN takes no empty batch");
  ETHREED_CHECK(!shape.lane[0].reverse && (shape.lanes == 1 || shape.lane[1].reverse),
                "cudnn_gru_sequence: cuDNN runs one lane forward, or one forward and one in reverse");
  for (const GruLaneForward<T>& lane : shape.lane)
    ETHREED_CHECK(lane.state_mask == nullptr, "cudnn_gru_sequence: cuDNN has no mask for the states");
  state_ = std::make_unique<State>(context, input, shape);
  state_->describe(shape.packing, options);
  state_->take_memory(shape.packing, options);
  state_->find_gates();
}
template <class T> CudnnGru<T>::~CudnnGru() = default;

template <class T>
void CudnnGru<T>::load(Context& context, const GruInput<T>& input, const GruSequenceForward<T>& forward) {
  State& s = *state_;
  s.for_each_gate([&](std::size_t l, bool of_input, std::int64_t first, const Gate& gate) {
    const T* matrix = of_input ? input.weight_ih[l] : forward.lane[l].weight_hh;
    const T* bias = of_input ? input.bias_ih[l] : forward.lane[l].bias_hh;
    s.copy(context, {s.weights.data() + gate.matrix}, matrix + first * gate.columns,
           std::int64_t{s.hidden} * gate.columns);
    s.copy(context, {s.weights.data() + gate.bias}, bias + first, s.hidden);
  });
  s.copy_rows(context, {s.x.data()}, s.width, s.padded_rows.data(), input.x, s.width, nullptr, s.width);
  if (!s.has_initial) return;
  const std::int64_t count = std::int64_t{s.sequences} * s.hidden;
  for (int l = 0; l < s.lanes; ++l) s.copy(context, {s.initial.data() + l * count}, forward.lane[l].initial, count);
}

template <class T> void CudnnGru<T>::store_states(Context& context, const GruSequenceForward<T>& forward) {
  const State& s = *state_;
  for (int l = 0; l < s.lanes; ++l)
    s.copy_rows(context, {forward.lane[l].h}, s.hidden, nullptr, s.y.data() + l * s.hidden, s.state_columns(),
                s.padded_rows.data(), s.hidden);
}

template <class T> void CudnnGru<T>::load_cotangents(Context& context, const GruSequenceBackward<T>& backward) {
  const State& s = *state_;
  for (int l = 0; l < s.lanes; ++l)
    s.copy_rows(context, {s.dy.data() + l * s.hidden}, s.state_columns(), s.padded_rows.data(), backward.lane[l].dh,
                s.hidden, nullptr, s.hidden);
}

template <class T>
void CudnnGru<T>::store_gradients(Context& context, const GruSequenceBackward<T>& backward,
                                  const GruInputGradients<T>& gradients) {
  const State& s = *state_;
  const auto from = [](GradientSink<T> sink, std::int64_t first) {
    return sink ? GradientSink<T>{sink.data + first, sink.accumulate} : sink;
  };
  s.for_each_gate([&](std::size_t l, bool of_input, std::int64_t first, const Gate& gate) {
    const GradientSink<T> matrix = of_input ? gradients.dweight_ih[l] : backward.lane[l].dweight_hh;
    const GradientSink<T> bias = of_input ? gradients.dbias_ih[l] : backward.lane[l].dbias_hh;
    s.copy(context, from(matrix, first * gate.columns), s.dweights.data() + gate.matrix,
           std::int64_t{s.hidden} * gate.columns);
    s.copy(context, from(bias, first), s.dweights.data() + gate.bias, s.hidden);
  });
  if (gradients.dx)
    s.copy_rows(context, gradients.dx, s.width, nullptr, s.dx.data(), s.width, s.padded_rows.data(), s.width);
  const std::int64_t count = std::int64_t{s.sequences} * s.hidden;
  for (int l = 0; l < s.lanes; ++l) s.copy(context, backward.lane[l].dinitial, s.dinitial.data() + l * count, count);
}

template <class T> void CudnnGru<T>::run_forward(Context&) {
  const State& s = *state_;
  check(cudnnRNNForward(s.handle, s.rnn, CUDNN_FWD_MODE_TRAINING, s.lengths.data(), s.x_shape, s.x.data(), s.y_shape,
                        s.y.data(), s.h_shape, s.has_initial ? s.initial.data() : nullptr, nullptr, nullptr, nullptr,
                        nullptr, s.weights.bytes(), s.weights.data(), s.workspace.bytes(), s.workspace.data(),
                        s.reserve.bytes(), s.reserve.data()),
        "cudnnRNNForward");
}

template <class T> void CudnnGru<T>::run_backward(Context&) {
  const State& s = *state_;
  const T* initial = s.has_initial ? s.initial.data() : nullptr;
  check(cudnnRNNBackwardData_v8(s.handle, s.rnn, s.lengths.data(), s.y_shape, s.y.data(), s.dy.data(), s.x_shape,
                                s.dx.data(), s.h_shape, initial, nullptr, s.dinitial.data(), nullptr, nullptr, nullptr,
                                nullptr, s.weights.bytes(), s.weights.data(), s.workspace.bytes(), s.workspace.data(),
                                s.reserve.bytes(), s.reserve.data()),
        "cudnnRNNBackwardData_v8");
  s.runtime.clear(s.dweights.data(), s.dweights.bytes());  // cuDNN has no mode but to add
  check(cudnnRNNBackwardWeights_v8(s.handle, s.rnn, CUDNN_WGRAD_MODE_ADD, s.lengths.data(), s.x_shape, s.x.data(),
                                   s.h_shape, initial, s.y_shape, s.y.data(), s.dweights.bytes(), s.dweights.data(),
                                   s.workspace.bytes(), s.workspace.data(), s.reserve.bytes(), s.reserve.data()),
        "cudnnRNNBackwardWeights_v8");
}

template <class T>
void cudnn_gru_sequence(CudnnGru<T>& gru, Context& context, const GruInput<T>& input,
                        const GruSequenceForward<T>& args) {
  gru.load(context, input, args);
  gru.run_forward(context);
  gru.store_states(context, args);
}

template <class T>
void cudnn_gru_sequence(CudnnGru<T>& gru, Context& context, const GruSequenceBackward<T>& args,
                        const GruInputGradients<T>& gradients) {
  for (const GruLaneBackward<T>& lane : args.lane)
    ETHREED_CHECK(!lane.d_input_gates, "cudnn_gru_sequence: cuDNN does not give the gradient of the input gates");
  gru.load_cotangents(context, args);
  gru.run_backward(context);
  gru.store_gradients(context, args, gradients);
}

template class CudnnGru<float>;
template class CudnnGru<double>;
template void cudnn_gru_sequence(CudnnGru<float>&, Context&, const GruInput<float>&, const GruSequenceForward<float>&);
template void cudnn_gru_sequence(CudnnGru<double>&, Context&, const GruInput<double>&,
                                 const GruSequenceForward<double>&);
template void cudnn_gru_sequence(CudnnGru<float>&, Context&, const GruSequenceBackward<float>&,
                                 const GruInputGradients<float>&);
template void cudnn_gru_sequence(CudnnGru<double>&, Context&, const GruSequenceBackward<double>&,
                                 const GruInputGradients<double>&);

}  // namespace ethreed::peer
