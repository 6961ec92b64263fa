#pragma once
// The textbook of the whole model: plain loops over double, one dialogue at a time, no batch, no pads, no tape, nothing
// shared with the engine. Written to be read beside the paper: numbers in brackets are its equations, section numbers
// those of the specification. Slow on purpose; probabilities are probabilities, and the mixture of (21) is dense.

#include "model/interface/textbook.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace ethreed::reference {

/// What an ablation leaves of the model (section 7). All true: the whole model.
struct Switches {
  bool policy = true;           ///< false: R̂ := e^P, no q, no L2
  bool divergence = true;       ///< false: L2 is not there
  bool party = true;            ///< false: GRU_e reads g; no history attention
  bool emotion_cell = true;     ///< false: e := p
  bool two_chains = true;       ///< false: one chain e^P_1, e^R_1, e^P_2, …
  bool unbounded = false;       ///< true: (18) without its tanh
  bool pooling = false;         ///< true: u is what attention takes from the tokens
  bool emotion_input = false;   ///< true: GRU_d reads [E[y_{i−1}] ; emo]
  bool content_input = false;   ///< true: it reads con, too, as the last
  bool deep_output = false;     ///< true: V₁ of (22) reads the word and con, too
  bool reversed = false;        ///< true: KL(p‖q) in (12)
  bool distributions = false;   ///< true: L1 of the replies against their labels' probabilities
  double smoothing = 0;         ///< ε of L1: 1 − ε on the label, ε/K on every class
  double noise_scale = 1;       ///< R̂ = μ + scale·σ ⊙ ε
  bool listener_labels = true;  ///< false: neither the listener half of L1 nor L2
};

/// Multipliers of d(·) for the states of one utterance; empty: no dropout.
struct Dropout {
  Vector global, party, emotion;
};

/// One turn: P_t and R_t as word ids, both ending in EOS, ids ≥ V outside the vocabulary.
struct Turn {
  std::vector<int> post, response;
  int emotion = -1, listener_label = -1;  ///< y^P and y^R; −1: none
  Vector listener_distribution;           ///< the probabilities of the emotions in R_t; empty: its label is certain
  Vector noise;                           ///< ε; empty: R̂ = μ
  Dropout post_dropout, response_dropout;
  Vector content_dropout;
};
using Dialogue = std::vector<Turn>;

/// What a dialogue is about, read as if it were the first post of one: word ids, EOS last.
struct Situation {
  std::vector<int> words;
  int emotion = -1;
};

// --- sections 3 and 4: tracking and policy ---------------------------------------------------------------------------

struct TurnState {
  Utterance post, response;
  Vector g_post, g_response, a_post, a_response, p_post, p_response, e_post, e_response, c;
  Vector mean, log_variance, reply;                      ///< μ, λ, R̂
  Vector speaker_logits, listener_logits, reply_logits;  ///< W_e e^P + b, W_e e^R + b, W_e R̂ + b
};

/// (4) and (3): what an utterance takes from the global states before it.
inline Vector attend_to_history(const Parameters& p, const Vector& u, const std::vector<Vector>& history) {
  Vector a(p.at("tracker.history_attention.weight").shape[1], 0.0);
  if (history.empty()) return a;
  Vector score;
  for (const Vector& g : history) score.push_back(bilinear(u, p.at("tracker.history_attention.weight"), g));
  const Vector beta = softmax(score);
  for (std::size_t k = 0; k < history.size(); ++k)
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += beta[k] * history[k][i];
  return a;
}

/// Section 2, or with u = Σ_j α_j h_j, α = softmax_j v·tanh(W h_j + b).
inline Utterance encode(const Parameters& p, const Switches& switches, const std::vector<int>& words) {
  Utterance out = encode(p, words);
  if (!switches.pooling) return out;
  Vector score;
  for (const Vector& h : out.states)
    score.push_back(product(p.at("encoder.attention.vector"), tanh_of(affine(p, "encoder.attention", h)))[0]);
  const Vector alpha = softmax(score);
  out.summary.assign(out.summary.size(), 0.0);
  for (std::size_t j = 0; j < alpha.size(); ++j)
    for (std::size_t k = 0; k < out.summary.size(); ++k) out.summary[k] += alpha[j] * out.states[j][k];
  return out;
}

