#include "model/encoders/encoder_batch.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

int distance_row(int distance) {
  constexpr int rows = 16, exact = rows / 2;  // of one direction
  constexpr double longest = 128;
  const int size = std::abs(distance), begin = distance > 0 ? rows : 0;
  if (size < exact) return begin + size;
  const double share = std::log(static_cast<double>(size) / exact) / std::log(longest / exact);
  return begin + std::min(rows - 1, exact + static_cast<int>(share * (rows - exact)));
}

void EncoderBatch::clear() {
  for (auto* array : {&ids, &positions, &types, &distances, &first}) array->clear();
  offsets.assign(1, 0);
}

void EncoderBatch::add(Indices row, Indices segments) {
  const EncoderConfig& config = *config_;
  ETHREED_CHECK(!row.empty() && row.size() <= config.longest(),
                "EncoderBatch::add: a row of {} tokens, wanted 1 to {}; cut the text", row.size(), config.longest());
  ETHREED_CHECK(segments.empty() || segments.size() == row.size(), "EncoderBatch::add: {} types for {} tokens",
                segments.size(), row.size());
  for (const std::int32_t id : row)
    ETHREED_CHECK(id >= 0 && id < config.vocabulary,
                  "EncoderBatch::add: token {} of a vocabulary of {}; tokenizer and model are of different models", id,
                  config.vocabulary);
  for (const std::int32_t type : segments)
    ETHREED_CHECK(type >= 0 && type < std::max(config.types, 1),
                  "EncoderBatch::add: segment {}, where the model has {}", type, std::max(config.types, 1));
  first.push_back(tokens());
  offsets.push_back(tokens() + row.size());
  ids.insert(ids.end(), row.begin(), row.end());
  if (segments.empty())
    types.resize(ids.size(), 0);
  else
    types.insert(types.end(), segments.begin(), segments.end());
  for (int i = 0; i < row.size() && config.distances > 0; ++i)
    for (int j = 0; j < row.size(); ++j) distances.push_back(distance_row(j - i));
  // RoBERTa counts what is not a pad; a text may hold the pad's token as a word.
  const bool counts = config.first_position() > 0;
  std::int32_t next = config.first_position();
  for (const std::int32_t id : row) positions.push_back(counts && id == config.pad ? config.pad : next++);
}

EncoderBatch::Arrays EncoderBatch::arrays() const {
  const auto bytes = [](const std::vector<std::int32_t>& array) { return std::as_bytes(std::span(array)); };
  return {bytes(offsets), bytes(ids), bytes(positions), bytes(types), bytes(distances), bytes(first)};
}

}  // namespace ethreed
