#include "model/text/word_vectors.h"

#include "core/philox.h"
#include "model/text/line_reader.h"
#include "model/text/vocabulary.h"

#include <cmath>

namespace ethreed {

namespace {

// Fixed: preparing the same files twice gives the same data set, and runs differ by the seed of training alone.
constexpr std::uint64_t vector_seed = 20240501;
constexpr std::uint64_t vector_stream = 1;

void split_at_spaces(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  for (std::size_t begin = line.find_first_not_of(" \t"); begin != std::string_view::npos;) {
    const std::size_t end = line.find_first_of(" \t", begin);
    fields.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(" \t", end);
  }
}

void draw_missing(WordVectors& vectors) {
  const PhiloxStream random(vector_seed, vector_stream);
  const std::int64_t dimension = vectors.rows.columns();
  for (std::int64_t id = pad_id + 1; id < vectors.rows.rows(); ++id) {
    if (vectors.from_file[static_cast<std::size_t>(id)]) continue;
    for (std::int64_t i = id * dimension; i < (id + 1) * dimension; ++i)
      vectors.rows[i] = static_cast<float>(vectors.deviation * random.normal(static_cast<std::uint64_t>(i)));
  }
}

class VectorReader {
 public:
  VectorReader(const std::filesystem::path& path, const WordTable& vocabulary)
      : lines_(path), vocabulary_(vocabulary) {}

  WordVectors read() {
    std::vector<std::string_view> fields;
    for (std::string_view line; lines_.next(line);) {
      split_at_spaces(line, fields);
      if (lines_.number() == 1 && read_count_line(fields)) continue;
      add(fields);
    }
    ETHREED_CHECK(vectors_.lines > 0, "{}: holds no vectors; a line is a word and its numbers", lines_.path());
    ETHREED_CHECK(!promised_lines_ || *promised_lines_ == vectors_.lines,
                  "{}: the first line promises {} vectors, the file has {}; it was cut off, fetch it again",
                  lines_.path(), *promised_lines_, vectors_.lines);
    const auto count = static_cast<double>(vectors_.lines * dimension_);
    const double mean = sum_ / count;
    vectors_.deviation = std::sqrt(std::max(0.0, squares_ / count - mean * mean));
    draw_missing(vectors_);
    return std::move(vectors_);
  }

 private:
  // word2vec writes "count dimension" first.
  bool read_count_line(std::span<const std::string_view> fields) {
    if (fields.size() != 2) return false;
    const auto count = parse_number<std::int64_t>(fields[0]);
    const auto dimension = parse_number<std::int64_t>(fields[1]);
    if (!count || !dimension || *dimension < 1) return false;
    promised_lines_ = count;
    set_dimension(*dimension);
    return true;
  }

  void set_dimension(std::int64_t dimension) {
    dimension_ = dimension;
    vectors_.rows = Tensor<float>(Shape{vocabulary_.size(), dimension});
    vectors_.from_file.assign(static_cast<std::size_t>(vocabulary_.size()), false);
    values_.resize(static_cast<std::size_t>(dimension));
  }

  void add(std::span<const std::string_view> fields) {
    if (dimension_ == 0) {
      ETHREED_CHECK(fields.size() >= 2, "{}: got {} fields, wanted a word and its vector in text form", lines_.place(),
                    fields.size());
      set_dimension(static_cast<std::int64_t>(fields.size()) - 1);
    }
    ETHREED_CHECK(static_cast<std::int64_t>(fields.size()) == dimension_ + 1,
                  "{}: got {} fields, wanted a word and {} numbers as in the first line; all vectors have one width",
                  lines_.place(), fields.size(), dimension_);
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const auto value = parse_number<float>(fields[i + 1]);
      ETHREED_CHECK(value && std::isfinite(*value), "{}: component {} is '{}', wanted a finite number", lines_.place(),
                    i + 1, excerpt(fields[i + 1]));
      values_[i] = *value;
      sum_ += *value;
      squares_ += static_cast<double>(*value) * *value;
    }
    ++vectors_.lines;
    keep(fields[0]);
  }

  void keep(std::string_view word) {
    const auto id = vocabulary_.find(word);
    if (!id || *id == pad_id || vectors_.from_file[static_cast<std::size_t>(*id)]) return;
    std::copy(values_.begin(), values_.end(), vectors_.rows.data() + *id * dimension_);
    vectors_.from_file[static_cast<std::size_t>(*id)] = true;
    if (*id >= special_count) ++vectors_.covered;
  }

  LineReader lines_;
  const WordTable& vocabulary_;
  WordVectors vectors_;
  std::int64_t dimension_ = 0;
  std::optional<std::int64_t> promised_lines_;
  std::vector<float> values_;  // of the line in hand
  double sum_ = 0;
  double squares_ = 0;
};

}  // namespace

WordVectors read_word_vectors(const std::filesystem::path& path, const WordTable& vocabulary) {
  return VectorReader(path, vocabulary).read();
}

WordVectors random_word_vectors(const WordTable& vocabulary, int dimension) {
  ETHREED_CHECK(dimension >= 1, "random_word_vectors: dimension is {}, wanted at least 1", dimension);
  WordVectors vectors;
  vectors.rows = Tensor<float>(Shape{vocabulary.size(), dimension});
  vectors.from_file.assign(static_cast<std::size_t>(vocabulary.size()), false);
  vectors.deviation = random_vector_deviation;
  draw_missing(vectors);
  return vectors;
}

}  // namespace ethreed
