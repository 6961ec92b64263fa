#include "autograd/functions/gru_sequence_function.h"

namespace ethreed {

namespace {

/// `inputs`: rows of input_gates.
template <class T>
void check_lane(const Packing& packing, const GruLane<T>& lane, std::size_t index, int hidden, int inputs) {
  ETHREED_CHECK(lane.input_gates && lane.weight_hh && lane.bias_hh,
                "gru_sequence: lane {} lacks input_gates, weight_hh or bias_hh; only initial may be absent", index);
  ETHREED_CHECK(hidden > 0 && lane.weight_hh.shape() == Shape({3 * hidden, hidden}),
                "gru_sequence: weight_hh of lane {} is {}, wanted [3H, H] with H = {} as in lane 0", index,
                lane.weight_hh.shape().text(), hidden);
  ETHREED_CHECK(lane.bias_hh.value().count() == 3 * hidden, "gru_sequence: bias_hh of lane {} is {}, wanted [{}]",
                index, lane.bias_hh.shape().text(), 3 * hidden);
  ETHREED_CHECK(lane.input_gates.shape() == Shape({inputs, 3 * hidden}),
                "gru_sequence: input_gates of lane {} is {}, wanted [{}, {}] (inputs, 3H)", index,
                lane.input_gates.shape().text(), inputs, 3 * hidden);
  ETHREED_CHECK(!lane.initial || lane.initial.shape() == Shape({packing.sequences(), hidden}),
                "gru_sequence: initial of lane {} is {}, wanted [{}, {}] (sequences, H)", index,
                lane.initial.shape().text(), packing.sequences(), hidden);
}

void check_input_rows(const Packing& packing, Indices input_rows, int inputs) {
  ETHREED_CHECK(input_rows.size() == packing.rows(), "gru_sequence: {} input_rows, wanted {}, one for every packed row",
                input_rows.size(), packing.rows());
  for (int i = 0; i < input_rows.size(); ++i)
    ETHREED_CHECK(input_rows[i] >= 0 && input_rows[i] < inputs, "gru_sequence: row {} reads input {} of {}", i,
                  input_rows[i], inputs);
}

// Each lane has its thread, so a gradient must belong to one lane alone.
template <class T> void check_not_shared(const GruLane<T>& a, const GruLane<T>& b) {
  const std::array<Variable<T>, 4> of_a{a.input_gates, a.weight_hh, a.bias_hh, a.initial};
  const std::array<Variable<T>, 4> of_b{b.input_gates, b.weight_hh, b.bias_hh, b.initial};
  for (const Variable<T>& x : of_a)
    for (const Variable<T>& y : of_b)
      ETHREED_CHECK(!x.wants_gradient() || x.node() != y.node(),
                    "gru_sequence: both lanes use one variable {} that wants a gradient; call once for each lane",
                    x.shape().text());
}

template <class T> bool wants_gradient(const GruLane<T>& lane) {
  return lane.input_gates.wants_gradient() || lane.weight_hh.wants_gradient() || lane.bias_hh.wants_gradient() ||
         lane.initial.wants_gradient();
}

}  // namespace

template <class T>
std::array<Variable<T>, gru_max_lanes> gru_sequence(Tape<T>& tape, Packing packing,
                                                    std::type_identity_t<std::span<const GruLane<T>>> lanes,
                                                    Indices input_rows) {
  check_packing("gru_sequence", packing);
  ETHREED_CHECK(lanes.size() >= 1 && lanes.size() <= gru_max_lanes, "gru_sequence: got {} lanes, wanted 1 to {}",
                lanes.size(), gru_max_lanes);
  const int hidden = lanes[0].weight_hh ? lanes[0].weight_hh.columns() : 0;
  // Kept before the first use, so that a device has one copy of them for forward and backward.
  packing.offsets = tape.context().keep(packing.offsets);
  GruSequenceForward<T> args{.packing = packing, .hidden = hidden, .lanes = count_of(lanes)};
  args.inputs = packing.rows();
  if (!input_rows.empty()) {
    args.inputs = lanes[0].input_gates ? lanes[0].input_gates.rows() : 0;
    check_input_rows(packing, input_rows, args.inputs);
    args.input_row = tape.context().keep(input_rows).data();
  }
  std::array<GruLane<T>, gru_max_lanes> lane{};
  std::array<Variable<T>, gru_max_lanes> h{};
  for (int l = 0; l < count_of(lanes); ++l) check_lane(packing, lanes[l], l, hidden, args.inputs);
  if (lanes.size() == 2) check_not_shared(lanes[0], lanes[1]);
  bool recorded = false;
  for (int l = 0; l < count_of(lanes); ++l) {
    lane[l] = lanes[l];
    h[l] = tape.result({packing.rows(), hidden}, wants_gradient(lane[l]));
    recorded = recorded || h[l].wants_gradient();
    T* saved = h[l].wants_gradient() ? tape.context().values.template allocate<T>(h[l].value().count() * 4) : nullptr;
    args.lane[l] = {.reverse = lane[l].reverse,
                    .input_gates = lane[l].input_gates.data(),
                    .weight_hh = lane[l].weight_hh.data(),
                    .bias_hh = lane[l].bias_hh.data(),
                    .initial = lane[l].initial ? lane[l].initial.data() : nullptr,
                    .state_mask = lane[l].state_mask,
                    .h = h[l].data(),
                    .saved = saved};
  }
  gru_sequence_forward(tape.context(), args);
  if (!recorded) return h;
  tape.record([=](Tape<T>& t) {
    // Only lanes that a gradient has reached; the others claim no sinks.
    GruSequenceBackward<T> back{.forward = args};
    int reached = 0;
    for (int l = 0; l < args.lanes; ++l) {
      const T* dh = t.gradient(h[l]);
      if (dh == nullptr) continue;
      back.forward.lane[reached] = args.lane[l];
      back.lane[reached++] = {.dh = dh,
                              .d_input_gates = t.sink(lane[l].input_gates),
                              .dweight_hh = t.sink(lane[l].weight_hh),
                              .dbias_hh = t.sink(lane[l].bias_hh),
                              .dinitial = t.sink(lane[l].initial)};
    }
    back.forward.lanes = reached;
    if (reached > 0) gru_sequence_backward(t.context(), back);
  });
  return h;
}

template <class T>
Variable<T> gru_sequence(Tape<T>& tape, Packing packing, const std::type_identity_t<GruLane<T>>& lane,
                         Indices input_rows) {
  return gru_sequence(tape, packing, std::span<const GruLane<T>>(&lane, 1), input_rows)[0];
}

#define ETHREED_INSTANTIATE(T)                                                                                 \
  template std::array<Variable<T>, gru_max_lanes> gru_sequence(Tape<T>&, Packing, std::span<const GruLane<T>>, \
                                                               Indices);                                       \
  template Variable<T> gru_sequence(Tape<T>&, Packing, const GruLane<T>&, Indices);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
