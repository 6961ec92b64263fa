#include "kernels/common/column_sums.h"
#include "kernels/gather_rows/gather_rows.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gru_sequence/gru_device.h"
#include "kernels/gru_sequence/gru_route.h"

namespace ethreed {

namespace {

template <class T> bool is_persistent(Context& context, GruPass pass, const GruSequenceForward<T>& args) {
  return gru_route(pass, args, gru_device(*context.runtime)) == GruRoute::persistent;
}

/// dW_hh = gᵀ·h⁻ and, if not done yet, db_hh = Σ g over all rows; each lane on its stream.
template <class T>
void weights_backward(Context& context, const GruSequenceBackward<T>& args, const GruWorkspaces<T>& work,
                      bool has_biases) {
  const int rows = args.forward.packing.rows(), hidden = args.forward.hidden;
  const bool forks = args.forward.lanes > 1;
  if (forks) context.runtime->fork();
  for (int l = 0; l < args.forward.lanes; ++l) {
    const GruLaneBackward<T>& back = args.lane[l];
    if (back.dweight_hh)
      gemm<T>(context, {.a_transposed = true,
                        .m = 3 * hidden,
                        .n = hidden,
                        .k = rows,
                        .a = work[l].recurrent,
                        .lda = 3 * hidden,
                        .b = work[l].previous,
                        .ldb = hidden,
                        .c = back.dweight_hh.data,
                        .ldc = hidden,
                        .accumulate = back.dweight_hh.accumulate,
                        .stream = l});
    if (back.dbias_hh && !has_biases)
      column_sums<T>(context, rows, 3 * hidden, work[l].recurrent, nullptr, nullptr, back.dbias_hh, l);
  }
  if (forks) context.runtime->join();
}

/// The arguments with the device's copy of their indices.
template <class T> GruSequenceForward<T> with_device_indices(Context& context, GruSequenceForward<T> args) {
  if (args.input_row != nullptr) args.input_row = indices(context, args.input_row, args.packing.rows());
  return args;
}

/// Adds up the gradients of rows that share a row of input_gates; `gates` has those of all lanes side by side.
template <class T> void add_shared_inputs(Context& context, const GruSequenceBackward<T>& args, const T* gates) {
  const GruSequenceForward<T>& f = args.forward;
  GatherRowsBackward<T> back{.forward = {.rows = f.packing.rows(), .parts = f.lanes}, .dy = gates};
  for (int l = 0; l < gru_max_lanes && l < f.lanes; ++l) {
    back.forward.source_rows[l] = f.inputs;
    back.forward.columns[l] = 3 * f.hidden;
    back.forward.index[l] = f.input_row;
    back.dx[l] = args.lane[l].d_input_gates;
  }
  gather_rows_backward(context, back);
}

}  // namespace

template <class T> void gru_sequence_forward(ThisDevice, Context& context, const GruSequenceForward<T>& args) {
  if (args.packing.rows() == 0) return;
  const GruSequenceForward<T> here = with_device_indices(context, args);
  if (is_persistent(context, GruPass::forward, here))
    gru_forward_persistent(context, here);
  else
    gru_forward_by_steps(context, here);
}

template <class T> void gru_sequence_backward(ThisDevice, Context& context, const GruSequenceBackward<T>& args) {
  const GruSequenceForward<T>& f = args.forward;
  const std::int64_t rows = f.packing.rows(), hidden = f.hidden;
  ArenaScope scratch(context.scratch);
  GruWorkspaces<T> work{};
  for (int l = 0; l < f.lanes; ++l) {
    work[l].carry = scratch.allocate<T>(f.packing.sequences() * hidden);
    work[l].recurrent = scratch.allocate<T>(rows * 3 * hidden);
    if (args.lane[l].dweight_hh) work[l].previous = scratch.allocate<T>(rows * hidden);
    work[l].gates = args.lane[l].d_input_gates;
    work[l].gates_step = 3 * f.hidden;
  }
  T* gates = nullptr;  // of every packed row, where rows of input_gates are shared
  if (f.input_row != nullptr) {
    const int step = f.lanes * 3 * f.hidden;
    gates = scratch.allocate<T>(rows * step);
    for (int l = 0; l < f.lanes; ++l) {
      if (work[l].gates) work[l].gates = {gates + static_cast<std::int64_t>(l) * 3 * hidden, false};
      work[l].gates_step = step;
    }
  }
  const bool persistent = rows > 0 && is_persistent(context, GruPass::backward, f);
  if (persistent)
    gru_backward_persistent(context, args, work);
  else if (rows > 0)
    gru_backward_by_steps(context, args, work);
  if (gates != nullptr) add_shared_inputs(context, args, gates);
  weights_backward(context, args, work, persistent);
}

template void gru_sequence_forward(ThisDevice, Context&, const GruSequenceForward<float>&);
template void gru_sequence_forward(ThisDevice, Context&, const GruSequenceForward<double>&);
template void gru_sequence_backward(ThisDevice, Context&, const GruSequenceBackward<float>&);
template void gru_sequence_backward(ThisDevice, Context&, const GruSequenceBackward<double>&);

}  // namespace ethreed
