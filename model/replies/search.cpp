#include "model/replies/search.h"

#include "core/error.h"
#include "model/replies/reply_search.h"

#include <array>
#include <cmath>

namespace ethreed {

namespace {

constexpr std::array<std::string_view, 3> method_names{"greedy", "beam", "sample"};

}  // namespace

DecodeMethod decode_method_from(std::string_view name) {
  for (std::size_t i = 0; i < method_names.size(); ++i)
    if (method_names[i] == name) return static_cast<DecodeMethod>(i);
  fail("decoding method '{}' does not exist; give greedy, beam or sample", name);
}

std::string_view name_of(DecodeMethod method) { return method_names[static_cast<std::size_t>(method)]; }

void DecodeOptions::check() const {
  ETHREED_CHECK(max_length >= 1 && max_length <= 10000, "decoding: max length is {}, wanted 1 to 10000", max_length);
  ETHREED_CHECK(beam >= 1 && beam <= 1000, "decoding: beam is {}, wanted 1 to 1000", beam);
  ETHREED_CHECK(top_k >= 0, "decoding: top-k is {}, wanted 0 (all words) or more", top_k);
  ETHREED_CHECK(top_p > 0 && top_p <= 1, "decoding: top-p is {}, wanted more than 0, at most 1", top_p);
  ETHREED_CHECK(std::isfinite(temperature) && temperature > 0, "decoding: temperature is {}, wanted more than 0",
                temperature);
  ETHREED_CHECK(std::isfinite(length_power) && length_power >= 0, "decoding: length power is {}, wanted at least 0",
                length_power);
  ETHREED_CHECK(min_length >= 0 && min_length < max_length,
                "decoding: min length is {}, wanted 0 to {} (less than max length, which counts the end mark)",
                min_length, max_length - 1);
  ETHREED_CHECK(no_repeat >= 0, "decoding: no-repeat is {}, wanted 0 (off) or more", no_repeat);
  ETHREED_CHECK(n_best >= 1, "decoding: n-best is {}, wanted at least 1", n_best);
  ETHREED_CHECK(n_best == 1 || method != DecodeMethod::greedy,
                "decoding: greedy search finds one reply, not the best {}; decode by beam or sample", n_best);
  ETHREED_CHECK(method != DecodeMethod::beam || n_best <= beam,
                "decoding: n-best is {}, but a beam of {} has {} hypotheses; widen the beam", n_best, beam, beam);
}

int hypotheses(const DecodeOptions& options) {
  return options.method == DecodeMethod::beam     ? options.beam
         : options.method == DecodeMethod::sample ? options.n_best
                                                  : 1;
}

std::string description_of(const DecodeOptions& options) {
  std::string text(name_of(options.method));
  if (options.method == DecodeMethod::beam)
    text += fmt::format(" {}, length power {}", options.beam, options.length_power);
  if (options.method == DecodeMethod::sample) {
    text += options.top_k == 0 ? ", all words" : fmt::format(", top-k {}", options.top_k);
    if (options.top_p < 1) text += fmt::format(", top-p {}", options.top_p);
    text += fmt::format(", temperature {}", options.temperature);
  }
  text += fmt::format(", max length {}", options.max_length);
  if (options.min_length > 0) text += fmt::format(", min length {}", options.min_length);
  if (options.no_repeat > 0) text += fmt::format(", no {} words twice", options.no_repeat);
  if (options.allow_unknown) text += ", unknown allowed";
  return text;
}

template <class T>
std::vector<Reply> search_replies(Context& context, ReplySession<T>& session, int vocabulary,
                                  const DecodeOptions& options) {
  ReplySearch<T> search(context, session, vocabulary,
                        std::vector<DecodeOptions>(static_cast<std::size_t>(session.rows()), options));
  while (search.step()) {
  }
  std::vector<Reply> replies;
  for (int r = 0; r < session.rows(); ++r) replies.push_back(search.take(r));
  return replies;
}

template std::vector<Reply> search_replies(Context&, ReplySession<float>&, int, const DecodeOptions&);
template std::vector<Reply> search_replies(Context&, ReplySession<double>&, int, const DecodeOptions&);

}  // namespace ethreed
