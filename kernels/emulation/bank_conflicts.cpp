#include "kernels/emulation/checker.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace ethreed::emulation {

namespace {

constexpr unsigned banks = 32, bank_bytes = 4;
constexpr std::size_t wavefront_bytes = std::size_t{banks} * bank_bytes;

// Wavefronts of one request of some lanes: in each, every bank gives one of its words, to all who want it.
std::int64_t wavefronts(std::vector<std::uint32_t>& words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::array<std::int64_t, banks> of_bank{};
  std::int64_t most = 0;
  for (const std::uint32_t word : words) most = std::max(most, ++of_bank[word % banks]);
  return most;
}

}  // namespace

void count_bank_conflicts(std::vector<SharedRequest>& requests, Counters& counters) {
  if (requests.empty()) return;
  // The accesses of one instruction: its n-th by one lane goes with the n-th by every other lane.
  std::stable_sort(requests.begin(), requests.end(), [](const SharedRequest& a, const SharedRequest& b) {
    return std::tie(a.location, a.lane) < std::tie(b.location, b.lane);
  });
  for (std::size_t i = 1; i < requests.size(); ++i)
    if (requests[i].location == requests[i - 1].location && requests[i].lane == requests[i - 1].lane)
      requests[i].occurrence = requests[i - 1].occurrence + 1;
  std::stable_sort(requests.begin(), requests.end(), [](const SharedRequest& a, const SharedRequest& b) {
    return std::tie(a.location, a.occurrence) < std::tie(b.location, b.occurrence);
  });
  std::vector<std::uint32_t> words;
  for (std::size_t begin = 0; begin < requests.size();) {
    const SharedRequest& first = requests[begin];
    std::size_t end = begin;
    while (end < requests.size() && requests[end].location == first.location &&
           requests[end].occurrence == first.occurrence)
      ++end;
    // 8 bytes a lane are served by half warps, 16 by quarters.
    const std::size_t bytes = std::max<std::size_t>(first.bytes, bank_bytes);
    const std::size_t lanes = std::clamp<std::size_t>(wavefront_bytes / bytes, 1, lanes_per_warp);
    for (std::size_t at = begin; at < end;) {
      const std::size_t group = requests[at].lane / lanes;
      words.clear();
      for (; at < end && requests[at].lane / lanes == group; ++at)
        for (std::uint32_t word = requests[at].offset / bank_bytes;
             word <= (requests[at].offset + requests[at].bytes - 1) / bank_bytes; ++word)
          words.push_back(word);
      counters.bank_conflicts += wavefronts(words) - 1;
    }
    ++counters.shared_requests;
    begin = end;
  }
  requests.clear();
}

}  // namespace ethreed::emulation
