#pragma once
// A client of HTTP made of plain sockets, so that a test can send what no library would.

#include "tests/tools/tiny_project.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ethreed {

struct HttpAnswer {
  int status = 0;                              ///< 0: the connection ended before an answer
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  nlohmann::json json() const { return nlohmann::json::parse(body); }
  /// Of a stream: name and data of its events. Throws std::runtime_error for a body that is none.
  std::vector<std::pair<std::string, std::string>> events() const;
  /// error.message, or "" where there is none.
  std::string message() const;
};

/// A connection to a port of this machine. Throws std::system_error if it cannot be made.
class HttpConnection {
 public:
  explicit HttpConnection(int port);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// As far as the server takes it.
  void send(std::string_view text) const;
  HttpAnswer receive(bool without_body = false);
  /// Waits until this text has come, and leaves all to receive(); false if the connection ends before.
  bool wait_for(std::string_view text);
  /// Does the server end the connection within this time? What it sends until then is dropped.
  bool ends_within(std::chrono::milliseconds time);
  void close();

 private:
  bool read_some();
  bool read_chunks(std::string& body);

  int socket_ = -1;
  std::string buffer_;
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;
/// The text of a request; with a body, its length and type, unless `headers` have them.
std::string http_text(const std::string& method, const std::string& path, const std::string& body = {},
                      const HttpHeaders& headers = {});
/// One request on a connection of its own.
HttpAnswer http(int port, const std::string& method, const std::string& path, const std::string& body = {},
                const HttpHeaders& headers = {});

/// `ethreed serve` at a free port, until the end of this object.
class ServedProject {
 public:
  /// Runs `ethreed serve` in the project with these arguments; fails the test (Catch2) if it does not come to listen.
  ServedProject(const TinyProject& project, std::vector<std::string> arguments);
  int port() const { return port_; }
  HttpAnswer get(const std::string& path) const { return http(port_, "GET", path); }
  HttpAnswer post(const nlohmann::json& body) const { return http(port_, "POST", "/v1/reply", body.dump()); }
  void send(int signal) const { program_.send(signal); }
  Outcome finish() { return program_.finish(); }
  /// The value of a metric without labels, or with exactly these.
  double metric(const std::string& name) const;
  /// Waits until a metric has this value; false after a minute.
  bool wait_for_metric(const std::string& name, double value) const;

 private:
  std::string output_;  // the file with its standard output
  Program program_;
  int port_ = 0;
};

}  // namespace ethreed
