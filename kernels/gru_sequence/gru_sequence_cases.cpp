#include "kernels/common/operation.h"
#include "kernels/gru_sequence/gru_sequence.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

namespace ethreed {

namespace {

struct GruShape {
  std::vector<int> lengths;  // longest first
  int hidden;
  std::vector<bool> reverse;  // one entry a lane
  bool initial = false;
  bool mask = false;
  GruRoute route = GruRoute::automatic;
  int inputs = 0;  // different rows of input_gates; 0: as many as packed rows, without an index
};

std::vector<std::int32_t> offsets_of(const std::vector<int>& lengths) {
  std::vector<std::int32_t> offsets{0};
  for (int t = 0; !lengths.empty() && t < lengths.front(); ++t) {
    std::int32_t alive = 0;
    for (int length : lengths) alive += length > t ? 1 : 0;
    offsets.push_back(offsets.back() + alive);
  }
  return offsets;
}

// `count` lengths from `longest` down, thinning out as utterances do: the mean is about longest / 2.2.
std::vector<int> decreasing_lengths(int count, int longest) {
  std::vector<int> lengths;
  for (int i = 0; i < count; ++i)
    lengths.push_back(
        std::max(1, static_cast<int>(std::lround(longest * std::pow(1.0 - static_cast<double>(i) / count, 1.2)))));
  return lengths;
}

std::int64_t rounded(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

double logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

template <class T> class GruSequenceProblem final : public OpProblem<T> {
 public:
  GruSequenceProblem(const GruShape& shape, std::uint64_t seed) : shape_(shape), offsets_(offsets_of(shape.lengths)) {
    // Some inputs are read often, at the same step too, and the last one never.
    for (std::int64_t i = 0; shape.inputs > 0 && i < rows(); ++i)
      input_row_.push_back(static_cast<std::int32_t>(i * i % std::max(1, shape.inputs - 1)));
    const int hidden = shape.hidden;
    const double scale = 1.0 / std::sqrt(hidden);
    for (std::size_t l = 0; l < shape.reverse.size(); ++l) {
      const std::string lane = std::to_string(l);
      const std::uint64_t stream = 10 * l;
      this->inputs.push_back({"input_gates" + lane, random_tensor<T>({input_rows(), 3 * hidden}, seed, stream)});
      this->inputs.push_back({"weight_hh" + lane, random_tensor<T>({3 * hidden, hidden}, seed, stream + 1, scale)});
      this->inputs.push_back({"bias_hh" + lane, random_tensor<T>({3 * hidden}, seed, stream + 2, 0.5)});
      if (shape.initial)
        this->inputs.push_back({"initial" + lane, random_tensor<T>({sequences(), hidden}, seed, stream + 3)});
      if (shape.mask) this->inputs.push_back({"state_mask" + lane, dropout_mask(seed, stream + 4), false});
      this->outputs.push_back({"h" + lane, Tensor<T>({rows(), hidden})});
      saved_.emplace_back(Shape{rows(), 4 * hidden});
    }
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    for (Tensor<T>& saved : saved_) saved = saved.clone(memory);
  }

  void forward(Context& context) override { gru_sequence_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    GruSequenceBackward<T> args{.forward = arguments()};
    for (std::size_t l = 0; l < shape_.reverse.size(); ++l) {
      const std::size_t first = l * inputs_per_lane();
      args.lane[l] = {.dh = cotangents[l],
                      .d_input_gates = gradients[first],
                      .dweight_hh = gradients[first + 1],
                      .dbias_hh = gradients[first + 2]};
      if (shape_.initial) args.lane[l].dinitial = gradients[first + 3];
    }
    gru_sequence_backward(context, args);
  }

  // Sequence by sequence, token by token, component by component.
  std::vector<std::vector<double>> reference() const override {
    std::vector<std::vector<double>> states;
    for (std::size_t l = 0; l < shape_.reverse.size(); ++l) {
      std::vector<double> h(rows() * shape_.hidden);
      for (int s = 0; s < sequences(); ++s) reference_sequence(l, s, h);
      states.push_back(std::move(h));
    }
    return states;
  }

  Cost cost() const override {
    const double lanes = static_cast<double>(shape_.reverse.size());
    const double r = offsets_.back(), h = shape_.hidden;
    const double multiplied = r - (shape_.initial ? 0 : static_cast<double>(sequences()));  // the rows with an h⁻
    const double s = static_cast<double>(sequences()), initial = shape_.initial ? s : 0, mask = shape_.mask ? r : 0;
    const double weights = 3 * h * h, read_weights = multiplied > 0 ? weights : 0;
    const double read_inputs = static_cast<double>(
        input_row_.empty() ? rows() : std::ssize(std::set<std::int32_t>(input_row_.begin(), input_row_.end())));
    const double forward = read_weights + 3 * h + (3 * read_inputs + 5 * r + initial + mask) * h;
    const double backward =
        read_weights + weights + 3 * h + (6 * r - s + 3 * static_cast<double>(input_rows()) + 2 * initial + mask) * h;
    const double index = static_cast<double>(input_row_.size() * sizeof(std::int32_t));
    const std::int64_t width = std::int64_t{shape_.hidden} * static_cast<std::int64_t>(sizeof(T));
    // The backward's: the forward never needs more.
    const std::int64_t lane_workspace = 3 * shape_.hidden * rounded(width) + 2 * rounded(sequences() * width) +
                                        rounded(3 * rows() * width) + rounded(rows() * width);
    const auto count = static_cast<std::int64_t>(shape_.reverse.size());
    return {.forward_flops = lanes * 6 * multiplied * h * h,
            .backward_flops = lanes * 12 * multiplied * h * h,
            .forward_bytes = lanes * forward * sizeof(T) + index,
            .backward_bytes = lanes * backward * sizeof(T) + index,
            .saved_bytes = count * 4 * rows() * width,
            .workspace_bytes = count * lane_workspace};
  }
  std::int64_t saved_bytes() const override {
    std::int64_t count = 0;
    for (const Tensor<T>& saved : saved_) count += saved.count();
    return count * static_cast<std::int64_t>(sizeof(T));
  }

 private:
  std::int64_t rows() const { return offsets_.back(); }
  std::int64_t input_rows() const { return shape_.inputs > 0 ? shape_.inputs : rows(); }
  std::int64_t input_of(std::int64_t row) const { return input_row_.empty() ? row : input_row_[row]; }
  std::int64_t sequences() const { return static_cast<std::int64_t>(shape_.lengths.size()); }
  std::size_t inputs_per_lane() const { return 3 + std::size_t{shape_.initial} + std::size_t{shape_.mask}; }

  Tensor<T> dropout_mask(std::uint64_t seed, std::uint64_t stream) const {
    Tensor<T> mask({rows(), shape_.hidden});
    const PhiloxStream random(seed, stream);
    for (std::int64_t i = 0; i < mask.count(); ++i)
      mask[i] = random.uniform(static_cast<std::uint64_t>(i)) < 0.5 ? T{0} : T{2};
    return mask;
  }

  GruSequenceForward<T> arguments() {
    GruSequenceForward<T> args{.packing = {offsets_},
                               .hidden = shape_.hidden,
                               .lanes = count_of(shape_.reverse),
                               .input_row = input_row_.empty() ? nullptr : input_row_.data(),
                               .inputs = shape_.inputs,
                               .route = shape_.route};
    for (std::size_t l = 0; l < shape_.reverse.size(); ++l) {
      const auto input = [&](std::size_t i) { return this->inputs[l * inputs_per_lane() + i].data.data(); };
      args.lane[l] = {.reverse = shape_.reverse[l],
                      .input_gates = input(0),
                      .weight_hh = input(1),
                      .bias_hh = input(2),
                      .initial = shape_.initial ? input(3) : nullptr,
                      .state_mask = shape_.mask ? input(inputs_per_lane() - 1) : nullptr,
                      .h = this->outputs[l].data.data(),
                      .saved = saved_[l].data()};
    }
    return args;
  }

  void reference_sequence(std::size_t lane, int sequence, std::vector<double>& h) const {
    const std::size_t first = lane * inputs_per_lane();
    const std::int64_t hidden = shape_.hidden;
    const int length = shape_.lengths[sequence];
    std::vector<double> state(hidden, 0.0);
    if (shape_.initial)
      for (std::int64_t j = 0; j < hidden; ++j)
        state[j] = static_cast<double>(this->inputs[first + 3].data[sequence * hidden + j]);
    for (int k = 0; k < length; ++k) {
      const int t = shape_.reverse[lane] ? length - 1 - k : k;
      const std::int64_t row = offsets_[t] + sequence;
      state = reference_cell(first, row, state);
      std::copy(state.begin(), state.end(), h.begin() + row * hidden);
    }
  }

  std::vector<double> reference_cell(std::size_t first, std::int64_t row, const std::vector<double>& state) const {
    const std::int64_t hidden = shape_.hidden;
    const auto recurrent = [&](std::int64_t gate) {
      double sum = static_cast<double>(this->inputs[first + 2].data[gate]);
      for (std::int64_t k = 0; k < hidden; ++k)
        sum += static_cast<double>(this->inputs[first + 1].data[gate * hidden + k]) * state[k];
      return sum;
    };
    const auto input = [&](std::int64_t gate) {
      return static_cast<double>(this->inputs[first].data[input_of(row) * 3 * hidden + gate]);
    };
    std::vector<double> next(state.size());
    for (std::int64_t j = 0; j < hidden; ++j) {
      const double r = logistic(input(j) + recurrent(j));
      const double z = logistic(input(hidden + j) + recurrent(hidden + j));
      const double n = std::tanh(input(2 * hidden + j) + r * recurrent(2 * hidden + j));
      double value = (1.0 - z) * n + z * state[j];
      if (shape_.mask) value *= static_cast<double>(this->inputs[first + inputs_per_lane() - 1].data[row * hidden + j]);
      next[j] = value;
    }
    return next;
  }

  GruShape shape_;
  std::vector<std::int32_t> offsets_, input_row_;
  std::vector<Tensor<T>> saved_;
};

OpCase gru_case(std::string name, bool tiny, GruShape shape) {
  return make_case(std::move(name), tiny, [shape]<class T>(std::uint64_t seed) {
    return std::make_unique<GruSequenceProblem<T>>(shape, seed);
  });
}

}  // namespace

std::vector<OpCase> gru_sequence_cases() {
  constexpr GruRoute steps = GruRoute::steps, persistent = GruRoute::persistent;
  return {
      gru_case("one sequence, one step", true, {{1}, 1, {false}}),
      gru_case("one sequence, initial state", true, {{3}, 3, {false}, true}),
      gru_case("one sequence in reverse, initial state and mask", true, {{3}, 2, {true}, true, true}),
      gru_case("all of length one", true, {{1, 1, 1}, 2, {false, true}}),
      gru_case("all of length one, initial state and mask", true, {{1, 1, 1}, 2, {false, true}, true, true}),
      gru_case("one turn next to four", true, {{4, 1}, 2, {false}, false, true}),
      gru_case("ragged, both directions", true, {{4, 2, 2, 1}, 3, {false, true}}),
      gru_case("ragged, both directions, initial states and masks", true, {{3, 2, 1}, 2, {false, true}, true, true}),
      gru_case("ragged, two lanes forward, initial states", true, {{3, 1}, 2, {false, false}, true}),
      gru_case("shared inputs, one lane", true, {{3, 1}, 2, {false}, true, false, {}, 3}),
      gru_case("shared inputs, both directions", true, {{3, 2, 1}, 2, {false, true}, false, true, {}, 4}),
      gru_case("encoder", false, {decreasing_lengths(34, 40), 300, {false, true}}),
      gru_case("encoder, shared inputs", false,
               {decreasing_lengths(34, 40), 300, {false, true}, false, false, {}, 220}),
      gru_case("decoder", false, {decreasing_lengths(17, 40), 300, {false}, true}),
      gru_case("tracker", false, {std::vector<int>(8, 8), 300, {false}, false, true}),
      // The routes of a device, each asked for; hidden states that are rows of vectors and such that are not.
      gru_case("by steps, one step", true, {{1, 1}, 3, {true}, true, false, steps}),
      gru_case("by steps, both directions", true, {{4, 2, 1}, 2, {false, true}, true, true, steps}),
      gru_case("by steps, rows of vectors", false, {{7, 5, 5, 2, 1}, 20, {true, false}, true, true, steps}),
      gru_case("by steps, decoder", false, {decreasing_lengths(17, 12), 300, {false}, true, false, steps}),
      gru_case("by steps, shared inputs", true, {{3, 2, 1}, 2, {false, true}, true, false, steps, 4}),
      gru_case("by steps, shared inputs that are rows of vectors", false,
               {{7, 5, 5, 2, 1}, 20, {true, false}, false, true, steps, 6}),
      gru_case("persistent, one step", true, {{1, 1}, 3, {true}, true, false, persistent}),
      gru_case("persistent, both directions", true, {{4, 2, 1}, 2, {false, true}, true, true, persistent}),
      gru_case("persistent, rows of vectors", false, {{7, 5, 5, 2, 1}, 20, {true, false}, true, true, persistent}),
      gru_case("persistent, shared inputs", true, {{3, 2, 1}, 2, {false, true}, true, false, persistent, 4}),
      gru_case("persistent, shared inputs that are rows of vectors", false,
               {{7, 5, 5, 2, 1}, 20, {false}, true, true, persistent, 6}),
      gru_case("persistent, odd rows", false, {decreasing_lengths(9, 6), 37, {false, true}, true, false, persistent}),
      gru_case("persistent, more sequences than a tile", false,
               {decreasing_lengths(150, 4), 188, {true}, true, true, persistent}),
      gru_case("persistent, both directions, wide", false,
               {decreasing_lengths(34, 10), 160, {false, true}, false, false, persistent}),
  };
}

}  // namespace ethreed
