#pragma once
// A corpus as a test writes it, and a data set as it reads.

#include "model/text/dataset.h"

#include <cstdint>
#include <span>
#include <string>

namespace ethreed {

/// The first line of a file of EmpatheticDialogues.
inline const std::string corpus_header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n";

/// Words of a data set with blanks between them, the end mark as "<eos>".
inline std::string text_of(const Dataset& data, std::span<const std::int32_t> ids) {
  std::string out;
  for (const std::int32_t id : ids) out += (out.empty() ? "" : " ") + std::string(data.word(id));
  return out;
}

}  // namespace ethreed