/// Equations (1) to (5) and (7), turn after turn.
inline std::vector<TurnState> track_emotions(const Parameters& p, const Switches& switches, const Dialogue& dialogue) {
  std::vector<TurnState> states;
  std::vector<Vector> history;
  Vector g = zero_state(p, "tracker.global"), c = zero_state(p, "tracker.content"), party, e_post, e_response;
  if (switches.party) party = zero_state(p, "tracker.party");
  if (switches.emotion_cell) e_post = e_response = zero_state(p, "tracker.emotion");
  for (const Turn& turn : dialogue) {
    TurnState s;
    s.post = encode(p, switches, turn.post);
    s.response = encode(p, switches, turn.response);
    s.g_post = g = dropped(gru(p, "tracker.global", s.post.summary, g), turn.post_dropout.global);              // (1)
    s.g_response = g = dropped(gru(p, "tracker.global", s.response.summary, g), turn.response_dropout.global);  // (1)
    Vector x_post = s.g_post, x_response = s.g_response;
    if (switches.party) {
      s.a_post = attend_to_history(p, s.post.summary, history);
      history.push_back(s.g_post);
      s.a_response = attend_to_history(p, s.response.summary, history);
      history.push_back(s.g_response);
      party = dropped(gru(p, "tracker.party", joined({s.post.summary, s.a_post}), party), turn.post_dropout.party);
      s.p_post = x_post = party;  // (2)
      party = dropped(gru(p, "tracker.party", joined({s.response.summary, s.a_response}), party),
                      turn.response_dropout.party);
      s.p_response = x_response = party;  // (2)
    }
    if (switches.emotion_cell) {  // (5): one cell, two chains; or one chain
      const Vector& before_post = switches.two_chains ? e_post : e_response;
      e_post = dropped(gru(p, "tracker.emotion", x_post, before_post), turn.post_dropout.emotion);
      const Vector& before_response = switches.two_chains ? e_response : e_post;
      e_response = dropped(gru(p, "tracker.emotion", x_response, before_response), turn.response_dropout.emotion);
    } else {
      e_post = x_post;
      e_response = x_response;
    }
    s.e_post = e_post;
    s.e_response = e_response;
    s.c = c = dropped(gru(p, "tracker.content", s.g_post, c), turn.content_dropout);  // (7)
    states.push_back(s);
  }
  return states;
}

/// Equations (8) to (11) and the logits of (6), (13), (14).
inline void predict_reply_emotion(const Parameters& p, const Switches& switches, const Turn& turn, TurnState& s) {
  s.reply = s.e_post;
  if (switches.policy) {
    const Vector sta = tanh_of(affine(p, "policy.state", s.e_post));  // (8), (11)
    s.mean = s.reply = affine(p, "policy.mean", sta);                 // (9)
    s.log_variance = affine(p, "policy.log_variance", sta);           // (10)
    for (std::size_t i = 0; i < turn.noise.size(); ++i)
      s.reply[i] += switches.noise_scale * std::exp(s.log_variance[i] / 2) * turn.noise[i];
  }
  s.speaker_logits = affine(p, "classifier", s.e_post);
  s.listener_logits = affine(p, "classifier", s.e_response);
  s.reply_logits = affine(p, "classifier", s.reply);
}

inline std::vector<TurnState> read_dialogue(const Parameters& p, const Switches& switches, const Dialogue& dialogue) {
  std::vector<TurnState> states = track_emotions(p, switches, dialogue);
  for (std::size_t t = 0; t < states.size(); ++t) predict_reply_emotion(p, switches, dialogue[t], states[t]);
  return states;
}

/// W_e e^P_1 + b of a dialogue that begins with this post.
inline Vector first_post_logits(const Parameters& p, const Switches& switches, const std::vector<int>& words) {
  const Vector u = encode(p, switches, words).summary;
  Vector x = gru(p, "tracker.global", u, zero_state(p, "tracker.global"));  // (1)
  if (switches.party) {
    const Vector a(x.size(), 0.0);                                                // (3) of no history
    x = gru(p, "tracker.party", joined({u, a}), zero_state(p, "tracker.party"));  // (2)
  }
  if (switches.emotion_cell) x = gru(p, "tracker.emotion", x, zero_state(p, "tracker.emotion"));  // (5)
  return affine(p, "classifier", x);
}

// --- section 5: pointer decoder --------------------------------------------------------------------------------------

/// The decoder of one turn, a step at a time.
class Decoder {
 public:
  struct Step {
    Vector state;              ///< s_i
    Vector attention;          ///< γ_i
    Vector vocabulary;         ///< P_vocab
    Vector distribution;       ///< P over the extended vocabulary
    double generation_gate{};  ///< p_gen
    double coverage_loss{};    ///< Σ_j min(cov_ij, γ_ij)
  };

