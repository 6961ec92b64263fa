#pragma once
// gru_sequence: GRUs over ragged sequences, the whole sequence in one call. Serves the utterance encoder (two
// directions), the decoder of (15) and the chains of (1), (2), (5), (7) wherever a chain's inputs are known in advance.

#include "core/host_device.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/packing.h"

#include <array>
#include <cstdint>

namespace ethreed {

inline constexpr int gru_max_lanes = 2;

/// One lane: one GRU in one direction over the packing of the call. For every row i = (time t, sequence s), with h⁻ the
/// state of s at the step before (t − 1, or t + 1 if reversed; `initial` where there is none) and x = input_gates[i],
/// or input_gates[input_row[i]] where the call says which:
///
///   r = σ(x_r + W_hr h⁻ + b_hr),  z = σ(x_z + W_hz h⁻ + b_hz)
///   m = W_hn h⁻ + b_hn,           n = tanh(x_n + r ⊙ m)            the reset gate acts after the matrix product
///   h[i] = ((1 − z) ⊙ n + z ⊙ h⁻) ⊙ state_mask[i]                  the masked state is what is carried on
///
/// With H = hidden, gates stacked in the order r, z, n:
///   input_gates [rows, 3H], with input_row [inputs, 3H]
///                              read: W_ih x + b_ih of every row, or of every different x, computed by the caller in
///                              one GEMM
///   weight_hh   [3H, H]        read
///   bias_hh     [3H]           read
///   initial     [sequences, H] read, or null for zeros
///   state_mask  [rows, H]      read, or null for ones: dropout's multipliers (0 or 1 / (1 − rate))
///   h           [rows, H]      written, and read again as the previous states; aliases nothing
///   saved       [rows, 4H]     written with r, z, n, m for the backward; null if there will be none
template <class T> struct GruLaneForward {
  bool reverse = false;
  const T* input_gates = nullptr;
  const T* weight_hh = nullptr;
  const T* bias_hh = nullptr;
  const T* initial = nullptr;
  const T* state_mask = nullptr;
  T* h = nullptr;
  T* saved = nullptr;
};

/// How a device runs the sequence; the CPU has one way and does not look at it. `steps`: a GEMM and a kernel at
/// every step. `persistent`: all steps in one cooperative launch, the recurrent weights in shared memory (gru_route.h);
/// `steps` where they do not fit. `automatic`: by the rule of gru_route().
enum class GruRoute { automatic, steps, persistent };

/// One or two independent lanes over the same packing; two run as two parallel chunks with nothing to wait for in
/// between. Rows that have the same x, the same word say, can share a row of input_gates, which is then computed once:
///
///   input_row   [rows], 0 … inputs − 1, any order, repeats allowed; on the host  read, or null: i, and inputs = rows
template <class T> struct GruSequenceForward {
  Packing packing;
  int hidden = 0;
  int lanes = 1;
  std::array<GruLaneForward<T>, gru_max_lanes> lane{};
  const std::int32_t* input_row = nullptr;
  int inputs = 0;  ///< not read without input_row
  GruRoute route = GruRoute::automatic;
};

/// The row of input_gates that a packed row reads.
ETHREED_HOST_DEVICE inline std::int64_t gru_input_of(const std::int32_t* input_row, std::int64_t row) {
  return input_row == nullptr ? row : input_row[row];
}

/// Gradients of one lane. With d = (dh[i] + the gradient from the step after) ⊙ state_mask[i]:
///
///   da_n = d ⊙ (1 − z) ⊙ (1 − n²),  da_r = da_n ⊙ m ⊙ r ⊙ (1 − r),  da_z = d ⊙ (h⁻ − n) ⊙ z ⊙ (1 − z)
///   d_input_gates[i] = [da_r, da_z, da_n], with input_row the sum of those of the rows that share it
///   g[i] = [da_r, da_z, da_n ⊙ r]
///   dh⁻ = d ⊙ z + g[i]·W_hh,  dW_hh = gᵀ·h⁻ over all rows,  db_hh = Σ_rows g
///
///   dh             [rows, H]  read: the cotangent of every state
///   d_input_gates, dweight_hh, dbias_hh, dinitial: shapes of what they belong to; written or accumulated, each may be
///                  absent; the sinks of two lanes must not share memory (the lanes run at the same time)
template <class T> struct GruLaneBackward {
  const T* dh = nullptr;
  GradientSink<T> d_input_gates;
  GradientSink<T> dweight_hh;
  GradientSink<T> dbias_hh;
  GradientSink<T> dinitial;
};

/// FLOPs a lane: forward 6·C·H², where C are the rows with an h⁻ that is not zero by definition: all with `initial`,
/// rows − sequences without (the gates' 20·rows·H operations are not counted); backward 12·C·H² if everything is asked
/// for. Bytes a lane, with s = sequences and u the rows of input_gates that are read, all unless input_row leaves some
/// out: forward (3·u·H + 3·H² + 3·H + 5·rows·H)·sizeof(T), with `initial` another s·H and with state_mask rows·H
/// elements; backward ((6·rows − s)·H + 6·H² + 3·H + 3·inputs·H)·sizeof(T), with `initial` another 2·s·H and with
/// state_mask rows·H elements; with input_row rows·4 once for all lanes. W_hh is read only where C > 0. (The weights
/// are counted once; they are read again at every step, from the cache if it holds them.) Saved a lane:
/// 4·rows·H·sizeof(T), in addition to h itself. Workspace a lane, each term rounded up to 64 bytes: the weights, packed
/// once for all steps, 3H rows of H elements, each row rounded up to 64 bytes; forward sequences·3H + 3H (and
/// sequences·4H without `saved`) elements; backward sequences·H twice, rows·3H and rows·H. Order of reduction: gemm's,
/// step by step in time; dW_hh is one GEMM over C rows, db adds all rows, both in the order of the recurrence, and
/// behind them those that start a sequence; d_input_gates that rows share are added up from the lane's last step to its
/// first, sequences in their order. Source: Cho et al. 2014 in the form of cuDNN and PyTorch (two biases, reset after
/// the matrix product); the chain rule.
///
/// On a device, T steps; gru_route() chooses between two routes. In both, backward: dW_hh is one GEMM a lane and,
/// by steps, db_hh one column_sums(), each only where asked for; with two lanes each on its stream. With input_row one
/// launch more for all lanes adds up what rows share, in packed order. Workspace a lane: forward by steps
/// sequences·3H, persistent none; backward sequences·H, rows·3H, for dW_hh rows·H and with input_row rows·3H again
/// (without the last never more than on the CPU).
///   steps       Launches a lane: forward T kernels and T − 1 GEMMs (with `initial`: T, and in reverse one more for
///               every step at which sequences join); backward T kernels and T − 1 GEMMs (with dinitial: T, and a
///               kernel that hands it over). Two lanes run on two streams. Order of reduction: gemm's.
///   persistent  One launch for all lanes, db_hh included. T − 1 grid barriers (backward with dinitial: T). Kept on
///               chip for the whole sequence, a lane: 3·H²·sizeof(T), units and rows rounded up, see GruGrid. Read from
///               the L2 cache at every step by each of the B ≤ H / 2 blocks of a lane: alive·H states (forward),
///               alive·3H gates' gradients (backward). FLOPs as above. Order of reduction: eight slices of a dot
///               product, slice q every eighth vector of four elements from the q-th on, are added pairwise; it depends
///               on H alone, not on the device.
template <class T> struct GruSequenceBackward {
  GruSequenceForward<T> forward;  // of the same call, `saved` filled
  std::array<GruLaneBackward<T>, gru_max_lanes> lane{};
};

ETHREED_KERNEL(gru_sequence_forward, GruSequenceForward)
ETHREED_KERNEL(gru_sequence_backward, GruSequenceBackward)

}  // namespace ethreed
