#pragma once
// The parameters of the model: their names and shapes (the interchange format's), one contiguous block that holds them,
// and the handles by which a step uses them.

#include "autograd/tape.h"
#include "core/tensor.h"
#include "model/ethreed/config.h"

#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// How a parameter starts (section 6 of the specification).
enum class Initialisation {
  word_vectors,    ///< from the data
  uniform_fan_in,  ///< U(±1/√fan_in)
  orthogonal,      ///< each H × H gate block of a [3H, H] matrix orthogonal on its own
  recurrent_bias,  ///< U(±1/√fan_in), the update gate's third set to the recipe's value
};

/// A linear layer: y = W x + b. A layer without a bias leaves it unset.
template <class Handle> struct LinearHandles { Handle weight{}, bias{}; };
/// A GRU cell in PyTorch's layout, gate order r, z, n.
template <class Handle> struct GruHandles { Handle weight_ih{}, weight_hh{}, bias_ih{}, bias_hh{}; };

/// Every parameter by its role. Handle is Variable<T> in a step. Handles of parameters an ablation does not have stay
/// unset.
template <class Handle> struct ModelParameters {
  Handle embedding{};                                                    // E
  GruHandles<Handle> encoder_forward, encoder_reverse;                   // section 2
  GruHandles<Handle> gru_g, gru_p, gru_e, gru_c;                         // (1) (2) (5) (7)
  Handle history_attention{};                                            // W_β of (4)
  LinearHandles<Handle> classifier;                                      // W_e of (6) (13) (14)
  LinearHandles<Handle> policy_state, policy_mean, policy_log_variance;  // (8) (9) (10)
  LinearHandles<Handle> decoder_content, decoder_emotion;                // W_1, W_2
  GruHandles<Handle> gru_d;                                              // (15)
  LinearHandles<Handle> attention;                                       // W_con, b_a of (18)
  Handle coverage{};                                                     // w_r of (18)
  LinearHandles<Handle> emotion_gate;                                    // W_emo, b_m of (20)
  LinearHandles<Handle> bottleneck, vocabulary;                          // V₁, V' of (22)
  LinearHandles<Handle> pointer;                                         // (23)
};

/// Calls visit(prefix, suffix, shape, initialisation, fan_in, handle) for every parameter that the configuration has,
/// in the order of the block. The name is prefix + suffix.
template <class Handle, class Visit>
void visit_parameters(const ModelConfig& c, ModelParameters<Handle>& p, Visit&& visit) {
  using enum Initialisation;
  using Name = std::string_view;
  const auto gru = [&](Name prefix, Name ending, int input, int hidden, GruHandles<Handle>& h) {
    const bool reverse = ending == Name("_l0_reverse");
    const auto name = [&](Name plain, Name l0, Name l0_reverse) {
      return ending.empty() ? plain : reverse ? l0_reverse : l0;
    };
    visit(prefix, name(".weight_ih", ".weight_ih_l0", ".weight_ih_l0_reverse"), Shape{3 * hidden, input},
          uniform_fan_in, input, h.weight_ih);
    visit(prefix, name(".weight_hh", ".weight_hh_l0", ".weight_hh_l0_reverse"), Shape{3 * hidden, hidden}, orthogonal,
          hidden, h.weight_hh);
    visit(prefix, name(".bias_ih", ".bias_ih_l0", ".bias_ih_l0_reverse"), Shape{3 * hidden}, uniform_fan_in, input,
          h.bias_ih);
    visit(prefix, name(".bias_hh", ".bias_hh_l0", ".bias_hh_l0_reverse"), Shape{3 * hidden}, recurrent_bias, hidden,
          h.bias_hh);
  };
  const auto layer = [&](Name prefix, int out, int in, LinearHandles<Handle>& h) {
    visit(prefix, ".weight", Shape{out, in}, uniform_fan_in, in, h.weight);
    visit(prefix, ".bias", Shape{out}, uniform_fan_in, in, h.bias);
  };
  const int utterance = 2 * c.encoder;
  visit("embedding", ".weight", Shape{c.vocabulary, c.embedding}, word_vectors, c.embedding, p.embedding);
  gru("encoder", "_l0", c.embedding, c.encoder, p.encoder_forward);
  gru("encoder", "_l0_reverse", c.embedding, c.encoder, p.encoder_reverse);
  gru("tracker.global", "", utterance, c.global_state, p.gru_g);
  if (c.has_party()) {
    visit("tracker.history_attention", ".weight", Shape{utterance, c.global_state}, uniform_fan_in, c.global_state,
          p.history_attention);
    gru("tracker.party", "", utterance + c.global_state, c.party_state, p.gru_p);
  }
  if (c.has_emotion_cell())
    gru("tracker.emotion", "", c.has_party() ? c.party_state : c.global_state, c.emotion_state, p.gru_e);
  gru("tracker.content", "", c.global_state, c.content_state, p.gru_c);
  layer("classifier", c.emotions, c.emotion_state, p.classifier);
  if (c.has_policy()) {
    layer("policy.state", c.emotion_state, c.emotion_state, p.policy_state);
    layer("policy.mean", c.emotion_state, c.emotion_state, p.policy_mean);
    layer("policy.log_variance", c.emotion_state, c.emotion_state, p.policy_log_variance);
  }
  layer("decoder.content", c.decoder_state, c.content_state, p.decoder_content);
  layer("decoder.emotion", c.emotion_state, c.emotion_state, p.decoder_emotion);
  gru("decoder.gru", "", c.embedding, c.decoder_state, p.gru_d);
  visit("decoder.attention", ".weight", Shape{c.decoder_state, utterance}, uniform_fan_in, utterance,
        p.attention.weight);
  visit("decoder.attention", ".bias", Shape{1}, uniform_fan_in, utterance, p.attention.bias);
  visit("decoder.attention", ".coverage", Shape{1}, uniform_fan_in, utterance, p.coverage);
  visit("decoder.emotion_gate", ".weight", Shape{c.decoder_state, c.emotion_state}, uniform_fan_in, c.emotion_state,
        p.emotion_gate.weight);
  visit("decoder.emotion_gate", ".bias", Shape{1}, uniform_fan_in, c.emotion_state, p.emotion_gate.bias);
  const int features = c.decoder_state + utterance + c.emotion_state;
  layer("decoder.bottleneck", c.bottleneck, features, p.bottleneck);
  layer("decoder.vocabulary", c.vocabulary, c.bottleneck, p.vocabulary);
  layer("decoder.pointer", 1, features, p.pointer);
}

