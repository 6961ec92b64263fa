#pragma once
// Encoders small enough for a textbook: their files, and the textbook. Nothing here comes from the engine: names of
// tensors are written out as published checkpoints have them.

#include "core/safetensors.h"
#include "model/interface/transformer_textbook.h"
#include "tests/temporary_folder.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace ethreed {

/// The tiny models of the specification: 20 words, d 8, 2 layers, 2 heads, d_ff 16, 12 positions, 3 labels.
struct TinyEncoder {
  std::string family = "roberta";  ///< model_type, and the prefix of the tensors
  int pad = 1;
  int types = 1;
  double epsilon = 1e-5;
  std::string prefix = "roberta.";
  int vocabulary = 20, width = 8, layers = 2, heads = 2, inner = 16, positions = 12, labels = 3;

  bool distilled() const { return family == "distilbert"; }
  bool mpnet() const { return family == "mpnet"; }
  bool counts_from_pad() const { return family == "roberta" || mpnet(); }
  static std::string mpnet_name(const std::string& usual) {
    if (usual == "attention.self.query") return "attention.attn.q";
    if (usual == "attention.self.key") return "attention.attn.k";
    if (usual == "attention.self.value") return "attention.attn.v";
    if (usual == "attention.output.dense") return "attention.attn.o";
    if (usual == "attention.output.LayerNorm") return "attention.LayerNorm";
    return usual;
  }
  /// A part of a layer as the family calls it.
  std::string part(int layer, const std::string& usual, const std::string& distilled_name) const {
    if (mpnet()) return fmt::format("{}encoder.layer.{}.{}", prefix, layer, mpnet_name(usual));
    return distilled() ? fmt::format("{}transformer.layer.{}.{}", prefix, layer, distilled_name)
                       : fmt::format("{}encoder.layer.{}.{}", prefix, layer, usual);
  }
};

inline TinyEncoder tiny_roberta() { return {}; }
inline TinyEncoder tiny_bert() { return {.family = "bert", .pad = 0, .types = 2, .epsilon = 1e-12, .prefix = "bert."}; }
inline TinyEncoder tiny_distilbert() {
  return {.family = "distilbert", .pad = 0, .types = 0, .epsilon = 1e-12, .prefix = "distilbert."};
}
inline TinyEncoder tiny_mpnet() { return {.family = "mpnet", .types = 0, .prefix = "mpnet."}; }

inline nlohmann::json config_of(const TinyEncoder& m) {
  nlohmann::json labels = nlohmann::json::object();
  for (int i = 0; i < m.labels; ++i) labels[std::to_string(i)] = fmt::format("label {}", i);
  nlohmann::json json{{"model_type", m.family},
                      {"vocab_size", m.vocabulary},
                      {"max_position_embeddings", m.positions},
                      {"pad_token_id", m.pad},
                      {"id2label", labels}};
  if (m.distilled())
    json.update({{"dim", m.width},
                 {"n_layers", m.layers},
                 {"n_heads", m.heads},
                 {"hidden_dim", m.inner},
                 {"activation", "gelu"},
                 {"dropout", 0.1},
                 {"attention_dropout", 0.1},
                 {"seq_classif_dropout", 0.2}});
  else
    json.update({{"hidden_size", m.width},
                 {"num_hidden_layers", m.layers},
                 {"num_attention_heads", m.heads},
                 {"intermediate_size", m.inner},
                 {"type_vocab_size", m.types},
                 {"layer_norm_eps", m.epsilon},
                 {"hidden_act", "gelu"},
                 {"hidden_dropout_prob", 0.1},
                 {"attention_probs_dropout_prob", 0.1},
                 {"classifier_dropout", nullptr}});
  if (m.mpnet()) {
    json.erase("type_vocab_size");
    json["relative_attention_num_buckets"] = 32;
  }
  return json;
}

