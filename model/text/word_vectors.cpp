#include "model/text/word_vectors.h"

#include "core/philox.h"
#include "model/text/line_reader.h"
#include "model/text/packed_lines.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace ethreed {

namespace {

// Fixed: preparing the same files twice gives the same data set, and runs differ by the seed of training alone.
constexpr std::uint64_t vector_seed = 20240501;
constexpr std::uint64_t vector_stream = 1;

constexpr std::size_t most_fields = 2 * largest_dimension;  // of a line

// The same numbers for every data set, times a deviation.
PhiloxStream missing_stream() { return {vector_seed, vector_stream}; }

void draw_missing(WordVectors& vectors, std::string_view source) {
  const PhiloxStream random = missing_stream();
  const std::int64_t dimension = vectors.rows.columns();
  for (std::int64_t id = pad_id + 1; id < vectors.rows.rows(); ++id) {
    if (vectors.from_file[static_cast<std::size_t>(id)]) continue;
    for (std::int64_t i = id * dimension; i < (id + 1) * dimension; ++i) {
      const double drawn = vectors.deviation * random.normal(static_cast<std::uint64_t>(i));
      ETHREED_CHECK(
          std::abs(drawn) <= std::numeric_limits<float>::max(),
          "{}: the numbers' standard deviation is {:.3g}, with which a vector drawn for a word that has none is "
          "infinite; scale the vectors down",
          source, vectors.deviation);
      vectors.rows[i] = static_cast<float>(drawn);
    }
  }
}

// A finite number, rounded to float; numbers too small for it are 0. A plus sign may stand before it.
std::optional<float> parse_component(std::string_view text) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  float value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (end != last || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc{}) return std::isfinite(value) ? std::optional(value) : std::nullopt;
  double exact = 0;  // out of float's range
  if (std::from_chars(text.data(), last, exact).ec == std::errc{})
    return std::abs(exact) < 1 ? std::optional(static_cast<float>(exact)) : std::nullopt;
  // Out of double's range, too: tiny where the exponent says so, or where there is none and the digits start with 0.
  const std::size_t exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos)
    return text.substr(exponent + 1, 1) == "-" ? std::optional(0.0F) : std::nullopt;
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  return digits.starts_with("0") || digits.starts_with(".") ? std::optional(0.0F) : std::nullopt;
}

bool is_binary(std::string_view head) {
  return std::any_of(head.begin(), head.end(), [](char c) { return static_cast<unsigned char>(c) < '\t'; });
}

class VectorReader {
 public:
  VectorReader(const std::filesystem::path& path, const WordTable& vocabulary) : lines_(path), vocabulary_(vocabulary) {
    const std::string_view head = lines_.head();
    ETHREED_CHECK(
        !is_binary(head) && !head.starts_with("\x80") && !head.starts_with("\x93NUMPY"),
        "{}: is binary (word2vec's or fastText's .bin?), wanted vectors in text form; convert it: a line is a "
        "word and its numbers",
        lines_.path());
  }

  WordVectors read() {
    sample();
    for (const auto& [number, line] : sample_) add(line, number);
    sample_.clear();
    for (std::string_view line; lines_.next(line);) add(line, lines_.number());
    ETHREED_CHECK(vectors_.lines > 0, "{}: holds no vectors; a line is a word and its numbers", lines_.path());
    ETHREED_CHECK(!promised_lines_ || *promised_lines_ == vectors_.lines,
                  "{}: the first line promises {} vectors, the file has {}; it was cut off, fetch it again",
                  lines_.path(), *promised_lines_, vectors_.lines);
    const auto count = static_cast<double>(vectors_.lines * dimension_);
    const double mean = sum_ / count;
    vectors_.deviation = std::sqrt(std::max(0.0, squares_ / count - mean * mean));
    vectors_.member = lines_.member();
    vectors_.other_members = lines_.other_members();
    draw_missing(vectors_, lines_.path());
    return std::move(vectors_);
  }

 private:
  std::string place(std::int64_t line) const {
    return lines_.member().empty() ? fmt::format("{}:{}", lines_.path(), line)
                                   : fmt::format("{}:{}:{}", lines_.path(), excerpt(lines_.member()), line);
  }

