#include "kernels/common/column_sums.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gru_sequence/gru_device.h"
#include "kernels/gru_sequence/gru_route.h"

namespace ethreed {

namespace {

template <class T> bool is_persistent(Context& context, GruPass pass, const GruSequenceForward<T>& args) {
  return gru_route(pass, args, gru_device(*context.runtime)) == GruRoute::persistent;
}

/// dW_hh = gᵀ·h⁻ and, if nobody has done so yet, db_hh = Σ g over all rows; each lane on its stream.
template <class T>
void weights_backward(Context& context, const GruSequenceBackward<T>& args, const GruWorkspaces<T>& work,
                      bool has_biases) {
  const int rows = args.forward.packing.rows(), hidden = args.forward.hidden;
  const bool forks = args.forward.lanes > 1;
  if (forks) context.runtime->fork();
  for (std::size_t l = 0; l < static_cast<std::size_t>(args.forward.lanes); ++l) {
    const GruLaneBackward<T>& back = args.lane[l];
    const int stream = static_cast<int>(l);
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
                        .stream = stream});
    if (back.dbias_hh && !has_biases)
      column_sums<T>(context, rows, 3 * hidden, work[l].recurrent, nullptr, nullptr, back.dbias_hh, stream);
  }
  if (forks) context.runtime->join();
}

}  // namespace

template <class T> void gru_sequence_forward(ThisDevice, Context& context, const GruSequenceForward<T>& args) {
  if (args.packing.rows() == 0) return;
  if (is_persistent(context, GruPass::forward, args))
    gru_forward_persistent(context, args);
  else
    gru_forward_by_steps(context, args);
}

template <class T> void gru_sequence_backward(ThisDevice, Context& context, const GruSequenceBackward<T>& args) {
  const GruSequenceForward<T>& f = args.forward;
  const std::int64_t rows = f.packing.rows(), hidden = f.hidden;
  ArenaScope scratch(context.scratch);
  GruWorkspaces<T> work{};
  for (std::size_t l = 0; l < static_cast<std::size_t>(f.lanes); ++l) {
    work[l].carry = scratch.allocate<T>(f.packing.sequences() * hidden);
    work[l].recurrent = scratch.allocate<T>(rows * 3 * hidden);
    if (args.lane[l].dweight_hh) work[l].previous = scratch.allocate<T>(rows * hidden);
  }
  const bool persistent = rows > 0 && is_persistent(context, GruPass::backward, f);
  if (persistent)
    gru_backward_persistent(context, args, work);
  else if (rows > 0)
    gru_backward_by_steps(context, args, work);
  weights_backward(context, args, work, persistent);
}

template void gru_sequence_forward(ThisDevice, Context&, const GruSequenceForward<float>&);
template void gru_sequence_forward(ThisDevice, Context&, const GruSequenceForward<double>&);
template void gru_sequence_backward(ThisDevice, Context&, const GruSequenceBackward<float>&);
template void gru_sequence_backward(ThisDevice, Context&, const GruSequenceBackward<double>&);

}  // namespace ethreed