  Decoder(const Parameters& p, const Switches& switches, const TurnState& turn, const std::vector<int>& post)
      : p_(&p),
        unbounded_(switches.unbounded),
        emotion_input_(switches.emotion_input),
        content_input_(switches.content_input),
        deep_output_(switches.deep_output),
        vocabulary_(p.at("embedding.weight").shape[0]),
        states_(turn.post.states) {
    for (const int word : post) {
      if (word >= vocabulary_ && std::find(extra_.begin(), extra_.end(), word) == extra_.end()) extra_.push_back(word);
      source_.push_back(extended_id(word));
    }
    s_ = content_ = tanh_of(affine(p, "decoder.content", turn.c));  // s_0 = con
    emotion_ = tanh_of(affine(p, "decoder.emotion", turn.reply));   // emo
    coverage_.assign(source_.size(), 0.0);
  }

  /// The vocabulary id, else the extended id if the post has the word, else UNK.
  int extended_id(int word) const {
    if (word < vocabulary_) return word;
    const auto found = std::find(extra_.begin(), extra_.end(), word);
    return found == extra_.end() ? unknown : vocabulary_ + static_cast<int>(found - extra_.begin());
  }
  /// The word behind an extended id.
  int word(int extended) const { return extended < vocabulary_ ? extended : extra_[extended - vocabulary_]; }

  /// `previous` is y_{i−1}, an extended id or SOS.
  Step step(int previous) {
    Step out;
    const Vector before = s_;
    const Vector y = embedded(*p_, previous);
    Vector input = y;
    if (emotion_input_) input = joined({input, emotion_});
    if (content_input_) input = joined({input, content_});
    out.state = s_ = gru(*p_, "decoder.gru", input, before);  // (15)
    Vector energy;
    for (std::size_t j = 0; j < states_.size(); ++j) {  // (18)
      const double score = bilinear(before, p_->at("decoder.attention.weight"), states_[j]) +
                           p_->at("decoder.attention.coverage").values[0] * coverage_[j] +
                           p_->at("decoder.attention.bias").values[0];
      energy.push_back(unbounded_ ? score : std::tanh(score));
    }
    out.attention = softmax(energy);  // (17)
    Vector context(states_.front().size(), 0.0);
    for (std::size_t j = 0; j < states_.size(); ++j)  // (16)
      for (std::size_t k = 0; k < context.size(); ++k) context[k] += out.attention[j] * states_[j][k];
    Vector emotion = emotion_;
    const double gate = std::tanh(bilinear(s_, p_->at("decoder.emotion_gate.weight"), emotion_) +
                                  p_->at("decoder.emotion_gate.bias").values[0]);
    for (double& value : emotion) value *= gate;  // (20)
    Vector features = affine(*p_, "decoder.bottleneck", joined({s_, context, emotion}));
    if (deep_output_) {
      const Vector more = product(p_->at("decoder.deep_output.weight"), joined({y, content_}));
      for (std::size_t k = 0; k < features.size(); ++k) features[k] += more[k];
    }
    out.vocabulary = softmax(affine(*p_, "decoder.vocabulary", features));                             // (22)
    out.generation_gate = sigmoid(affine(*p_, "decoder.pointer", joined({context, s_, emotion}))[0]);  // (23)
    out.distribution = out.vocabulary;                                                                 // (21)
    for (double& probability : out.distribution) probability *= out.generation_gate;
    out.distribution.resize(static_cast<std::size_t>(vocabulary_) + extra_.size(), 0.0);
    for (std::size_t j = 0; j < source_.size(); ++j)
      out.distribution[source_[j]] += (1 - out.generation_gate) * out.attention[j];
    for (std::size_t j = 0; j < source_.size(); ++j) {
      out.coverage_loss += std::min(coverage_[j], out.attention[j]);  // the summand of (25)
      coverage_[j] += out.attention[j];                               // (19)
    }
    return out;
  }

 private:
  const Parameters* p_;
  bool unbounded_, emotion_input_, content_input_, deep_output_;
  int vocabulary_;
  std::vector<Vector> states_;
  std::vector<int> extra_, source_;
  Vector s_, content_, emotion_, coverage_;
};

struct DecodedTurn {
  std::vector<int> targets;  ///< extended ids
  std::vector<Decoder::Step> steps;
  Vector log_probability;  ///< of every target
};

/// Teacher forcing.
inline DecodedTurn decode(const Parameters& p, const Switches& switches, const TurnState& state, const Turn& turn) {
  Decoder decoder(p, switches, state, turn.post);
  DecodedTurn out;
  int previous = start;
  for (const int word : turn.response) {
    const int target = decoder.extended_id(word);
    out.steps.push_back(decoder.step(previous));
    out.targets.push_back(target);
    out.log_probability.push_back(std::log(out.steps.back().distribution[target]));
    previous = target;
  }
  return out;
}

// --- losses ----------------------------------------------------------------------------------------------------------

/// Weights of L1 … L4 in (26).
struct Weights {
  double emotion = 1, policy = 1, generation = 1, coverage = 1, copy = 0, situation = 0;
};