/// All tensors of a model for classification by name, zeros. Names are in ASCII order.
inline reference::Parameters tensors_of(const TinyEncoder& m) {
  reference::Parameters p;
  const auto add = [&](const std::string& name, std::vector<int> shape) {
    std::size_t count = 1;
    for (const int size : shape) count *= static_cast<std::size_t>(size);
    p[name] = {std::move(shape), reference::Vector(count)};
  };
  const auto linear = [&](const std::string& name, int out, int in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  };
  const auto norm = [&](const std::string& name) {
    add(name + ".weight", {m.width});
    add(name + ".bias", {m.width});
  };
  const int d = m.width;
  add(m.prefix + "embeddings.word_embeddings.weight", {m.vocabulary, d});
  add(m.prefix + "embeddings.position_embeddings.weight", {m.positions, d});
  if (m.types > 0) add(m.prefix + "embeddings.token_type_embeddings.weight", {m.types, d});
  norm(m.prefix + "embeddings.LayerNorm");
  for (int l = 0; l < m.layers; ++l) {
    linear(m.part(l, "attention.self.query", "attention.q_lin"), d, d);
    linear(m.part(l, "attention.self.key", "attention.k_lin"), d, d);
    linear(m.part(l, "attention.self.value", "attention.v_lin"), d, d);
    linear(m.part(l, "attention.output.dense", "attention.out_lin"), d, d);
    norm(m.part(l, "attention.output.LayerNorm", "sa_layer_norm"));
    linear(m.part(l, "intermediate.dense", "ffn.lin1"), m.inner, d);
    linear(m.part(l, "output.dense", "ffn.lin2"), d, m.inner);
    norm(m.part(l, "output.LayerNorm", "output_layer_norm"));
  }
  if (m.family == "bert") linear(m.prefix + "pooler.dense", d, d);
  if (m.mpnet()) add(m.prefix + "encoder.relative_attention_bias.weight", {32, m.heads});
  if (m.counts_from_pad()) linear("classifier.dense", d, d);
  if (m.distilled()) linear("pre_classifier", d, d);
  linear(m.counts_from_pad() ? "classifier.out_proj" : "classifier", m.labels, d);
  return p;
}

inline bool is_norm_weight(const std::string& name) {
  return name.ends_with("LayerNorm.weight") || name.ends_with("layer_norm.weight");
}

/// Tensor t (from 0, by name) holds 0.3·sin(0.7 k + 1.3 t), k its row-major index; weights of layer norms 1 more.
inline reference::Parameters sines_of(const TinyEncoder& m) {
  reference::Parameters p = tensors_of(m);
  int t = 0;
  for (auto& [name, parameter] : p) {
    for (std::size_t k = 0; k < parameter.values.size(); ++k)
      parameter.values[k] = 0.3 * std::sin(0.7 * static_cast<double>(k) + 1.3 * t) + (is_norm_weight(name) ? 1.0 : 0.0);
    ++t;
  }
  return p;
}

/// What a test changes before a model is written.
using Tensors = std::vector<std::pair<std::string, reference::Parameter>>;
inline Tensors list_of(const reference::Parameters& parameters) { return {parameters.begin(), parameters.end()}; }

/// Writes config.json and model.safetensors as numbers of type T.
template <class T = double>
void write_encoder(const std::filesystem::path& folder, const nlohmann::json& config, const Tensors& tensors) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << config.dump();
  SafetensorsWriter writer;
  std::vector<std::vector<T>> values;
  values.reserve(tensors.size());
  for (const auto& [name, parameter] : tensors) {
    const std::vector<std::int64_t> shape(parameter.shape.begin(), parameter.shape.end());
    values.emplace_back(parameter.values.begin(), parameter.values.end());
    writer.add(name, View<const T>(values.back().data(), Shape(shape)));
  }
  writer.write(folder / "model.safetensors");
}

