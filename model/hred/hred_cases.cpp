// HRED's cases: the three variants, and a textbook of each.

#include "model/blocks/random_streams.h"
#include "model/hred/config.h"
#include "model/interface/textbook.h"

#include <numbers>

namespace ethreed {

namespace {

using Json = nlohmann::json;
using reference::Vector;

Json tiny_keys(std::string_view variant) {
  return {{"model",
           {{"encoder", 3},
            {"context_state", 4},
            {"emotion_state", 8},
            {"latent", 5},
            {"decoder_state", 11},
            {"bottleneck", 10},
            {"variant", variant}}},
          {"training", {{"dropout", 0.3}, {"weight_emotion", 0.7}, {"kl_anneal_steps", 3}, {"word_dropout", 0.4}}}};
}

std::vector<ModelCase> tiny_cases() {
  std::vector<ModelCase> cases;
  for (const std::string_view variant : HredConfig::variant_names)
    cases.push_back({.name = std::string(variant), .keys = tiny_keys(variant)});
  ModelCase& plain =
      cases.emplace_back(ModelCase{.name = "emo_hred, no listener labels", .keys = tiny_keys("emo_hred")});
  plain.keys["model"]["listener_labels"] = false;
  plain.keys["training"]["dropout"] = 0.0;
  ModelCase& bound = cases.emplace_back(ModelCase{.name = "vhred, the whole bound", .keys = tiny_keys("vhred")});
  bound.keys["training"]["kl_anneal_steps"] = 0;
  bound.keys["training"]["word_dropout"] = 0.0;
  ModelCase& options =
      cases.emplace_back(ModelCase{.name = "vhred, free bits, bag of words", .keys = tiny_keys("vhred")});
  options.keys["model"]["bag_of_words"] = true;
  options.keys["training"].update({{"free_bits", 0.05}, {"weight_bag_of_words", 0.6}});
  for (const char* variant : {"hred", "emo_hred"}) {
    ModelCase& all =
        cases.emplace_back(ModelCase{.name = std::string(variant) + ", all targets", .keys = tiny_keys(variant)});
    all.keys["model"]["targets"] = "all";
  }
  return cases;
}

// --- the textbook ----------------------------------------------------------------------------------------------------

std::vector<int> words_of(std::span<const std::int32_t> ids) { return {ids.begin(), ids.end()}; }

// Mean and variance of VHRED's prior or posterior.
struct Gaussian {
  Vector mean, variance;
};
Gaussian gaussian_of(const reference::Parameters& p, const std::string& head, const Vector& a) {
  const Vector hidden = reference::tanh_of(reference::affine(p, head + ".hidden", a));
  const Vector hidden2 = reference::tanh_of(reference::affine(p, head + ".hidden2", hidden));
  Gaussian out{reference::affine(p, head + ".mean", hidden2), reference::affine(p, head + ".variance", hidden2)};
  for (double& v : out.variance) v = std::max(1e-8, 0.1 * std::log1p(std::exp(v)));
  return out;
}

double divergence(const Gaussian& q, const Gaussian& p) {
  double sum = 0;
  for (std::size_t d = 0; d < q.mean.size(); ++d)
    sum += q.variance[d] / p.variance[d] + std::pow(p.mean[d] - q.mean[d], 2) / p.variance[d] - 1 +
           std::log(p.variance[d]) - std::log(q.variance[d]);
  return sum / 2;
}

double density(const Gaussian& g, const Vector& z) {
  double product = 1;
  for (std::size_t d = 0; d < z.size(); ++d)
    product *= std::exp(-std::pow(z[d] - g.mean[d], 2) / (2 * g.variance[d])) /
               std::sqrt(2 * std::numbers::pi * g.variance[d]);
  return product;
}

Vector drawn_from(const Gaussian& g, const Vector& noise) {
  Vector z = g.mean;
  for (std::size_t d = 0; d < noise.size(); ++d) z[d] += std::sqrt(g.variance[d]) * noise[d];
  return z;
}

// −log P of every word of a reply.
Vector reply_nll(const reference::Parameters& p, const Vector& c, const std::vector<int>& reply) {
  const int vocabulary = p.at("embedding.weight").shape[0];
  Vector nll;
  Vector s = reference::tanh_of(reference::affine(p, "decoder.initial", c));
  int previous = reference::start;
  for (const int word : reply) {
    const int target = word < vocabulary ? word : reference::unknown;
    const Vector y = reference::embedded(p, previous);
    s = reference::gru(p, "decoder.gru", reference::joined({y, c}), s);
    const Vector features = reference::affine(p, "decoder.bottleneck", reference::joined({s, y, c}));
    nll.push_back(reference::cross_entropy(reference::affine(p, "decoder.vocabulary", features), target));
    previous = target;
  }
  return nll;
}

Vector noise_at(const TextbookInput& input, std::int64_t place, int sample) {
  const std::int64_t width = input.config.at("model").at("latent");
  const PhiloxStream random = random_stream(input.seed, Draw::latent_evaluation, static_cast<std::uint64_t>(sample));
  Vector noise;
  for (std::int64_t j = 0; j < width; ++j)
    noise.push_back(random.normal(static_cast<std::uint64_t>(place * width + j)));
  return noise;
}

// What is added up over the turns of all dialogues.
struct Sums {
  reference::Mean speaker_loss, listener_loss, speaker_right, listener_right;
  reference::Mean nll, prior_nll, macro;  // of tokens, of tokens, of dialogues
  reference::Mean post_nll, bag_nll;      // of tokens
  double divergence = 0, log_likelihood = 0;
  int turns = 0, unknown = 0;
};

bool is_likeliest(const Vector& logits, int label) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin() == label;
}

void read_dialogue(const TextbookInput& input, const reference::Parameters& p, const Example& dialogue, Sums& sums) {
  const std::string variant = input.config.at("model").at("variant");
  const bool latent = variant == "vhred", emotional = variant == "emo_hred";
  const int vocabulary = p.at("embedding.weight").shape[0];
  Vector g = reference::zero_state(p, "context");
  Vector e = emotional ? reference::zero_state(p, "emotion") : Vector{};
  reference::Mean of_dialogue;
  const auto classify = [&](int label, reference::Mean& loss, reference::Mean& right) {
    if (label < 0) return;
    const Vector logits = reference::affine(p, "classifier", e);
    loss.add(reference::cross_entropy(logits, label));
    right.add(is_likeliest(logits, label));
  };
  const auto read = [&](std::span<const std::int32_t> words) {
    const Vector u = reference::encode(p, words_of(words)).summary;
    g = reference::gru(p, "context", u, g);
    if (emotional) e = reference::gru(p, "emotion", g, e);
    return u;
  };
  for (std::size_t t = 0; t < dialogue.turns.size(); ++t) {
    const TurnInput& turn = dialogue.turns[t];
    const std::vector<int> reply = words_of(turn.response);
    if (t > 0 && input.config.at("model").value("targets", "listener") == "all")
      for (const double nll : reply_nll(p, reference::joined({g, e}), words_of(turn.post))) sums.post_nll.add(nll);
    read(turn.post);
    const Vector before = g;
    if (emotional) classify(turn.emotion, sums.speaker_loss, sums.speaker_right);
    Vector c = reference::joined({before, e});
    const Vector u = reference::encode(p, reply).summary;
    if (latent) {
      const Gaussian prior = gaussian_of(p, "prior", before);
      const Gaussian posterior = gaussian_of(p, "posterior", reference::joined({before, u}));
      const std::int64_t place = dialogue.place + static_cast<std::int64_t>(t);
      const Vector noise = input.sample_latent ? noise_at(input, place, 0) : Vector{};
      const Vector z = drawn_from(posterior, noise);
      for (const double nll : reply_nll(p, reference::joined({before, z}), reply)) sums.nll.add(nll);
      if (input.config.at("model").value("bag_of_words", false))
        for (const int word : reply)
          sums.bag_nll.add(reference::cross_entropy(reference::affine(p, "bag_of_words", z),
                                                    word < vocabulary ? word : reference::unknown));
      sums.divergence += divergence(posterior, prior);
      double likelihood = 0;
      for (int s = 0; s < input.latent_samples; ++s) {
        const Vector draw = drawn_from(posterior, noise_at(input, place, s));
        double probability = density(prior, draw) / density(posterior, draw) / input.latent_samples;
        for (const double nll : reply_nll(p, reference::joined({before, draw}), reply)) probability *= std::exp(-nll);
        likelihood += probability;
      }
      sums.log_likelihood += std::log(likelihood);
      c = reference::joined({before, drawn_from(prior, noise)});
    }
    reference::Mean of_turn;
    for (const double nll : reply_nll(p, c, reply)) {
      if (!latent) sums.nll.add(nll);
      sums.prior_nll.add(nll);
      of_turn.add(nll);
    }
    of_dialogue.add(of_turn.value());
    for (const int word : reply) sums.unknown += word == reference::unknown || word >= vocabulary;
    ++sums.turns;
    read(turn.response);
    if (emotional) classify(turn.listener_label, sums.listener_loss, sums.listener_right);
  }
  sums.macro.add(of_dialogue.value());
}

TextbookPass textbook(const TextbookInput& input) {
  const reference::Parameters p = reference::parameters_of(*input.parameters);
  Sums sums;
  for (const Example& dialogue : input.examples) read_dialogue(input, p, dialogue, sums);
  const Json& model = input.config.at("model");
  const std::string variant = model.at("variant");
  const double weight = input.config.at("training").at("weight_emotion"), tokens = sums.nll.count;
  const auto share = [](const reference::Mean& mean) { return mean.count == 0 ? std::nan("") : mean.value(); };
  TextbookPass pass{.losses = {{"generation", sums.nll.value()}}, .total = sums.nll.value()};
  if (sums.post_nll.count > 0) {
    pass.losses["generation_posts"] = sums.post_nll.value();
    pass.total =
        (tokens * sums.nll.value() + sums.post_nll.count * sums.post_nll.value()) / (tokens + sums.post_nll.count);
  }
  pass.figures = {{"perplexity_token", std::exp(sums.prior_nll.value())},
                  {"perplexity_macro", std::exp(sums.macro.value())},
                  {"dialogues", static_cast<double>(input.examples.size())},
                  {"turns", sums.turns},
                  {"target_tokens", tokens},
                  {"unk_share", sums.unknown / tokens}};
  if (variant == "emo_hred") {
    if (sums.speaker_loss.count > 0) pass.losses["emotion_speaker"] = sums.speaker_loss.value();
    if (model.at("listener_labels") && sums.listener_loss.count > 0)
      pass.losses["emotion_listener"] = sums.listener_loss.value();
    for (const char* name : {"emotion_speaker", "emotion_listener"})
      if (pass.losses.contains(name)) pass.total += weight * pass.losses[name];
    pass.figures["speaker_accuracy"] = share(sums.speaker_right);
    pass.figures["listener_accuracy"] = share(sums.listener_right);
    pass.figures["listener_turns"] = sums.listener_loss.count;
  }
  if (variant == "vhred") {
    pass.losses["divergence"] = sums.divergence / tokens;
    pass.total += sums.divergence / tokens;  // w = 1 in validation
    if (sums.bag_nll.count > 0) {
      pass.losses["bag_of_words"] = sums.bag_nll.value();
      pass.total += input.config.at("training").value("weight_bag_of_words", 1.0) * sums.bag_nll.value();
    }
    pass.figures["perplexity_bound"] = std::exp(sums.nll.value() + sums.divergence / tokens);
    pass.figures["divergence_per_reply"] = sums.divergence / sums.turns;
    if (input.latent_samples > 0) pass.figures["perplexity_importance"] = std::exp(-sums.log_likelihood / tokens);
  }
  return pass;
}

}  // namespace

ModelCases hred_cases() { return {.model = "hred", .cases = tiny_cases(), .textbook = textbook}; }

}  // namespace ethreed
