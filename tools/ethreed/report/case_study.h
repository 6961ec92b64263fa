#pragma once
// The case study of a report: the same dialogues as every run reads and answers them.

#include "tools/ethreed/decode_options.h"
#include "tools/ethreed/opened_run.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// `count` different dialogues of a split, drawn by this seed, in their order there (all if it has no more).
std::vector<std::string> draw_dialogues(const Split& split, std::uint64_t seed, int count);

/// [{"conversation", "emotion", "turns": [{"post", "gold", "emotion"}…], "runs": []}…]. Throws Error if the split has
/// no dialogue of such a name.
nlohmann::ordered_json case_dialogues(const OpenedRun& opened, const std::vector<std::string>& conversations);

/// Adds to "runs" of every case what this run makes of it: {"turns": [{"reply", "insights", "attention", …}…],
/// "tracked": [{"post": [["sad", 0.8]…], "response": […]}…]}, each where the model has it; null where the split of its
/// data has no such dialogue. `latents`: of the modes after the first every turn has in "latents" [{"latent", "reply",
/// "insights"}…]. By the plan of another dialogue a turn is answered in its batch of the split, as `evaluate` does.
void add_case_answers(OpenedRun& opened, const DecodeArguments& decode, std::span<const std::string> latents,
                      nlohmann::ordered_json& cases);

}  // namespace ethreed
