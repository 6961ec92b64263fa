#pragma once
// HTTP/1.1 for a service of this program. What a client may cost is bounded: bytes, seconds, connections.

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ethreed {

struct HttpRequest {
  std::string method, path;                    ///< path: decoded, without the query
  std::string remote;                          ///< the client's address
  std::map<std::string, std::string> headers;  ///< names in lower case; of one that comes twice: both, ", " between
  std::string body;

  std::optional<std::string> header(const std::string& name) const {
    const auto place = headers.find(name);
    return place == headers.end() ? std::nullopt : std::optional(place->second);
  }
};

/// The client of a request that is being answered.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// It has closed its connection: nobody waits for the answer.
  virtual bool gone() const = 0;
};

/// The same, while the body of its reply is sent piece by piece.
class HttpSink : public HttpClient {
 public:
  /// Sends a piece, which the client gets at once. False if it has gone, or does not take the piece within
  /// HttpLimits::write: nothing more can be sent then.
  virtual bool send(std::string_view piece) = 0;
};

struct HttpReply {
  int status = 200;
  std::string type, body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  /// In the place of `body`: sends it, and returns the status that the reply is to be counted with at its end.
  std::function<int(HttpSink&)> stream{};
};

/// What answers. Its functions are called by many threads at once.
class HttpService {
 public:
  virtual ~HttpService() = default;
  /// Asked before the body is read (HttpRequest::body is empty): an answer in place of answer(), or nothing.
  virtual std::optional<HttpReply> refuse(const HttpRequest& request) = 0;
  virtual HttpReply answer(const HttpRequest& request, const HttpClient& client) = 0;
  /// The reply to a request that could not be understood (400, 414, …), or whose body was too large (413).
  virtual HttpReply failure(int status) = 0;
  /// A reply is about to be sent, or the last piece of one was.
  virtual void answered(const HttpRequest& request, int status, double seconds) = 0;
};

struct HttpLimits {
  std::size_t body = 64 << 10;              ///< bytes of a request's body
  std::size_t head = 32 << 10;              ///< bytes of its first line and headers
  std::chrono::milliseconds read{10'000};   ///< for a whole request, from its first byte
  std::chrono::milliseconds write{10'000};  ///< for a whole reply, or for a piece of one
  std::chrono::milliseconds idle{5'000};    ///< between requests of a connection
  int connections = 96;                     ///< open at once; one more is told 503
};

class HttpServer {
 public:
  /// `service` must outlive the server.
  HttpServer(HttpService& service, const HttpLimits& limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Listens at this address, port 0 for any that is free; returns the port. Throws Error if that cannot be.
  int bind(const std::string& host, int port);
  /// Answers until stop(), then returns when every request that had begun is answered.
  void run();
  /// From any thread. To be called again until run() returns: it does nothing before run() listens.
  void stop();

  int connections() const;  ///< open now

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace ethreed
