#include "tools/ethreed/serve/reply_service.h"

#include "core/error.h"
#include "core/printable.h"
#include "tools/ethreed/serve/page_files.h"

#include <fmt/chrono.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <new>
#include <utility>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view failed_message = "the server failed at this request";

// One more of something, as long as it lives.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::atomic<int>& count_;
};

// What answers, and by which method, beside the files of the page.
struct Path {
  std::string_view path, method;
  bool open = false;  // without the token
};
constexpr std::array<Path, 4> paths{
    {{"/v1/reply", "POST"}, {"/v1/models", "GET"}, {"/healthz", "GET", true}, {"/metrics", "GET"}}};

// As it counts in the metrics: one of a fixed set.
std::string_view known_path(const HttpRequest& request) {
  for (const Path& path : paths)
    if (path.path == request.path) return path.path;
  return find_page_file(request.path) != nullptr ? std::string_view("page") : std::string_view("other");
}

void add_safe_headers(HttpReply& reply) {
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  reply.headers.emplace_back("Referrer-Policy", "no-referrer");
  reply.headers.emplace_back("Cache-Control", "no-store");
  reply.headers.emplace_back("Content-Security-Policy",
                             "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

// On one line.
std::string text_of(const Json& content) { return content.dump(-1, ' ', false, Json::error_handler_t::replace); }

HttpReply json_reply(const Json& content, int status = 200) {
  HttpReply reply{.status = status, .type = "application/json", .body = text_of(content) + "\n"};
  add_safe_headers(reply);
  return reply;
}

HttpReply error_reply(int status, std::string_view message) {
  return json_reply({{"error", {{"status", status}, {"message", printable(message)}}}}, status);
}

// Of a client that should try again.
HttpReply busy_reply(int status, std::string_view message, int seconds) {
  HttpReply reply = error_reply(status, message);
  reply.headers.emplace_back("Retry-After", fmt::format("{}", seconds));
  return reply;
}

// Of what was thrown while a request was answered.
HttpReply failed_reply(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error_reply(400, error.what());
  } catch (const std::bad_alloc&) {
    return error_reply(500, "out of memory");
  } catch (const std::exception&) {
    return error_reply(500, failed_message);
  }
}

// The media type alone, without its parameters.
std::string media_type(const HttpRequest& request) {
  std::string type = request.header("content-type").value_or("");
  type = type.substr(0, type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  for (char& c : type)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return type;
}

// What the library would misread: a length that is none, or one beside another framing.
bool is_framed_badly(const HttpRequest& request) {
  const std::string length = request.header("content-length").value_or("");
  const std::optional<std::string> encoding = request.header("transfer-encoding");
  return length.size() > 18 || length.find_first_not_of("0123456789") != std::string::npos ||
         (encoding && (*encoding != "chunked" || !length.empty()));
}

// A series for every model.
template <class Value>
std::string per_model(std::string_view name, std::string_view type, std::string_view help,
                      const std::vector<std::unique_ptr<ServedModel>>& models, Value value) {
  std::string text = fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  for (const auto& model : models)
    text += fmt::format("{}{{model={}}} {}\n", name, ServeMetrics::label(model->name()), value(*model));
  return text;
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

ReplyService::ReplyService(std::vector<std::unique_ptr<ServedModel>> models, Access access,
                           const ServiceOptions& options)
    : models_(std::move(models)), access_(std::move(access)), options_(options) {}

HttpReply ReplyService::failure(int status) {
  switch (status) {
    case 413: return error_reply(413, fmt::format("the body is too large, wanted at most {} bytes", options_.body));
    case 414: return error_reply(414, "the path is too long");
    case 416: return error_reply(416, "ranges are not served");
    case 503: return error_reply(503, "too many connections; try again");
    case 500: return error_reply(500, failed_message);
    case 404: return error_reply(404, "there is no such path; see /openapi.json");
    default: return error_reply(status, "the request is no HTTP that this server understands, or was cut off");
  }
}

std::optional<HttpReply> ReplyService::refuse(const HttpRequest& request) {
  if (is_framed_badly(request)) return error_reply(400, "Content-Length or Transfer-Encoding is wrong");
  const std::string host = request.header("host").value_or("");
  if (host.empty()) return error_reply(400, "the header Host is missing");
  if (!access_.knows(host))
    return error_reply(403, fmt::format("this server does not answer to the name '{}'; start it with --allow-host",
                                        host.substr(0, 80)));
  const Path* path =
      std::find_if(paths.begin(), paths.end(), [&](const Path& one) { return one.path == request.path; });
  const PageFile* file = find_page_file(request.path);
  if (path == paths.end() && file == nullptr) return failure(404);
  const std::string_view method = file != nullptr ? "GET" : path->method;
  if (request.method != method && !(method == "GET" && request.method == "HEAD")) {
    HttpReply reply = error_reply(405, fmt::format("{} is for {}", request.path, method));
    reply.headers.emplace_back("Allow", method == "GET" ? "GET, HEAD" : "POST");
    return reply;
  }
  if (const auto origin = request.header("origin"); origin && !Access::same_origin(*origin, host))
    return error_reply(403, "pages of other origins may not ask this server");
  if (access_.wants_token() && file == nullptr && !path->open &&
      !access_.admits(request.header("authorization").value_or(""))) {
    HttpReply reply = error_reply(401, "wanted: Authorization: Bearer TOKEN");
    reply.headers.emplace_back("WWW-Authenticate", "Bearer");
    return reply;
  }
  if (method == "GET") return std::nullopt;
  if (media_type(request) != "application/json")
    return error_reply(415, "the Content-Type is wrong, wanted application/json");
  if (request.headers.contains("content-encoding")) return error_reply(415, "packed bodies are not read");
  if (std::strtoull(request.header("content-length").value_or("0").c_str(), nullptr, 10) > options_.body)
    return failure(413);
  return std::nullopt;
}

HttpReply ReplyService::answer(const HttpRequest& request, const HttpClient& client) {
  if (const PageFile* file = find_page_file(request.path)) {
    HttpReply reply{.status = 200, .type = std::string(file->type), .body = std::string(file->content)};
    add_safe_headers(reply);
    return reply;
  }
  if (request.path == "/healthz") return json_reply({{"status", "ok"}});
  if (request.path == "/v1/models") return models();
  if (request.path == "/metrics") return metrics();
  try {
    return reply(request, client);
  } catch (...) {
    return failed_reply(std::current_exception());
  }
}

ServedModel* ReplyService::find(const std::string& name) const {
  if (name.empty()) return models_.front().get();
  for (const auto& model : models_)
    if (model->name() == name) return model.get();
  return nullptr;
}

HttpReply ReplyService::reply(const HttpRequest& http, const HttpClient& client) {
  const auto start = Clock::now();
  const auto counted = std::make_shared<Counted>(in_flight_);
  const auto job = std::make_shared<ReplyJob>(parse_reply_request(http.body, options_.limits), http.body.size());
  const ReplyRequest& request = job->request();
  ServedModel* model = find(request.model);
  if (model == nullptr) {
    std::vector<std::string> names;
    for (const auto& one : models_) names.push_back(one->name());
    return error_reply(
        404, fmt::format("there is no model '{}'; there is {}", request.model.substr(0, 80), fmt::join(names, ", ")));
  }
  model->check(request);
  if (!model->submit(job)) return busy_reply(429, "the queue is full; try again", 1);
  const Asked asked{*model, job, start};
  if (!request.stream) {
    std::optional<HttpReply> refused = wait(asked, client, [](const Json&) { return true; });
    return refused ? std::move(*refused) : answer_of(asked);
  }
  HttpReply streamed{.status = 200, .type = "text/event-stream"};
  add_safe_headers(streamed);
  streamed.headers.emplace_back("X-Accel-Buffering", "no");  // of servers between that would keep words back
  streamed.stream = [this, asked, counted](HttpSink& sink) { return stream(asked, sink); };
  return streamed;
}

// Waits until the answer is there: then nothing is returned. Words are handed on as they come.
std::optional<HttpReply> ReplyService::wait(const Asked& asked, const HttpClient& client, const WordEvent& word) {
  for (;;) {
    const bool done = asked.job->done();  // before its words are taken: then these are all
    for (const Json& one : asked.job->wait(std::chrono::milliseconds(done ? 0 : 50)))
      if (!word(one)) {
        asked.model.withdraw(asked.job);
        return error_reply(499, "the client has gone");
      }
    if (done) return std::nullopt;
    if (client.gone()) {
      asked.model.withdraw(asked.job);
      return error_reply(499, "the client has gone");
    }
    if (std::chrono::duration<double>(Clock::now() - asked.start).count() > options_.timeout) {
      asked.model.withdraw(asked.job);
      return busy_reply(503, fmt::format("no reply within {} s; try again", options_.timeout), 5);
    }
  }
}

HttpReply ReplyService::answer_of(const Asked& asked) {
  ReplyAnswer answer;
  try {
    answer = asked.job->answer();
  } catch (...) {
    return failed_reply(std::current_exception());
  }
  const std::chrono::duration<double> passed = Clock::now() - asked.start;
  metrics_.count_reply(asked.model.name(), passed.count(), answer.words);
  Json record{{"model", asked.model.name()}};
  for (auto& [key, value] : answer.record.items())
    if (key != "line") record[key] = std::move(value);
  return json_reply(record);
}

int ReplyService::stream(const Asked& asked, HttpSink& sink) {
  const auto send = [&](std::string_view name, std::string_view data) {
    return sink.send(fmt::format("event: {}\ndata: {}\n\n", name, data));
  };
  std::optional<HttpReply> refused = wait(asked, sink, [&](const Json& word) { return send("word", text_of(word)); });
  HttpReply last = refused ? std::move(*refused) : answer_of(asked);
  while (last.body.ends_with('\n')) last.body.pop_back();
  if (!send(last.status == 200 ? "reply" : "error", last.body) && last.status == 200) return 499;
  return last.status;
}

HttpReply ReplyService::models() const {
  Json all = Json::array();
  for (const auto& model : models_) all.push_back(model->description());
  const RequestLimits& limits = options_.limits;
  return json_reply({{"default", models_.front()->name()},
                     {"models", all},
                     {"limits",
                      {{"body", options_.body},
                       {"history", limits.history},
                       {"max_length", limits.max_length},
                       {"post_length", limits.post_length},
                       {"beam", limits.beam},
                       {"batch", options_.batch},
                       {"timeout", options_.timeout}}}});
}

HttpReply ReplyService::metrics() const {
  std::string text = metrics_.text();
  text += ServeMetrics::gauge("ethreed_in_flight", "Requests for replies that wait or are at work.", in_flight_);
  text += per_model("ethreed_queue", "gauge", "Requests that wait for a model.", models_,
                    [](const ServedModel& model) { return static_cast<std::int64_t>(model.waiting()); });
  text += per_model("ethreed_batches_total", "counter", "Batches of requests that were answered together.", models_,
                    [](const ServedModel& model) { return model.answerer().batches(); });
  text +=
      per_model("ethreed_decoder_steps_total", "counter", "Steps of the decoder: each gives a word to all of a batch.",
                models_, [](const ServedModel& model) { return model.answerer().steps(); });
  if (connections_) text += ServeMetrics::gauge("ethreed_connections", "Connections open.", connections_());
  text += ServeMetrics::gauge("process_resident_memory_bytes", "Memory of the process.", resident_bytes());
  HttpReply reply{.status = 200, .type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(text)};
  add_safe_headers(reply);
  return reply;
}

void ReplyService::answered(const HttpRequest& request, int status, double seconds) {
  metrics_.count_request(known_path(request), status);
  if (!options_.log) return;
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  // Never what was said, and nothing of a client that a terminal would obey.
  const std::string line =
      fmt::format("{:%Y-%m-%dT%H:%M:%SZ} {} {} {} {} {:.1f} ms\n", fmt::gmtime(now), request.remote,
                  request.method.empty() ? "-" : printable(request.method.substr(0, 20)),
                  request.path.empty() ? "-" : printable(request.path.substr(0, 100)), status, 1000 * seconds);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace ethreed
