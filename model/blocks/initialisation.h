#pragma once
// How the parameters start: section 6 of the specification.

#include "core/tensor.h"
#include "core/thread_pool.h"
#include "model/blocks/parameter_layout.h"

namespace ethreed {

/// Fills a block: word vectors as given [V, D_w], or where the layout says so narrower for words without one; each H ×
/// H gate of a recurrent matrix orthogonal on its own; the update gates' recurrent bias as the layout says; what comes
/// from the data by other ways stays zero; everything else U(±1/√fan_in), or as Xavier has it. A parameter's numbers
/// depend on the seed and its name alone, so that the same parameter starts the same in every variant of a model.
/// Several parameters are filled at a time. Throws Error if the vectors are not [V, D_w] of the layout.
template <class T>
void initialise_parameters(ThreadPool& pool, const ParameterLayout& layout, View<const float> word_vectors,
                           std::uint64_t seed, T* block);

}  // namespace ethreed
