#pragma once
// What commands that read a corpus's texts, and make no turns of them, say of its tables.

#include "model/text/corpus.h"

#include <string>
#include <vector>

namespace ethreed {

/// Of a split's notes those that tell of damage to its texts, a line each: another encoding, quotation marks astray.
std::vector<std::string> table_notes(const CorpusSplit& split);

}  // namespace ethreed
