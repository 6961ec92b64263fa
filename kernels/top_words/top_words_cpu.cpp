#include "kernels/top_words/top_words.h"

#include <algorithm>
#include <limits>

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 1;

template <class T> void top_words_of_row(const TopWords<T>& args, const T* p, std::int32_t* top, T* top_p) {
  const auto before = [p](std::int32_t a, std::int32_t b) { return p[a] != p[b] ? p[a] > p[b] : a < b; };
  const auto& banned = args.banned;
  constexpr T nothing = -std::numeric_limits<T>::infinity();
  // A heap whose front is the last of the words kept: the one that a better word replaces.
  int count = 0;
  for (std::int32_t w = 0; w < args.words; ++w) {
    if (!(p[w] > nothing) || w == banned[0] || w == banned[1] || w == banned[2]) continue;
    if (count == args.k) {
      if (!before(w, top[0])) continue;
      std::pop_heap(top, top + count--, before);
    }
    top[count++] = w;
    std::push_heap(top, top + count, before);
  }
  std::sort_heap(top, top + count, before);
  if (count == 0) top[count++] = args.fallback;
  for (int i = 0; i < count; ++i) top_p[i] = p[top[i]];
  std::fill(top + count, top + args.k, -1);
  std::fill(top_p + count, top_p + args.k, nothing);
}

}  // namespace

template <class T> void top_words(Cpu, Context& context, const TopWords<T>& args) {
  ETHREED_ASSERT(args.k >= 1 && args.fallback >= 0 && args.fallback < args.words);
  context.pool.parallel_ranges(args.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      top_words_of_row(args, args.log_probability + row * args.words, args.top + row * args.k,
                       args.top_log_probability + row * args.k);
  });
}

template void top_words(Cpu, Context&, const TopWords<float>&);
template void top_words(Cpu, Context&, const TopWords<double>&);

}  // namespace ethreed