namespace reference {

/// γ ⊙ (x − mean)/√(var + ε) + β, the variance with 1/d.
inline Vector layer_norm(const Parameters& p, const std::string& name, double epsilon, const Vector& x) {
  double mean = 0, variance = 0;
  for (const double v : x) mean += v / static_cast<double>(x.size());
  for (const double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
  Vector y;
  for (std::size_t i = 0; i < x.size(); ++i)
    y.push_back(p.at(name + ".weight").values[i] * (x[i] - mean) / std::sqrt(variance + epsilon) +
                p.at(name + ".bias").values[i]);
  return y;
}

/// As the specification has it, m = −(j − i).
inline int bucket(int j_minus_i) {
  const int m = -j_minus_i, size = std::abs(m);
  if (size < 8) return (m < 0 ? 16 : 0) + size;
  return (m < 0 ? 16 : 0) + std::min(15, 8 + static_cast<int>(std::floor(std::log(size / 8.0) / std::log(16.0) * 8)));
}

/// Hidden state `layer` of one text.
inline Rows encoder_state(const TinyEncoder& m, const Parameters& p, const std::vector<int>& ids,
                          const std::vector<int>& types, int layer) {
  const std::string tables = m.prefix + "embeddings.";
  Rows x;
  int position = m.counts_from_pad() ? m.pad + 1 : 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Vector sum = sum_of(
        row(p.at(tables + "word_embeddings.weight"), ids[i]),
        row(p.at(tables + "position_embeddings.weight"), m.counts_from_pad() && ids[i] == m.pad ? m.pad : position++));
    if (m.types > 0) sum = sum_of(sum, row(p.at(tables + "token_type_embeddings.weight"), types[i]));
    x.push_back(layer_norm(p, tables + "LayerNorm", m.epsilon, sum));
  }
  const int width = m.width / m.heads;
  for (int l = 0; l < layer; ++l) {
    const auto all = [&](const std::string& name, const Rows& rows) {
      Rows y;
      for (const Vector& one : rows) y.push_back(affine(p, name, one));
      return y;
    };
    const Rows query = all(m.part(l, "attention.self.query", "attention.q_lin"), x),
               keys = all(m.part(l, "attention.self.key", "attention.k_lin"), x),
               values = all(m.part(l, "attention.self.value", "attention.v_lin"), x);
    Rows attended(x.size(), Vector(static_cast<std::size_t>(m.width)));
    for (int h = 0; h < m.heads; ++h)
      for (std::size_t i = 0; i < x.size(); ++i) {
        Vector weights;
        double sum = 0;
        for (std::size_t j = 0; j < x.size(); ++j) {
          double logit = 0;
          for (int c = h * width; c < (h + 1) * width; ++c)
            logit += query[i][static_cast<std::size_t>(c)] * keys[j][static_cast<std::size_t>(c)];
          logit /= std::sqrt(static_cast<double>(width));
          if (m.mpnet())
            logit += row(p.at(m.prefix + "encoder.relative_attention_bias.weight"),
                         bucket(static_cast<int>(j) - static_cast<int>(i)))[static_cast<std::size_t>(h)];
          weights.push_back(std::exp(logit));
          sum += weights.back();
        }
        for (std::size_t j = 0; j < x.size(); ++j)
          for (int c = h * width; c < (h + 1) * width; ++c)
            attended[i][static_cast<std::size_t>(c)] += weights[j] / sum * values[j][static_cast<std::size_t>(c)];
      }
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Vector y =
          layer_norm(p, m.part(l, "attention.output.LayerNorm", "sa_layer_norm"), m.epsilon,
                     sum_of(x[i], affine(p, m.part(l, "attention.output.dense", "attention.out_lin"), attended[i])));
      Vector inner = affine(p, m.part(l, "intermediate.dense", "ffn.lin1"), y);
      for (double& v : inner) v = v / 2 * (1 + std::erf(v / std::sqrt(2.0)));
      x[i] = layer_norm(p, m.part(l, "output.LayerNorm", "output_layer_norm"), m.epsilon,
                        sum_of(y, affine(p, m.part(l, "output.dense", "ffn.lin2"), inner)));
    }
  }
  return x;
}

/// From the last hidden state of one text.
inline Vector encoder_logits(const TinyEncoder& m, const Parameters& p, const Rows& last) {
  if (m.family == "bert") return affine(p, "classifier", tanh_of(affine(p, m.prefix + "pooler.dense", last[0])));
  if (m.counts_from_pad()) return affine(p, "classifier.out_proj", tanh_of(affine(p, "classifier.dense", last[0])));
  Vector features = affine(p, "pre_classifier", last[0]);
  for (double& v : features) v = std::max(v, 0.0);
  return affine(p, "classifier", features);
}

}  // namespace reference
}  // namespace ethreed
