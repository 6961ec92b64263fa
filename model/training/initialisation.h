#pragma once
// How the parameters start: section 6 of the specification.

#include "core/tensor.h"
#include "core/thread_pool.h"
#include "model/ethreed/parameters.h"

namespace ethreed {

/// Fills a block: word vectors as given [V, D_w]; each H × H gate of a recurrent matrix orthogonal on its own; the
/// update gates' recurrent bias `update_gate_bias`; everything else U(±1/√fan_in). A parameter's numbers depend on the
/// seed and its name alone, so that the same parameter starts the same in every ablation.
/// Several parameters are filled at a time. Throws Error if the vectors are not [V, D_w] of the layout.
template <class T>
void initialise_parameters(ThreadPool& pool, const ParameterLayout& layout, View<const float> word_vectors,
                           double update_gate_bias, std::uint64_t seed, T* block);

}  // namespace ethreed
