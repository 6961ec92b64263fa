#include "tools/ethreed/serve/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

namespace ethreed {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_address(const std::string& host) {
  in_addr four{};
  in6_addr six{};
  return ::inet_pton(AF_INET, host.c_str(), &four) == 1 || ::inet_pton(AF_INET6, host.c_str(), &six) == 1;
}

}  // namespace

bool is_loopback(std::string_view host) {
  const std::string name = lower(host);
  in_addr four{};
  in6_addr six{};
  if (::inet_pton(AF_INET, name.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  if (::inet_pton(AF_INET6, name.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return name == "localhost";
}

std::optional<std::string> host_of(std::string_view authority) {
  std::string_view host = authority, rest;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
  } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    rest = authority.substr(colon);
  }
  const bool port =
      rest.empty() || (rest.size() > 1 && rest[0] == ':' &&
                       std::all_of(rest.begin() + 1, rest.end(), [](char c) { return c >= '0' && c <= '9'; }));
  if (host.empty() || !port) return std::nullopt;
  return lower(host);
}

Access::Access(std::string host, std::vector<std::string> names, std::string token)
    : names_(std::move(names)), token_(std::move(token)) {
  names_.push_back(std::move(host));
  names_.emplace_back("localhost");
  for (std::string& name : names_) name = lower(name);
}

bool Access::knows(std::string_view authority) const {
  const std::optional<std::string> host = host_of(authority);
  return host && (is_address(*host) || std::find(names_.begin(), names_.end(), *host) != names_.end());
}

bool Access::same_origin(std::string_view origin, std::string_view authority) {
  const std::size_t scheme = origin.find("://");
  return scheme != std::string_view::npos && lower(origin.substr(scheme + 3)) == lower(authority);
}

bool Access::admits(std::string_view authorization) const {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() < scheme.size() || lower(authorization.substr(0, scheme.size())) != scheme) return false;
  const std::string_view given = authorization.substr(scheme.size());
  unsigned different = given.size() == token_.size() ? 0 : 1;
  for (std::size_t i = 0; i < token_.size(); ++i)
    different |= static_cast<unsigned char>(token_[i]) ^ static_cast<unsigned char>(i < given.size() ? given[i] : 0);
  return different == 0;
}

}  // namespace ethreed
