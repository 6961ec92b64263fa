#pragma once
// What every model has to be, each asked of one subject: nothing if it is so, else what is wrong. They go by the
// interface alone, so that a model passes them by its own cases and nothing else.

#include "tests/model/model_bench.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace ethreed::test {

/// What is wrong; nothing: it holds.
using Failure = std::optional<std::string>;

// model_properties_numbers.cpp
Failure agrees_with_textbook(const Subject& subject);
Failure gradient_is_that_of_the_total(const Subject& subject);
Failure float_is_double(const Subject& subject);
Failure emulated_is_cpu(const Subject& subject);
Failure threads_change_no_bit(const Subject& subject);
Failure examples_do_not_see_each_other(const Subject& subject);
Failure shares_of_examples_make_figures(const Subject& subject);

// model_properties_runs.cpp
Failure stop_and_resume_change_no_bit(const Subject& subject);
Failure checkpoint_brings_all_back(const Subject& subject);
Failure steps_take_no_memory(const Subject& subject);
Failure steps_stay_within_plan(const Subject& subject);
Failure names_are_unique(const Subject& subject);
Failure configuration_goes_round(const Subject& subject);

// model_properties_replies.cpp, and the last of model_properties_look.cpp: of models that write replies
Failure widest_beam_finds_best(const Subject& subject);
Failure session_says_what_forward_says(const Subject& subject);
Failure conversation_is_recomputation(const Subject& subject);
Failure batch_changes_no_bit(const Subject& subject);
/// Attention, gate and the vocabulary's distribution make up that of the next word, in every hypothesis.
Failure look_makes_up_distribution(const Subject& subject);

/// A property by name; `of_replies`: only models that write replies have it.
struct Property {
  std::string_view name;
  Failure (*check)(const Subject&);
  bool of_replies = false;
};
inline constexpr std::array<Property, 18> properties{{
    {"the textbook agrees", agrees_with_textbook},
    {"the gradient is that of the total", gradient_is_that_of_the_total},
    {"float is double", float_is_double},
    {"the emulated device is the CPU", emulated_is_cpu},
    {"threads change no bit", threads_change_no_bit},
    {"examples do not see each other", examples_do_not_see_each_other},
    {"shares of examples make figures", shares_of_examples_make_figures},
    {"stop and resume change no bit", stop_and_resume_change_no_bit},
    {"a checkpoint brings all back", checkpoint_brings_all_back},
    {"steps take no memory", steps_take_no_memory},
    {"steps stay within the plan", steps_stay_within_plan},
    {"names are unique", names_are_unique},
    {"the configuration goes round", configuration_goes_round},
    {"the widest beam finds the best", widest_beam_finds_best, true},
    {"a session says what forward says", session_says_what_forward_says, true},
    {"a conversation is its recomputation", conversation_is_recomputation, true},
    {"replies written together have the bits of each alone", batch_changes_no_bit, true},
    {"where a pointer looks makes up the next word", look_makes_up_distribution, true},
}};

/// Are two rows of numbers equal up to |a − b| ≤ tolerance · max(1, |b|)? NaN equals NaN. Names the first that is not.
template <class Name>
Failure differ(std::span<const double> got, std::span<const double> wanted, double tolerance, Name name) {
  if (got.size() != wanted.size()) return fmt::format("{} numbers, wanted {}", got.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (std::isnan(got[i]) && std::isnan(wanted[i])) continue;
    if (!(std::abs(got[i] - wanted[i]) <= tolerance * std::max(1.0, std::abs(wanted[i]))))
      return fmt::format("{} is {}, wanted {}", name(i), got[i], wanted[i]);
  }
  return {};
}

/// The name of a loss; behind them the total.
inline auto loss_names(const Model& model) {
  return [&model](std::size_t i) { return i < model.losses().size() ? model.losses()[i].name : "total"; };
}
inline auto figure_names(const Model& model) {
  return [&model](std::size_t i) { return model.figures()[i].name; };
}

}  // namespace ethreed::test
