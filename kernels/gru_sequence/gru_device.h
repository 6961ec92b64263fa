#pragma once
// What both routes of gru_sequence share on a device: the steps of a packing, the cell, the workspace. For .cu files.

#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/common/math.h"
#include "kernels/gru_sequence/gru_sequence.h"

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

/// One step of the recurrence in packed rows. Of its `alive` sequences the first `carried` come from the step before
/// it; the others start here. (Alive sequences are a prefix at every time, so this holds in both directions.)
struct GruStep {
  std::int64_t first;          ///< packed row of sequence 0
  std::int64_t carried_first;  ///< packed row of sequence 0 at the step before
  int alive;
  int carried;
};

/// Step k of `steps`, in the lane's direction; offsets are the packing's, on either side.
ETHREED_HOST_DEVICE inline GruStep gru_step(const std::int32_t* offsets, int steps, bool reverse, int k) {
  const int t = reverse ? steps - 1 - k : k;
  const int alive = offsets[t + 1] - offsets[t];
  if (k == 0) return {offsets[t], 0, alive, 0};
  const int before = reverse ? t + 1 : t - 1;
  const int alive_before = offsets[before + 1] - offsets[before];
  return {offsets[t], offsets[before], alive, alive < alive_before ? alive : alive_before};
}

/// h⁻ of a sequence at a step, [H]; null where it starts from zeros.
template <class T>
__device__ const T* gru_previous(const GruLaneForward<T>& lane, const GruStep& step, int sequence, int hidden) {
  if (sequence < step.carried) return lane.h + (step.carried_first + sequence) * hidden;
  return lane.initial != nullptr ? lane.initial + std::int64_t{sequence} * hidden : nullptr;
}

/// One unit's r, z, n, and m = W_hn h⁻ + b_hn.
template <class T> struct GruGates { T r, z, n, m; };

/// x: the input's share of r, z, n; m: the recurrent matrix product's, with its bias.
template <class T> __device__ GruGates<T> gru_gates(T x_r, T x_z, T x_n, T m_r, T m_z, T m_n) {
  const T r = math::sigmoid(x_r + m_r);
  return {r, math::sigmoid(x_z + m_z), math::tanh(x_n + r * m_n), m_n};
}

template <class T> __device__ T gru_state(const GruGates<T>& gates, T previous) {
  return gates.n + gates.z * (previous - gates.n);
}

/// What one unit's cell hands back.
template <class T> struct GruCellGradients {
  T da_r, da_z, da_n;
  T g_n;       ///< da_n ⊙ r: g = [da_r, da_z, g_n]
  T previous;  ///< d ⊙ z, the direct share of h⁻
};

/// d: the whole gradient of the state before its mask.
template <class T> __device__ GruCellGradients<T> gru_cell_backward(const GruGates<T>& gates, T previous, T d) {
  const T da_n = d * (T{1} - gates.z) * (T{1} - gates.n * gates.n);
  return {da_n * gates.m * gates.r * (T{1} - gates.r), d * (previous - gates.n) * gates.z * (T{1} - gates.z), da_n,
          da_n * gates.r, d * gates.z};
}

/// Of the backward, for one lane.
template <class T> struct GruWorkspace {
  T* carry = nullptr;      ///< [sequences, H] the gradient by the states from the step after
  T* recurrent = nullptr;  ///< [rows, 3H] g
  T* previous = nullptr;   ///< [rows, H] h⁻, so that dW_hh is one GEMM; null if that is not wanted
  GradientSink<T> gates;   ///< of [da_r, da_z, da_n] of every packed row; absent if they are not wanted
  int gates_step = 0;      ///< elements from one of its rows to the next
};
template <class T> using GruWorkspaces = std::array<GruWorkspace<T>, gru_max_lanes>;

// --- the routes -----------------------------------------------------------------------------------------------------
// At least one step each; input_row is on the device. The backward ones fill the workspace and dinitial.

template <class T> void gru_forward_by_steps(Context& context, const GruSequenceForward<T>& args);
template <class T>
void gru_backward_by_steps(Context& context, const GruSequenceBackward<T>& args, const GruWorkspaces<T>& work);

template <class T> void gru_forward_persistent(Context& context, const GruSequenceForward<T>& args);
template <class T>
void gru_backward_persistent(Context& context, const GruSequenceBackward<T>& args, const GruWorkspaces<T>& work);

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