  // Reads the first lines and finds out how many numbers a line has: word2vec's first line says so, or it is how many
  // numbers most of these lines end in. One line would not do: its word may have blanks in it, or be none at all.
  void sample() {
    constexpr std::size_t most_lines = 32, most_bytes = std::size_t{8} << 20;
    std::size_t bytes = 0;
    for (std::string_view line; sample_.size() < most_lines && bytes < most_bytes && lines_.next(line);) {
      if (lines_.number() == 1 && read_count_line(line)) continue;
      if (dimension_ > 0) {
        sample_.emplace_back(lines_.number(), line);
        return;
      }
      bytes += line.size();
      if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
      sample_.emplace_back(lines_.number(), line);
    }
    if (dimension_ > 0 || sample_.empty()) return;
    struct Sampled {
      std::int64_t fields = 0, numbers = 0;  // how many, and how many of the last ones are numbers
      bool starts_blank = false;
    };
    std::vector<Sampled> sampled;
    for (const auto& [number, line] : sample_) {
      split(line, number);
      const auto word = std::find_if(fields_.rbegin(), fields_.rend(),
                                     [](std::string_view field) { return !parse_component(field); });
      sampled.push_back({static_cast<std::int64_t>(fields_.size()), word - fields_.rbegin(), starts_blank(line)});
    }
    // The width that fits best: a word of one piece counts for more than one with blanks or none. The first of equals.
    std::int64_t width = sampled.front().fields - 1;
    int best = 0;
    for (const Sampled& candidate : sampled) {
      const bool only_numbers = candidate.numbers == candidate.fields && !candidate.starts_blank;
      const std::int64_t w = candidate.numbers - only_numbers;
      if (w < 1) continue;
      int score = 0;
      bool usual = false;  // one line at least is a word and w numbers
      for (const Sampled& line : sampled) {
        const bool exact = line.fields == w + 1 && line.numbers >= w;
        const bool odd = (line.fields > w + 1 && line.numbers == w) || (line.fields == w && line.starts_blank);
        score += exact ? 2 : odd ? 1 : 0;
        usual |= exact;
      }
      if (!usual || score <= best) continue;
      best = score;
      width = w;
    }
    ETHREED_CHECK(width >= 1, "{}: got {} fields, wanted a word and its vector in text form",
                  place(sample_.front().first), sampled.front().fields);
    set_dimension(width, sample_.front().first);
  }

  // word2vec writes "count dimension" first.
  bool read_count_line(std::string_view line) {
    split(line, 1);
    if (fields_.size() != 2 || starts_blank(line)) return false;
    const auto is_whole = [](std::string_view text) {
      return text.find_first_not_of("0123456789") == std::string_view::npos;
    };
    if (!is_whole(fields_[0]) || !is_whole(fields_[1])) return false;
    const auto count = parse_number<std::int64_t>(fields_[0]);
    const auto dimension = parse_number<std::int64_t>(fields_[1]);
    ETHREED_CHECK(count && dimension && *dimension >= 1 && *dimension <= largest_dimension,
                  "{}: the first line promises {} vectors of {} numbers; wanted 1 to {} numbers a vector", place(1),
                  excerpt(fields_[0]), excerpt(fields_[1]), largest_dimension);
    promised_lines_ = count;
    set_dimension(*dimension, 1);
    return true;
  }

  void set_dimension(std::int64_t dimension, std::int64_t line) {
    ETHREED_CHECK(dimension <= largest_dimension,
                  "{}: the line has {} numbers, wanted 1 to {}; are these word vectors?", place(line), dimension,
                  largest_dimension);
    dimension_ = dimension;
    vectors_.rows = Tensor<float>(Shape{vocabulary_.size(), dimension});
    vectors_.from_file.assign(static_cast<std::size_t>(vocabulary_.size()), false);
    values_.resize(static_cast<std::size_t>(dimension));
  }

  // The fields of a line into fields_. A line of far too many is refused before they are kept.
  void split(std::string_view line, std::int64_t number) {
    fields_.clear();
    std::size_t count = 0;
    for (std::size_t begin = line.find_first_not_of(" \t"); begin != std::string_view::npos; ++count) {
      const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
      if (count <= most_fields) fields_.push_back(line.substr(begin, end - begin));
      begin = line.find_first_not_of(" \t", end);
    }
    ETHREED_CHECK(count <= most_fields, "{}: the line has {} numbers, wanted 1 to {}; are these word vectors?",
                  place(number), count - 1, largest_dimension);
  }

