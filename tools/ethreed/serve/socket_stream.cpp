#include "tools/ethreed/serve/socket_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ethreed {

namespace {

constexpr std::chrono::milliseconds glance{100};  // so often a waiting thread looks whether the server stops
constexpr std::chrono::milliseconds farewell{500};
constexpr std::size_t farewell_bytes = std::size_t{4} << 20;

}  // namespace

SocketStream::SocketStream(int socket, const std::atomic<bool>& stopping) : socket_(socket), stopping_(stopping) {
  const int yes = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

SocketStream::~SocketStream() { ::close(socket_); }

// Can it be read (written) before the deadline?
bool SocketStream::ready(For what, Clock::time_point deadline, bool stop_early) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || (stop_early && stopping_)) return false;
    pollfd watched{.fd = socket_, .events = static_cast<short>(what == For::reading ? POLLIN : POLLOUT), .revents = 0};
    const int found = ::poll(&watched, 1, static_cast<int>(std::min(left, glance).count()));
    if (found > 0) return true;
    if (found < 0 && errno != EINTR) return false;
  }
}

bool SocketStream::fill(Clock::time_point deadline, bool stop_early) {
  while (first_ == last_) {
    if (!ready(For::reading, deadline, stop_early)) return false;
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) return false;
    if (got < 0) continue;
    first_ = 0;
    last_ = static_cast<std::size_t>(got);
  }
  return true;
}

bool SocketStream::wait(std::chrono::milliseconds most) { return fill(Clock::now() + most, true); }

void SocketStream::begin(std::size_t bytes, std::chrono::milliseconds read, std::chrono::milliseconds write) {
  left_ = bytes;
  read_deadline_ = Clock::now() + read;
  write_time_ = write;
  writing_ = false;
}

ssize_t SocketStream::read(char* to, std::size_t size) {
  if (left_ == 0 || !fill(read_deadline_, false)) return -1;
  const std::size_t taken = std::min({size, last_ - first_, left_});
  std::copy_n(buffer_.data() + first_, taken, to);
  first_ += taken;
  left_ -= taken;
  return static_cast<ssize_t>(taken);
}

ssize_t SocketStream::write(const char* from, std::size_t size) {
  if (!writing_) write_deadline_ = Clock::now() + write_time_;
  writing_ = true;
  for (;;) {
    const ssize_t put = ::send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put >= 0) return put;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return -1;
    if (!ready(For::writing, write_deadline_, false)) return -1;
  }
}

bool SocketStream::write_piece(std::string_view text) {
  writing_ = false;
  while (!text.empty()) {
    const ssize_t put = write(text.data(), text.size());
    if (put < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

void SocketStream::write_now(std::string_view text) {
  [[maybe_unused]] const ssize_t put = ::send(socket_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(socket_, SHUT_WR);
}

bool SocketStream::closed_by_client() const {
  char byte = 0;
  const ssize_t got = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void SocketStream::remote(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  ip = "?";
  port = 0;
  if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
  if (address.ss_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&address);
    port = ntohs(in->sin_port);
    if (::inet_ntop(AF_INET, &in->sin_addr, text.data(), text.size()) != nullptr) ip = text.data();
  } else if (address.ss_family == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(&address);
    port = ntohs(in->sin6_port);
    if (::inet_ntop(AF_INET6, &in->sin6_addr, text.data(), text.size()) != nullptr) ip = text.data();
  }
}

void SocketStream::close_gently() {
  if (::shutdown(socket_, SHUT_WR) != 0) return;
  const Clock::time_point deadline = Clock::now() + farewell;
  for (std::size_t taken = 0; taken < farewell_bytes && !closed_by_client();) {
    first_ = last_ = 0;
    if (!fill(deadline, true)) return;
    taken += last_;
  }
}

}  // namespace ethreed
