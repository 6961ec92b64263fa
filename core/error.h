#pragma once
// The one exception type of the project and the checks that throw it.

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace ethreed {

/// Thrown for every error a user or a caller can cause: bad input, bad files, bad arguments.
/// The message is one line that names what was called, which argument or file (and line), what was
/// found, what was wanted and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws Error with a message formatted by fmt.
template <class... Args> [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ethreed

/// Checks at the door: ETHREED_CHECK(condition, "format {}", arguments…) throws Error when the condition does not hold.
#define ETHREED_CHECK(condition, ...) \
  do {                                \
    if (!(condition)) [[unlikely]]    \
      ::ethreed::fail(__VA_ARGS__);   \
  } while (false)

/// Checks inside kernels: active in builds without NDEBUG, nothing at all in Release.
#ifdef NDEBUG
#define ETHREED_ASSERT(condition) \
  do {                            \
  } while (false)
#else
#define ETHREED_ASSERT(condition) \
  ETHREED_CHECK(condition, "internal assertion failed: {} ({}:{})", #condition, __FILE__, __LINE__)
#endif