/// Where each parameter stands in the block. Offsets are multiples of 64 bytes for float and double alike.
class ParameterLayout {
 public:
  struct Entry {
    std::string name;
    Shape shape;
    std::int64_t offset = 0;  ///< in elements
    Initialisation initialisation = Initialisation::uniform_fan_in;
    int fan_in = 1;
  };

  ParameterLayout() = default;
  /// Throws Error if the configuration is not valid.
  explicit ParameterLayout(const ModelConfig& config);
  const std::vector<Entry>& entries() const { return entries_; }
  /// Elements of the block, padding between parameters included (padding is zero and stays zero).
  std::int64_t size() const { return size_; }
  /// Elements of the block up to the first parameter behind the encoder's: the words and the encoder come first.
  std::int64_t encoder_end() const;
  /// Parameters without padding.
  std::int64_t parameter_count() const;
  /// The entry of this name, or null.
  const Entry* find(std::string_view name) const;

 private:
  std::vector<Entry> entries_;
  std::int64_t size_ = 0;
};

/// Handles for one step over a block of values and a block of gradients (null when the tape does not record).
/// Allocates in the step arena only.
template <class T>
ModelParameters<Variable<T>> bind_parameters(Tape<T>& tape, const ModelConfig& config, const ParameterLayout& layout,
                                             T* values, T* gradients) {
  ModelParameters<Variable<T>> parameters;
  std::size_t next = 0;
  visit_parameters(
      config, parameters,
      [&](std::string_view, std::string_view, const Shape& shape, Initialisation, int, Variable<T>& handle) {
        const std::int64_t offset = layout.entries()[next++].offset;
        handle = tape.parameter(View<T>(values + offset, shape), gradients ? gradients + offset : nullptr);
      });
  return parameters;
}

/// Zeroes the gradients of parameters that the backward pass did not reach (an ablation's or an empty batch's
/// leftovers).
template <class T>
void zero_untouched_gradients(const Context& context, const ModelConfig& config,
                              ModelParameters<Variable<T>>& parameters) {
  visit_parameters(
      config, parameters,
      [&](std::string_view, std::string_view, const Shape& shape, Initialisation, int, Variable<T>& handle) {
        if (!handle.node()->written) context.clear(handle.node()->gradient, shape.count());
      });
}

/// A line per module (the part of the name before the last dot, encoder and tracker cells each their own) and a total.
std::string parameter_table(const ParameterLayout& layout);

}  // namespace ethreed
