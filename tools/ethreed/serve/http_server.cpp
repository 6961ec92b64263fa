// The only file that includes httplib.h. Sockets are read and written here, not by the library: its timeouts are for
// each call, so that a client that sends a byte a second holds a thread for hours, and it limits neither the length of
// a line nor a body in chunks.

#include "tools/ethreed/serve/http_server.h"

#include "core/error.h"
#include "tools/ethreed/serve/connection_threads.h"
#include "tools/ethreed/serve/socket_stream.h"

#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace ethreed {

namespace {

// The request that a thread is at.
struct Exchange {
  SocketStream& stream;
  HttpRequest request{};
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  bool close = false;     // after the reply: what the client sent is not read to its end
  bool answered = false;  // by a stream of our own: what the library would send is dropped
};
thread_local Exchange* exchange = nullptr;

// What httplib reads and writes through.
class LibraryStream final : public httplib::Stream {
 public:
  explicit LibraryStream(SocketStream& stream) : stream_(stream) {}
  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override { return stream_.read(to, size); }
  ssize_t write(const char* from, std::size_t size) override {
    if (exchange != nullptr && exchange->answered) return static_cast<ssize_t>(size);
    return stream_.write(from, size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override { stream_.remote(ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  socket_t socket() const override { return 0; }  // asked only whether select() could take it

 private:
  SocketStream& stream_;
};

class WaitingClient final : public HttpClient {
 public:
  explicit WaitingClient(const SocketStream& stream) : stream_(stream) {}
  bool gone() const override { return stream_.closed_by_client(); }

 private:
  const SocketStream& stream_;
};

// A body in pieces: chunks of HTTP/1.1, or for an older client what comes until the connection ends.
class PieceSink final : public HttpSink {
 public:
  PieceSink(SocketStream& stream, bool chunked) : stream_(stream), chunked_(chunked) {}
  bool gone() const override { return broken_ || stream_.closed_by_client(); }
  bool send(std::string_view piece) override {
    if (piece.empty() || broken_) return !broken_;
    broken_ = !stream_.write_piece(chunked_ ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : std::string(piece));
    return !broken_;
  }
  void end() {
    if (chunked_ && !broken_) broken_ = !stream_.write_piece("0\r\n\r\n");
  }

 private:
  SocketStream& stream_;
  bool chunked_, broken_ = false;
};

HttpRequest request_of(const httplib::Request& from) {
  HttpRequest request{.method = from.method, .path = from.path, .remote = exchange->request.remote};
  for (const auto& [name, value] : from.headers) {
    std::string key = name;
    for (char& c : key)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto [place, first] = request.headers.try_emplace(key, value);
    if (!first) place->second += ", " + value;
  }
  return request;
}

void put(httplib::Response& to, HttpReply reply) {
  to.status = reply.status;
  to.body = std::move(reply.body);
  to.headers.erase("Content-Type");
  if (!to.body.empty()) to.set_header("Content-Type", reply.type);
  for (const auto& [name, value] : reply.headers) to.set_header(name, value);
  if (exchange != nullptr && exchange->close) to.set_header("Connection", "close");
}

bool has_body(const HttpRequest& request) {
  return request.headers.contains("transfer-encoding") || request.header("content-length").value_or("0") != "0";
}

}  // namespace

class HttpServer::Implementation final : public httplib::Server {
 public:
  Implementation(HttpService& service, const HttpLimits& limits) : service_(service), limits_(limits) {
    new_task_queue = [this] { return new Queue(limits_.connections); };
    // Not SO_REUSEPORT, the library's own: two servers would share a port and know nothing of it.
    set_socket_options([](int socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    set_keep_alive_timeout(std::chrono::duration_cast<std::chrono::seconds>(limits.idle).count());
    set_keep_alive_max_count(requests_per_connection);
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      return before_body(request, response) ? HandlerResponse::Handled : HandlerResponse::Unhandled;
    });
    Post(".*", [this](const httplib::Request& from, httplib::Response& response, const httplib::ContentReader& reader) {
      with_body(response, reader, from.version != "HTTP/1.0");
    });
    set_error_handler(HandlerWithResponse([this](const httplib::Request& request, httplib::Response& response) {
      if (!response.body.empty()) return HandlerResponse::Unhandled;  // the service's own words
      if (exchange != nullptr) {
        exchange->close = true;
        if (exchange->request.method.empty()) exchange->request = request_of(request);
      }
      put(response, service_.failure(response.status));
      return HandlerResponse::Handled;
    }));
    set_exception_handler([this](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
      put(response, service_.failure(500));
    });
    // Before the reply is sent: who has it finds it counted.
    set_post_routing_handler([this](const httplib::Request&, httplib::Response& response) {
      if (!exchange->answered) count(response.status);
    });
  }

  // The port, or −1.
  int bind(const std::string& host, int port) {
    const int bound = port == 0 ? bind_to_any_port(host) : bind_to_port(host, port) ? port : -1;
    // The library lets 5 connections wait to be taken; of a burst the others would try again after a second.
    if (bound > 0) ::listen(svr_sock_, SOMAXCONN);
    return bound;
  }
  void stop_all() {
    stopping_ = true;
    // Once, as the library asserts, and not before it listens, as it would not notice.
    if (is_running() && !stopped_.exchange(true)) stop();
  }
  int connections() const { return open_; }

 private:
  static constexpr int requests_per_connection = 1000;

  // Connections to the library's taste.
  class Queue final : public httplib::TaskQueue {
   public:
    explicit Queue(int threads) : threads_(threads) {}
    void enqueue(std::function<void()> work) override { threads_.run(std::move(work)); }
    void shutdown() override { threads_.finish(); }

   private:
    ConnectionThreads threads_;
  };

  void count(int status) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - exchange->start;
    service_.answered(exchange->request, status, passed.count());
  }

  // The library's own streams end in the middle when the server is told to stop: this one does not. The connection ends
  // with it.
  void send_stream(const HttpReply& reply, bool chunked) {
    exchange->answered = exchange->close = true;
    std::string head =
        fmt::format("HTTP/1.1 {} OK\r\nContent-Type: {}\r\nConnection: close\r\n", reply.status, reply.type);
    for (const auto& [name, value] : reply.headers) head += fmt::format("{}: {}\r\n", name, value);
    if (chunked) head += "Transfer-Encoding: chunked\r\n";
    exchange->stream.write_piece(head + "\r\n");
    PieceSink sink(exchange->stream, chunked);
    count(reply.stream(sink));
    sink.end();
  }

  bool before_body(const httplib::Request& from, httplib::Response& response) {
    exchange->request = request_of(from);
    const HttpRequest& request = exchange->request;
    std::optional<HttpReply> reply = service_.refuse(request);
    if (!reply && request.method != "POST") reply = service_.answer(request, WaitingClient(exchange->stream));
    if (!reply) return false;
    exchange->close = stopping_ || has_body(request);  // a body that is not read would be taken for the next request
    put(response, std::move(*reply));
    return true;
  }

  void with_body(httplib::Response& response, const httplib::ContentReader& reader, bool chunked) {
    HttpRequest& request = exchange->request;
    bool fits = true;
    exchange->stream.allow(limits_.body + limits_.head);
    if (has_body(request)) {
      const bool whole = reader([&](const char* bytes, std::size_t count) {
        fits = request.body.size() + count <= limits_.body;
        if (fits) request.body.append(bytes, count);
        return fits;
      });
      if (!whole) {
        exchange->close = true;
        response.status = -1;
        put(response, service_.failure(fits ? 400 : 413));
        return;
      }
    }
    HttpReply reply = service_.answer(request, WaitingClient(exchange->stream));
    exchange->close = stopping_;
    if (reply.stream)
      send_stream(reply, chunked);
    else
      put(response, std::move(reply));
  }

  // A connection from its beginning to its end.
  bool process_and_close_socket(socket_t socket) override {
    SocketStream stream(socket, stopping_);
    if (ConnectionThreads::too_many()) {
      const HttpReply reply = service_.failure(503);
      stream.write_now(
          "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: " + reply.type +
          "\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body);
      return false;
    }
    ++open_;
    std::string client;
    int port = 0;
    stream.remote(client, port);
    for (int count = 1; count <= requests_per_connection && stream.wait(limits_.idle); ++count) {
      stream.begin(limits_.head, limits_.read, limits_.write);
      Exchange now{.stream = stream, .request = {.remote = client}};
      exchange = &now;
      LibraryStream library(stream);
      bool sent = false, closed = false;
      try {
        // Ranges and packed replies would cost much and bring nothing here.
        sent = process_request(library, stopping_ || count == requests_per_connection, closed, [](auto& request) {
          request.ranges.clear();
          request.headers.erase("Range");
          request.headers.erase("Accept-Encoding");
        });
      } catch (const std::exception&) {  // no memory for the request: this connection ends, the others go on
      }
      exchange = nullptr;
      if (!sent || closed || now.close || stopping_) break;
    }
    stream.close_gently();
    --open_;
    return true;
  }

  HttpService& service_;
  HttpLimits limits_;
  std::atomic<bool> stopping_{false}, stopped_{false};
  std::atomic<int> open_{0};
};

HttpServer::HttpServer(HttpService& service, const HttpLimits& limits)
    : implementation_(std::make_unique<Implementation>(service, limits)) {}

HttpServer::~HttpServer() = default;

int HttpServer::bind(const std::string& host, int port) {
  errno = 0;
  const int bound = implementation_->bind(host, port);
  ETHREED_CHECK(bound > 0, "serve: cannot listen at {} port {}: {}; give another --port or --host", host, port,
                errno != 0 ? std::strerror(errno) : "no such address");
  return bound;
}

void HttpServer::run() { implementation_->listen_after_bind(); }

void HttpServer::stop() { implementation_->stop_all(); }

int HttpServer::connections() const { return implementation_->connections(); }

}  // namespace ethreed
