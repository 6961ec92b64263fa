#pragma once
// The words that every intent has of its own.

#include "core/context.h"
#include "core/tensor.h"
#include "model/emphi/config.h"
#include "model/text/dataset.h"

#include <cstdint>
#include <vector>

namespace ethreed {

/// For each intent (emphi_intents) the config.keywords words of the vocabulary that its replies in the training split
/// have most often, equal ones by their first appearance, stop words left out. An intent that has too few takes the
/// most frequent of all replies, then of the vocabulary. Where intents are distributions, a reply has its likeliest
/// one. [9·keywords] Throws Error if the data has no labels of intents or too few words.
std::vector<std::int32_t> emphi_keywords(const EmphiConfig& config, const Dataset& data);

/// The same from the parameter that keeps them, on the host, in the arena of the step. Throws Error if a number there
/// is no word's.
template <class T> Indices keyword_table(const Context& context, const EmphiConfig& config, View<const T> parameter);

}  // namespace ethreed
