#pragma once
// Who may ask: the token, the names a server answers to, pages of other origins.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Does only this machine reach an address: 127.0.0.0/8, ::1 or localhost.
bool is_loopback(std::string_view host);

/// The host of "name:port", "[::1]:port" or "name", in lower case; nothing if it is none.
std::optional<std::string> host_of(std::string_view authority);

class Access {
 public:
  /// `host` is what the server is bound to, `names` are other names that it answers to; an empty token asks for none.
  Access(std::string host, std::vector<std::string> names, std::string token);

  /// Is this the Host of a request for us? Addresses are; names only if they are known: a page elsewhere whose name
  /// was made to point here (DNS rebinding) sends its own name.
  bool knows(std::string_view authority) const;
  /// Does a page of this Origin belong to the server that `authority` names?
  static bool same_origin(std::string_view origin, std::string_view authority);
  bool wants_token() const { return !token_.empty(); }
  /// Is this Authorization "Bearer <token>"? Takes as long for a wrong token as for the right one.
  bool admits(std::string_view authorization) const;

 private:
  std::vector<std::string> names_;
  std::string token_;
};

}  // namespace ethreed
