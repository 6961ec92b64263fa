#pragma once
// Made-up names: put together from syllables, so that there are thousands of them and a vocabulary has hardly any.

#include <cstdint>
#include <string>
#include <string_view>

namespace ethreed::sample {

/// The name number `counter` of the kind that `slot` stands for (templates.h lists the slots; friend, culprit and late
/// draw from one list of persons). For one seed, names of one kind are all different until the counter has run through
/// name_count(slot) of them; then they return in the same order.
std::string made_up_name(std::string_view slot, std::uint64_t seed, std::uint64_t counter);

/// How many different names there are for a slot. Throws Error for a slot that does not exist, as made_up_name does.
std::uint64_t name_count(std::string_view slot);

}  // namespace ethreed::sample
