#pragma once
// What a server counts of itself, for GET /metrics: the text format of Prometheus.

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace ethreed {

class ServeMetrics {
 public:
  /// A request that was answered. `path` is one of a fixed set, "other" for the rest: a client cannot make series.
  void count_request(std::string_view path, int status);
  /// A reply of a model, from the request's arrival to its being written.
  void count_reply(const std::string& model, double seconds, std::size_t words);
  /// The counters, in text.
  std::string text() const;

  /// One line of the format, with its HELP and TYPE.
  static std::string gauge(std::string_view name, std::string_view help, double value);
  /// `text` as the value of a label: in quotes, escaped.
  static std::string label(std::string_view text);

 private:
  static constexpr std::array<double, 12> bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  struct Replies {
    std::array<std::int64_t, bounds.size() + 1> by_bound{};
    double seconds = 0;
    std::int64_t words = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> requests_;
  std::map<std::string, Replies> replies_;
};

}  // namespace ethreed
