#include "tools/ethreed/serve/serve_metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace ethreed {

void ServeMetrics::count_request(std::string_view path, int status) {
  const std::lock_guard lock(mutex_);
  ++requests_[{std::string(path), status}];
}

void ServeMetrics::count_reply(const std::string& model, double seconds, std::size_t words) {
  const std::lock_guard lock(mutex_);
  Replies& replies = replies_[model];
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  ++replies.by_bound[static_cast<std::size_t>(bound)];
  replies.seconds += seconds;
  replies.words += static_cast<std::int64_t>(words);
}

std::string ServeMetrics::label(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out + "\"";
}

std::string ServeMetrics::gauge(std::string_view name, std::string_view help, double value) {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0} {2}\n", name, help, value);
}

std::string ServeMetrics::text() const {
  const std::lock_guard lock(mutex_);
  std::string out =
      "# HELP ethreed_http_requests_total Requests answered, by path and status.\n"
      "# TYPE ethreed_http_requests_total counter\n";
  for (const auto& [key, count] : requests_)
    out +=
        fmt::format("ethreed_http_requests_total{{path={},status=\"{}\"}} {}\n", label(key.first), key.second, count);
  out +=
      "# HELP ethreed_reply_seconds From the arrival of a request to its reply, the queue included.\n"
      "# TYPE ethreed_reply_seconds histogram\n";
  for (const auto& [model, replies] : replies_) {
    std::int64_t sum = 0;
    for (std::size_t b = 0; b < replies.by_bound.size(); ++b) {
      sum += replies.by_bound[b];
      const std::string bound = b < bounds.size() ? fmt::format("{}", bounds[b]) : "+Inf";
      out += fmt::format("ethreed_reply_seconds_bucket{{model={},le=\"{}\"}} {}\n", label(model), bound, sum);
    }
    out += fmt::format("ethreed_reply_seconds_sum{{model={0}}} {1}\nethreed_reply_seconds_count{{model={0}}} {2}\n",
                       label(model), replies.seconds, sum);
  }
  out +=
      "# HELP ethreed_words_total Words and marks of the replies.\n"
      "# TYPE ethreed_words_total counter\n";
  for (const auto& [model, replies] : replies_)
    out += fmt::format("ethreed_words_total{{model={}}} {}\n", label(model), replies.words);
  return out;
}

}  // namespace ethreed
