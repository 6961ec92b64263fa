#pragma once
// Where the embedding starts from.

#include "core/tensor.h"
#include "model/text/word_table.h"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ethreed {

struct WordVectors {
  Tensor<float> rows;           ///< [V, D]; row 0 (<pad>) is zeros
  std::int64_t covered = 0;     ///< words of the vocabulary whose vector came from the file
  std::vector<bool> from_file;  ///< [V]
  std::int64_t lines = 0;       ///< vectors in the file
  double deviation = 0;         ///< standard deviation of the components: of the whole file, or random_vector_deviation
};

/// Deviation of the components where no file is given: about that of GloVe 6B with 100 to 300 dimensions.
inline constexpr double random_vector_deviation = 0.4;

/// Reads vectors in text form: a line is a word and D numbers, with spaces between; D is that of the first line. The
/// file may start with word2vec's line "count dimension". Only the words of the vocabulary are kept (the first, where
/// one is there twice). A word without a vector ~ N(0, 1) · deviation, a pure function of its id and the component
/// (Philox, fixed seed). Throws Error (file:line) where a line has another width or a component is no finite number,
/// and for an empty or cut-off file.
WordVectors read_word_vectors(const std::filesystem::path& path, const WordTable& vocabulary);

/// All rows but <pad> drawn like that, with random_vector_deviation. Throws Error if dimension < 1.
WordVectors random_word_vectors(const WordTable& vocabulary, int dimension);

}  // namespace ethreed
