#include "model/blocks/initialisation.h"

#include "core/hash.h"
#include "model/blocks/random_streams.h"
#include "model/text/word_vectors.h"

#include <cmath>
#include <vector>

namespace ethreed {

namespace {

// Three random orthogonal [n, n] matrices, one behind the other, uniformly distributed: Gram and Schmidt on rows of
// normal numbers, twice, which is enough for orthogonality to the last bits (Giraud et al., 2005). Side by side,
// because each sum waits for its last addition.
std::vector<double> orthogonal_matrices(int n, const PhiloxStream& random) {
  const auto size = static_cast<std::size_t>(n), matrix = size * size;
  std::vector<double> q(3 * matrix);
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = random.normal(i);
  for (std::size_t row = 0; row < size; ++row) {
    double* v = &q[row * size];
    for (int pass = 0; pass < 2; ++pass)
      for (std::size_t other = 0; other < row; ++other) {
        const double* u = &q[other * size];
        double dot[3] = {};
        for (std::size_t j = 0; j < size; ++j)
          for (std::size_t gate = 0; gate < 3; ++gate) dot[gate] += u[gate * matrix + j] * v[gate * matrix + j];
        for (std::size_t gate = 0; gate < 3; ++gate)
          for (std::size_t j = 0; j < size; ++j) v[gate * matrix + j] -= dot[gate] * u[gate * matrix + j];
      }
    for (std::size_t gate = 0; gate < 3; ++gate) {
      double norm = 0;
      for (std::size_t j = 0; j < size; ++j) norm += v[gate * matrix + j] * v[gate * matrix + j];
      norm = std::sqrt(norm);
      for (std::size_t j = 0; j < size; ++j) v[gate * matrix + j] /= norm;
    }
  }
  return q;
}

template <class T>
void initialise_parameter(const ParameterLayout::Entry& entry, View<const float> word_vectors, std::uint64_t seed,
                          T* values) {
  const std::int64_t count = entry.shape.count();
  const std::uint64_t key = Fingerprint().add(entry.name).value();
  const PhiloxStream random = random_stream(seed, Draw::initialisation, key);
  if (entry.start.how == Initialisation::zero || entry.start.how == Initialisation::from_data) return;
  if (entry.start.how == Initialisation::one) {
    std::fill_n(values, count, T{1});
  } else if (entry.start.how == Initialisation::word_vectors) {
    ETHREED_CHECK(word_vectors.shape == entry.shape, "word vectors are {}, the model's embedding is {}",
                  word_vectors.shape.text(), entry.shape.text());
    for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(word_vectors.data[i]);
    if (entry.start.missing_deviation == 0) return;
    const std::int64_t width = entry.shape.columns();
    for (std::int64_t word = 0; word < entry.shape.rows(); ++word)
      if (is_drawn_vector(word_vectors, word))
        for (std::int64_t i = word * width; i < (word + 1) * width; ++i)
          values[i] = static_cast<T>(entry.start.missing_deviation * random.normal(static_cast<std::uint64_t>(i)));
  } else if (entry.start.how == Initialisation::orthogonal) {
    const int hidden = static_cast<int>(entry.shape.columns());
    const std::vector<double> q = orthogonal_matrices(hidden, random);
    for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(q[i]);
  } else {
    const double bound = entry.start.how == Initialisation::xavier
                             ? std::sqrt(6.0 / (entry.start.fan_in + entry.start.fan_out))
                             : 1.0 / std::sqrt(static_cast<double>(entry.start.fan_in));
    for (std::int64_t i = 0; i < count; ++i)
      values[i] = static_cast<T>((2.0 * random.uniform(static_cast<std::uint64_t>(i)) - 1.0) * bound);
    if (entry.start.shift != 0)
      for (std::int64_t i = 0; i < count; ++i) values[i] += static_cast<T>(entry.start.shift);
    if (entry.start.how == Initialisation::recurrent_bias)  // gate order r, z, n
      std::fill_n(values + count / 3, count / 3, static_cast<T>(entry.start.update_gate_bias));
  }
}

}  // namespace

template <class T>
void initialise_parameters(ThreadPool& pool, const ParameterLayout& layout, View<const float> word_vectors,
                           std::uint64_t seed, T* block) {
  std::fill_n(block, layout.size(), T{0});
  const auto& entries = layout.entries();
  pool.parallel_for(static_cast<std::int64_t>(entries.size()), [&](std::int64_t i) {
    const ParameterLayout::Entry& entry = entries[i];
    initialise_parameter(entry, word_vectors, seed, block + entry.offset);
  });
}

template void initialise_parameters(ThreadPool&, const ParameterLayout&, View<const float>, std::uint64_t, float*);
template void initialise_parameters(ThreadPool&, const ParameterLayout&, View<const float>, std::uint64_t, double*);

}  // namespace ethreed
