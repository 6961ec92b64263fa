#pragma once
// Our side of the protocol of peers/alternate.py: one line of JSON when ready, {"name": …, "threads": n, …}; then for
// every line "n" on the standard input n rounds of the work and one line of JSON, {"what": milliseconds of a round, …}.
// It ends with its input.

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace ethreed::bench {

using Json = nlohmann::ordered_json;
using Times = std::vector<std::pair<std::string, double>>;

inline void print_line(const Json& json) {
  std::cout << json.dump() << std::endl;  // flushed: the other side waits for it
}

/// Answers every line "n" with the mean of n rounds; round() gives Times, which are added by name.
template <class Round> void serve(Round round) {
  for (std::string line; std::getline(std::cin, line);) {
    const int rounds = std::max(1, std::stoi(line));
    Json sums = Json::object();
    for (int i = 0; i < rounds; ++i)
      for (const auto& [name, time] : round()) sums[name] = sums.value(name, 0.0) + time / rounds;
    print_line(sums);
  }
}

}  // namespace ethreed::bench
