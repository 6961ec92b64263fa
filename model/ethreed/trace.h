#pragma once
// One batch's forward and backward in a file, so that any other program can recompute it: the interchange format's
// trace.

#include "core/context.h"
#include "core/indices.h"
#include "model/ethreed/config.h"
#include "model/interface/model_state.h"
#include "model/text/dataset.h"

#include <filesystem>

namespace ethreed {

/// Runs forward and backward of `loss.total` on these dialogues, without dropout, with ε drawn from `seed`, and writes
/// every tensor of the trace, padded with 0 to [B, T, L], dialogues in the order given. L is the longest utterance of
/// the batch. `state` is on the host; the gradients stay in it. Throws Error if a value is not finite or the file
/// cannot be written.
template <class T>
void write_trace(Context& context, ModelState<T>& state, const EthreedConfig& config, const Split& split,
                 Indices dialogues, std::uint64_t seed, const std::filesystem::path& path);

}  // namespace ethreed
