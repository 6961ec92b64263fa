#pragma once
// The answers of `ethreed serve`: which path gives what, and what is refused.

#include "tools/ethreed/serve/access.h"
#include "tools/ethreed/serve/http_server.h"
#include "tools/ethreed/serve/reply_job.h"
#include "tools/ethreed/serve/reply_request.h"
#include "tools/ethreed/serve/serve_metrics.h"
#include "tools/ethreed/serve/served_model.h"

#include <nlohmann/json_fwd.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

struct ServiceOptions {
  std::size_t body = 64 << 10;  ///< bytes, for messages
  double timeout = 30;          ///< seconds that a request waits for its reply at most
  std::size_t batch = 16;       ///< requests that a model answers together, for clients to know
  bool log = true;              ///< a line on standard error for every request
  RequestLimits limits{};
};

class ReplyService final : public HttpService {
 public:
  ReplyService(std::vector<std::unique_ptr<ServedModel>> models, Access access, const ServiceOptions& options);

  std::optional<HttpReply> refuse(const HttpRequest& request) override;
  HttpReply answer(const HttpRequest& request, const HttpClient& client) override;
  HttpReply failure(int status) override;
  void answered(const HttpRequest& request, int status, double seconds) override;

  /// The server tells its number of connections by this.
  void count_connections_by(std::function<int()> count) { connections_ = std::move(count); }

 private:
  // What is done with a word that has come; false: it cannot be sent.
  using WordEvent = std::function<bool(const nlohmann::ordered_json& word)>;
  // A request that a model is at.
  struct Asked {
    ServedModel& model;
    std::shared_ptr<ReplyJob> job;
    std::chrono::steady_clock::time_point start;
  };
  HttpReply reply(const HttpRequest& request, const HttpClient& client);
  std::optional<HttpReply> wait(const Asked& asked, const HttpClient& client, const WordEvent& word);
  HttpReply answer_of(const Asked& asked);
  int stream(const Asked& asked, HttpSink& sink);
  HttpReply models() const;
  HttpReply metrics() const;
  ServedModel* find(const std::string& name) const;

  std::vector<std::unique_ptr<ServedModel>> models_;
  Access access_;
  ServiceOptions options_;
  ServeMetrics metrics_;
  std::atomic<int> in_flight_{0};
  std::function<int()> connections_;
};

}  // namespace ethreed
