#pragma once
// A client's connection, read and written with deadlines for whole requests and whole replies.

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace ethreed {

class SocketStream {
 public:
  /// Owns the socket. `stopping`: the server ends, and waits no longer for a request that has not begun.
  SocketStream(int socket, const std::atomic<bool>& stopping);
  ~SocketStream();
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  /// Waits for the first byte of a request; false if the client closes, the time is up or the server stops.
  bool wait(std::chrono::milliseconds most);
  /// A request begins: so many bytes may be read of it, and so long may it and its reply take.
  void begin(std::size_t bytes, std::chrono::milliseconds read, std::chrono::milliseconds write);
  /// So many more bytes may be read.
  void allow(std::size_t bytes) { left_ += bytes; }

  /// As recv and send: bytes, 0 at the end, −1 for an error, a bound that is passed or a time that is up.
  ssize_t read(char* to, std::size_t size);
  ssize_t write(const char* from, std::size_t size);
  /// All of it; false where write() fails. Each call has a time of its own, as long as a whole reply's.
  bool write_piece(std::string_view text);
  /// Sends what the socket takes at once.
  void write_now(std::string_view text);
  /// The client has closed its side.
  bool closed_by_client() const;
  void remote(std::string& ip, int& port) const;
  /// Tells the client that this is the end, and takes what it still sends for a moment: closed with bytes unread, a
  /// connection is reset, and the client may lose the reply.
  void close_gently();

 private:
  using Clock = std::chrono::steady_clock;
  enum class For { reading, writing };
  bool ready(For what, Clock::time_point deadline, bool stop_early) const;
  bool fill(Clock::time_point deadline, bool stop_early);

  int socket_;
  const std::atomic<bool>& stopping_;
  std::array<char, 4096> buffer_{};
  std::size_t first_ = 0, last_ = 0;  // of what is read and not yet taken
  std::size_t left_ = 0;
  Clock::time_point read_deadline_, write_deadline_;
  std::chrono::milliseconds write_time_{0};
  bool writing_ = false;
};

}  // namespace ethreed