  static bool starts_blank(std::string_view line) { return line.starts_with(' ') || line.starts_with('\t'); }

  void add(std::string_view line, std::int64_t number) {
    split(line, number);
    if (fields_.empty()) return;
    const std::size_t fields = fields_.size(), wanted = values_.size();
    const bool no_word = fields == wanted && starts_blank(line);
    ETHREED_CHECK(fields > wanted || no_word,
                  "{}: got {} fields, wanted a word and {} numbers as in the first lines; all vectors have one width",
                  place(number), fields, wanted);
    for (std::size_t i = 0; i < wanted; ++i) {
      const std::string_view field = fields_[fields - wanted + i];
      const auto value = parse_component(field);
      // A word with blanks ends in anything but a number.
      ETHREED_CHECK(value, "{}: component {} is '{}', wanted a finite number ({} fields, a word and {} numbers)",
                    place(number), i + 1, excerpt(field), fields, wanted);
      values_[i] = *value;
      sum_ += *value;
      squares_ += static_cast<double>(*value) * *value;
    }
    ++vectors_.lines;
    if (no_word || is_blank(fields_[0])) {
      vectors_.without_word.add(number);
    } else if (fields > wanted + 1) {
      // A number before the numbers: rather one number too many than a word such as "Windows 95".
      ETHREED_CHECK(promised_lines_ || !parse_component(fields_[fields - wanted - 1]),
                    "{}: got {} fields, wanted a word and {} numbers as in the first lines; all vectors have one width",
                    place(number), fields, wanted);
      vectors_.with_blanks.add(number);
    } else {
      keep(fields_[0], number);
    }
  }

  void keep(std::string_view word, std::int64_t number) {
    const auto id = vocabulary_.find(word);
    if (!id || *id == pad_id) return;
    if (vectors_.from_file[static_cast<std::size_t>(*id)]) {
      vectors_.repeated.add(number);
      return;
    }
    std::copy(values_.begin(), values_.end(), vectors_.rows.data() + *id * dimension_);
    vectors_.from_file[static_cast<std::size_t>(*id)] = true;
    if (*id >= special_count) ++vectors_.covered;
  }

  PackedLines lines_;
  const WordTable& vocabulary_;
  WordVectors vectors_;
  std::int64_t dimension_ = 0;
  std::optional<std::int64_t> promised_lines_;
  std::vector<std::pair<std::int64_t, std::string>> sample_;  // numbers of lines and the lines
  std::vector<std::string_view> fields_;                      // of the line in hand
  std::vector<float> values_;
  double sum_ = 0;
  double squares_ = 0;
};

}  // namespace

bool is_drawn_vector(View<const float> vectors, std::int64_t word) {
  const PhiloxStream random = missing_stream();
  const std::int64_t first = word * vectors.columns();
  if (word == pad_id) return false;
  double deviation = 0;  // by the least squares of all numbers
  double squares = 0;
  for (std::int64_t i = first; i < first + vectors.columns(); ++i) {
    const double normal = random.normal(static_cast<std::uint64_t>(i));
    deviation += normal * static_cast<double>(vectors.data[i]);
    squares += normal * normal;
  }
  deviation /= squares;
  for (std::int64_t i = first; i < first + vectors.columns(); ++i) {
    const double drawn = deviation * random.normal(static_cast<std::uint64_t>(i));
    if (std::abs(static_cast<double>(vectors.data[i]) - drawn) > 1e-5 * deviation) return false;
  }
  return deviation > 0;
}

WordVectors read_word_vectors(const std::filesystem::path& path, const WordTable& vocabulary) {
  return VectorReader(path, vocabulary).read();
}

WordVectors random_word_vectors(const WordTable& vocabulary, int dimension) {
  ETHREED_CHECK(dimension >= 1, "random_word_vectors: dimension is {}, wanted at least 1", dimension);
  WordVectors vectors;
  vectors.rows = Tensor<float>(Shape{vocabulary.size(), dimension});
  vectors.from_file.assign(static_cast<std::size_t>(vocabulary.size()), false);
  vectors.deviation = random_vector_deviation;
  draw_missing(vectors, "random_word_vectors");
  return vectors;
}

}  // namespace ethreed