/// Terms that the data or the ablation does not have are not there.
struct Losses {
  std::optional<double> emotion_speaker, emotion_listener, policy, copy, situation;
  double generation = 0, coverage = 0, total = 0;
};

struct Result {
  std::vector<std::vector<TurnState>> states;     ///< by dialogue and turn
  std::vector<std::vector<DecodedTurn>> decoded;  ///< by dialogue and turn
  Losses losses;
};

/// The summand of (12): KL(q ‖ p) of two distributions given by their logits.
inline double divergence(const Vector& q_logits, const Vector& p_logits) {
  const Vector q = softmax(q_logits), p = softmax(p_logits);
  double sum = 0;
  for (std::size_t k = 0; k < q.size(); ++k) sum += q[k] * std::log(q[k] / p[k]);
  return sum;
}

/// −Σ_k p_k log softmax(logits)_k.
inline double cross_entropy(const Vector& logits, const Vector& p) {
  double sum = 0;
  for (std::size_t k = 0; k < p.size(); ++k) sum += p[k] * cross_entropy(logits, static_cast<int>(k));
  return sum;
}

/// The summand of (6), its label certain or smoothed; `p` are the label's probabilities, empty: it is certain.
inline double emotion_loss(const Switches& switches, const Vector& logits, int label, Vector p = {}) {
  if (p.empty()) {
    p.assign(logits.size(), 0.0);
    p[label] = 1;
  }
  for (double& share : p) share = (1 - switches.smoothing) * share + switches.smoothing / static_cast<double>(p.size());
  return cross_entropy(logits, p);
}

inline Losses sum_losses(const Switches& switches, const Weights& weights, int vocabulary,
                         const std::vector<Dialogue>& dialogues, const Result& result) {
  Mean speaker, listener, kl, nll, coverage, copy;
  for (std::size_t d = 0; d < dialogues.size(); ++d)
    for (std::size_t t = 0; t < dialogues[d].size(); ++t) {
      const Turn& turn = dialogues[d][t];
      const TurnState& s = result.states[d][t];
      if (turn.emotion >= 0) speaker.add(emotion_loss(switches, s.speaker_logits, turn.emotion));
      if (turn.listener_label >= 0)
        listener.add(emotion_loss(switches, s.listener_logits, turn.listener_label,
                                  switches.distributions ? turn.listener_distribution : Vector{}));
      kl.add(switches.reversed ? divergence(s.listener_logits, s.reply_logits)
                               : divergence(s.reply_logits, s.listener_logits));
      const DecodedTurn& decoded = result.decoded[d][t];
      for (std::size_t i = 0; i < decoded.targets.size(); ++i) {
        nll.add(-decoded.log_probability[i]);
        if (decoded.targets[i] >= vocabulary) copy.add(-decoded.log_probability[i]);
      }
      for (const Decoder::Step& step : result.decoded[d][t].steps) coverage.add(step.coverage_loss);
    }
  Losses losses;
  if (speaker.count > 0) losses.emotion_speaker = speaker.value();                                     // (6)
  if (listener.count > 0 && switches.listener_labels) losses.emotion_listener = listener.value();      // (6)
  if (switches.policy && switches.divergence && switches.listener_labels) losses.policy = kl.value();  // (12)
  losses.generation = nll.value();                                                                     // (24)
  losses.coverage = coverage.value();                                                                  // (25)
  if (weights.copy > 0 && copy.count > 0) losses.copy = copy.value();
  losses.total = weights.emotion * (losses.emotion_speaker.value_or(0) + losses.emotion_listener.value_or(0)) +
                 weights.policy * losses.policy.value_or(0) + weights.generation * losses.generation +
                 weights.coverage * losses.coverage + weights.copy * losses.copy.value_or(0);  // (26)
  return losses;
}

inline Result forward(const Parameters& p, const Switches& switches, const Weights& weights,
                      const std::vector<Dialogue>& dialogues, const std::vector<Situation>& situations = {}) {
  Result result;
  for (const Dialogue& dialogue : dialogues) {
    result.states.push_back(read_dialogue(p, switches, dialogue));
    std::vector<DecodedTurn>& turns = result.decoded.emplace_back();
    for (std::size_t t = 0; t < dialogue.size(); ++t)
      turns.push_back(decode(p, switches, result.states.back()[t], dialogue[t]));
  }
  result.losses = sum_losses(switches, weights, p.at("embedding.weight").shape[0], dialogues, result);
  Mean situation;
  for (const Situation& one : situations)
    if (one.emotion >= 0) situation.add(emotion_loss(switches, first_post_logits(p, switches, one.words), one.emotion));
  if (weights.situation > 0 && situation.count > 0) {
    result.losses.situation = situation.value();
    result.losses.total += weights.situation * situation.value();
  }
  return result;
}

}  // namespace ethreed::reference
