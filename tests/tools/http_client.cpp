#include "tests/tools/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace ethreed {

namespace {

constexpr int patience = 120'000;  // milliseconds

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string next_output_name() {
  static std::atomic<int> count{0};
  return "serve-" + std::to_string(count++) + ".out";
}

ProgramOptions writing_to(const TinyProject& project, const std::string& name) {
  return {.output = project / name, .time_limit = std::chrono::seconds(300)};
}

std::vector<std::string> with_serve(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "serve");
  if (std::find(arguments.begin(), arguments.end(), "--port") == arguments.end())
    arguments.insert(arguments.end(), {"--port", "0"});
  return arguments;
}

}  // namespace

std::string HttpAnswer::message() const {
  const nlohmann::json all = nlohmann::json::parse(body, nullptr, false);
  return all.is_object() && all.contains("error") ? all["error"].value("message", "") : "";
}

std::vector<std::pair<std::string, std::string>> HttpAnswer::events() const {
  constexpr std::string_view event = "event: ", data = "\ndata: ";
  std::vector<std::pair<std::string, std::string>> all;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find("\n\n", at), middle = body.find(data, at);
    if (body.compare(at, event.size(), event) != 0 || end == std::string::npos || middle > end)
      throw std::runtime_error("no event: " + body.substr(at, 80));
    all.emplace_back(body.substr(at + event.size(), middle - at - event.size()),
                     body.substr(middle + data.size(), end - middle - data.size()));
    at = end + 2;
  }
  return all;
}

HttpConnection::HttpConnection(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(static_cast<std::uint16_t>(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (socket_ < 0 || ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int problem = errno;
    close();
    throw std::system_error(problem, std::generic_category(), "connect");
  }
}

HttpConnection::~HttpConnection() { close(); }

void HttpConnection::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void HttpConnection::send(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t put = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    if (put <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

bool HttpConnection::read_some() {
  pollfd watched{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&watched, 1, patience) <= 0) return false;
  std::array<char, 4096> bytes{};
  const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

bool HttpConnection::wait_for(std::string_view text) {
  while (buffer_.find(text) == std::string::npos)
    if (!read_some()) return false;
  return true;
}

bool HttpConnection::read_chunks(std::string& body) {
  for (;;) {
    std::size_t line = 0;
    while ((line = buffer_.find("\r\n")) == std::string::npos)
      if (!read_some()) return false;
    const std::size_t length = std::strtoull(buffer_.c_str(), nullptr, 16);
    while (buffer_.size() < line + length + 4)
      if (!read_some()) return false;
    body += buffer_.substr(line + 2, length);
    buffer_.erase(0, line + length + 4);
    if (length == 0) return true;
  }
}

HttpAnswer HttpConnection::receive(bool without_body) {
  HttpAnswer answer;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!read_some()) return answer;
  std::size_t line = buffer_.find("\r\n");
  const std::string status = buffer_.substr(9, 3);
  while (line < end) {
    const std::size_t next = buffer_.find("\r\n", line + 2);
    const std::string header = buffer_.substr(line + 2, next - line - 2);
    if (const std::size_t colon = header.find(": "); colon != std::string::npos)
      answer.headers[lower(header.substr(0, colon))] = header.substr(colon + 2);
    line = next;
  }
  buffer_.erase(0, end + 4);
  if (answer.headers["transfer-encoding"] == "chunked") {
    if (read_chunks(answer.body)) answer.status = std::atoi(status.c_str());
    return answer;
  }
  const std::size_t length = without_body ? 0 : std::strtoull(answer.headers["content-length"].c_str(), nullptr, 10);
  while (buffer_.size() < length)
    if (!read_some()) return answer;
  answer.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  answer.status = std::atoi(status.c_str());
  return answer;
}

bool HttpConnection::ends_within(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd watched{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, static_cast<int>(left)) <= 0) return false;
    std::array<char, 4096> bytes{};
    if (::recv(socket_, bytes.data(), bytes.size(), 0) <= 0) return true;
  }
}

std::string http_text(const std::string& method, const std::string& path, const std::string& body,
                      const HttpHeaders& headers) {
  std::string text = method + " " + path + " HTTP/1.1\r\n";
  const auto add = [&](const std::string& name, const std::string& value) {
    if (std::none_of(headers.begin(), headers.end(), [&](const auto& one) { return one.first == name; }))
      text += name + ": " + value + "\r\n";
  };
  add("Host", "localhost");
  if (!body.empty()) {
    add("Content-Type", "application/json");
    add("Content-Length", std::to_string(body.size()));
  }
  for (const auto& [name, value] : headers)
    if (!value.empty()) text += name + ": " + value + "\r\n";  // an empty one is left out
  return text + "\r\n" + body;
}

HttpAnswer http(int port, const std::string& method, const std::string& path, const std::string& body,
                const HttpHeaders& headers) {
  HttpConnection connection(port);
  connection.send(http_text(method, path, body, headers));
  return connection.receive(method == "HEAD");
}

ServedProject::ServedProject(const TinyProject& project, std::vector<std::string> arguments)
    : output_(next_output_name()),
      program_(project.start(with_serve(std::move(arguments)), writing_to(project, output_))) {
  for (int i = 0; i < 12'000; ++i) {
    const std::string said = std::filesystem::exists(project / output_) ? project.content(output_) : "";
    const std::size_t place = said.find("http://");
    if (place != std::string::npos && said.find("/ (", place) != std::string::npos) {
      port_ = std::atoi(said.c_str() + said.find(':', place + 7) + 1);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (port_ == 0) {
    program_.send(SIGKILL);
    FAIL("the server does not listen: " + program_.finish().err);
  }
}

double ServedProject::metric(const std::string& name) const {
  for (const std::string& line : lines_of(get("/metrics").body))
    if (line.starts_with(name + " ")) return std::strtod(line.c_str() + name.size(), nullptr);
  return -1;
}

bool ServedProject::wait_for_metric(const std::string& name, double value) const {
  for (int i = 0; i < 6'000; ++i) {
    if (metric(name) == value) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace ethreed
