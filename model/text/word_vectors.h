#pragma once
// Where the embedding starts from.

#include "core/tensor.h"
#include "model/text/table_reader.h"
#include "model/text/word_table.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ethreed {

struct WordVectors {
  Tensor<float> rows;           ///< [V, D]; row 0 (<pad>) is zeros
  std::int64_t covered = 0;     ///< words of the vocabulary whose vector came from the file
  std::vector<bool> from_file;  ///< [V]
  std::int64_t lines = 0;       ///< vectors in the file
  Tally with_blanks;            ///< vectors passed over: their words have blanks in them, which no token has
  Tally without_word;           ///< vectors passed over: they have no word
  Tally repeated;               ///< vectors passed over: their words, of the vocabulary, had one in an earlier line
  std::string member;           ///< of a zip archive, the file that was read; else empty
  int other_members = 0;        ///< files of the archive that would do, too
  double deviation = 0;         ///< standard deviation of the components: of the whole file, or random_vector_deviation
};

/// Was this row of a data set's vectors [V, D] drawn, because its word had none? Drawn rows are the same normal numbers
/// in every data set, times a deviation, and no vector of a file is a multiple of them. A vector of one number cannot
/// be told from them, and counts as drawn if it has their sign. The row of <pad> is not drawn.
bool is_drawn_vector(View<const float> vectors, std::int64_t word);

/// Deviation of the components where no file is given: about that of GloVe 6B with 100 to 300 dimensions.
inline constexpr double random_vector_deviation = 0.4;

/// Of word vectors, from a file or random.
inline constexpr int largest_dimension = 10'000;

/// Reads vectors in text form, also packed by gzip or zip (PackedLines): a line is a word and D numbers, with spaces or
/// tabs between; D is what word2vec's first line "count dimension" says or, where there is none, how many numbers most
/// of the first lines end in. The last D fields are the numbers: words with blanks in them and lines without a word are
/// passed over and counted. Only the words of the vocabulary are kept; the first, where one is there twice, and the
/// others are counted. Numbers too small for float are 0. A word without a vector ~ N(0, 1) · deviation, a pure
/// function of its id and the component (Philox, fixed seed). Throws Error (file:line) where a line has another width,
/// a component is no finite number or D is above largest_dimension, for a binary, empty or cut-off file, and where such
/// a drawn number is infinite. Linear in the file's length.
WordVectors read_word_vectors(const std::filesystem::path& path, const WordTable& vocabulary);

/// All rows but <pad> drawn like that, with random_vector_deviation. Throws Error if dimension < 1.
WordVectors random_word_vectors(const WordTable& vocabulary, int dimension);

}  // namespace ethreed
