"""ETHREED as the specification writes it, in PyTorch, the textbook way.

A peer to hold other implementations against, so it is written for the eye and not for the clock: each dialogue is
computed by itself at its true length (no padding, no masks), one turn and one token at a time; the GRU cell is spelled
out; the mixture of equation (21) is a dense distribution over the extended vocabulary; gradients are by autograd.
Numbers in brackets are the equations of the paper. Dropout is off throughout, and the policy's noise is an input.
"""

from dataclasses import dataclass, replace

import torch

UNK, SOS = 1, 2

ABLATIONS = ("no_policy", "no_gps", "no_party", "no_emotion", "no_tracking")

LOSSES = ("loss.emotion_speaker", "loss.emotion_listener", "loss.policy", "loss.generation", "loss.coverage",
          "loss.total")


@dataclass(frozen=True)
class Switches:
  """What is on. `listener` is not an ablation: off means a run without any listener labels, where the listener term of
  (6) and the KL term (12) are both left out."""
  policy: bool = True
  gps: bool = True
  party: bool = True
  emotion: bool = True
  tracking: bool = True
  listener: bool = True

  def without(self, names):
    """A copy with the given ablations (names out of ABLATIONS) switched off."""
    for name in names:
      if name not in ABLATIONS:
        raise ValueError(f"'{name}' is not an ablation; known: {', '.join(ABLATIONS)}")
    return replace(self, **{name[len("no_"):]: False for name in names})

  @property
  def constraint(self):
    """Whether the KL term (12) takes part in the loss."""
    return self.policy and self.gps and self.listener


@dataclass(frozen=True)
class Sizes:
  vocabulary: int
  word: int = 300
  hidden: int = 300  # D_h, one direction of the encoder
  global_: int = 300
  party: int = 300
  emotion: int = 300
  content: int = 300
  decoder: int = 300
  classes: int = 32
  bottleneck: int = 300  # 0: the vocabulary layer reads the features directly


def gru_shapes(inputs, hidden, suffix=""):
  return {f"weight_ih{suffix}": (3 * hidden, inputs), f"weight_hh{suffix}": (3 * hidden, hidden),
          f"bias_ih{suffix}": (3 * hidden,), f"bias_hh{suffix}": (3 * hidden,)}


def parameter_shapes(sizes, switches):
  """Name -> shape of every parameter that the switched model has."""
  token = 2 * sizes.hidden
  emotion = sizes.emotion
  features = sizes.decoder + token + emotion
  shapes = {"embedding.weight": (sizes.vocabulary, sizes.word)}

  def add(prefix, entries):
    shapes.update({f"{prefix}.{name}": shape for name, shape in entries.items()})

  def linear(outputs, inputs):
    return {"weight": (outputs, inputs), "bias": (outputs,)}

  for suffix in ("_l0", "_l0_reverse"):
    add("encoder", gru_shapes(sizes.word, sizes.hidden, suffix))
  add("tracker.global", gru_shapes(token, sizes.global_))
  if switches.party:
    add("tracker.history_attention", {"weight": (token, sizes.global_)})
    add("tracker.party", gru_shapes(token + sizes.global_, sizes.party))
  if switches.emotion:
    add("tracker.emotion", gru_shapes(sizes.party if switches.party else sizes.global_, emotion))
  add("tracker.content", gru_shapes(sizes.global_, sizes.content))
  add("classifier", linear(sizes.classes, emotion))
  if switches.policy:
    for layer in ("state", "mean", "log_variance"):
      add(f"policy.{layer}", linear(emotion, emotion))
  add("decoder.content", linear(sizes.decoder, sizes.content))
  add("decoder.emotion", linear(emotion, emotion))
  add("decoder.gru", gru_shapes(sizes.word, sizes.decoder))
  add("decoder.attention", {"weight": (sizes.decoder, token), "bias": (1,), "coverage": (1,)})
  add("decoder.emotion_gate", {"weight": (sizes.decoder, emotion), "bias": (1,)})
  if sizes.bottleneck:
    add("decoder.bottleneck", linear(sizes.bottleneck, features))
  add("decoder.vocabulary", linear(sizes.vocabulary, sizes.bottleneck or features))
  add("decoder.pointer", linear(1, features))
  return shapes


def sizes_of(shape_of, switches):
  """The sizes that a set of parameters (name -> shape) implies. Raises KeyError with the name of one that is absent."""
  vocabulary, word = shape_of["embedding.weight"]
  hidden = shape_of["encoder.weight_hh_l0"][1]
  global_ = shape_of["tracker.global.weight_hh"][1]
  return Sizes(vocabulary=vocabulary, word=word, hidden=hidden, global_=global_,
               party=shape_of["tracker.party.weight_hh"][1] if switches.party else global_,
               emotion=shape_of["classifier.weight"][1], content=shape_of["tracker.content.weight_hh"][1],
               decoder=shape_of["decoder.gru.weight_hh"][1], classes=shape_of["classifier.weight"][0],
               bottleneck=shape_of["decoder.bottleneck.weight"][0] if "decoder.bottleneck.weight" in shape_of else 0)


def intermediate_names(switches):
  """The float tensors between the inputs and the losses that a trace of the switched model holds."""
  names = ["encoder.post_summary", "tracker.global_post"]
  if switches.party:
    names.append("tracker.party_post")
  names += ["tracker.emotion_post", "tracker.emotion_response", "tracker.content"]
  if switches.policy:
    names += ["policy.mean", "policy.log_variance"]
  return names + ["decoder.log_probability", "decoder.attention", "decoder.generation_gate"]


class Parameters:
  """Name -> tensor with the three layers of the model spelled out."""

  def __init__(self, tensors):
    self.tensors = tensors

  def __getitem__(self, name):
    return self.tensors[name]

  def linear(self, prefix, x):
    return x @ self[f"{prefix}.weight"].T + self[f"{prefix}.bias"]

  def gru_cell(self, prefix, x, h, suffix=""):
    """The cell of section 1: the reset gate acts after the recurrent product, each gate has two biases."""
    from_input = x @ self[f"{prefix}.weight_ih{suffix}"].T + self[f"{prefix}.bias_ih{suffix}"]
    from_state = h @ self[f"{prefix}.weight_hh{suffix}"].T + self[f"{prefix}.bias_hh{suffix}"]
    input_r, input_z, input_n = from_input.chunk(3)
    state_r, state_z, state_n = from_state.chunk(3)
    r = torch.sigmoid(input_r + state_r)
    z = torch.sigmoid(input_z + state_z)
    n = torch.tanh(input_n + r * state_n)
    return (1 - z) * n + z * h

  def zeros(self, size):
    return self["embedding.weight"].new_zeros(size)


def encode(param, words):
  """Section 2. words [n] -> token states h [n, 2 D_h], summary u [2 D_h]."""
  x = param["embedding.weight"][words]
  length = len(words)
  hidden = param["encoder.weight_hh_l0"].shape[1]
  forward, backward = [None] * length, [None] * length
  state = param.zeros(hidden)
  for j in range(length):
    state = forward[j] = param.gru_cell("encoder", x[j], state, "_l0")
  state = param.zeros(hidden)
  for j in reversed(range(length)):
    state = backward[j] = param.gru_cell("encoder", x[j], state, "_l0_reverse")
  h = torch.stack([torch.cat(pair) for pair in zip(forward, backward)])
  return h, torch.cat([forward[-1], backward[0]])


def attend_history(param, u, history):
  """(4) (3). An empty history gives zeros."""
  if not history:
    return param.zeros(param["tracker.global.weight_hh"].shape[1])
  g = torch.stack(history)
  score = g @ (u @ param["tracker.history_attention.weight"])
  return torch.softmax(score, 0) @ g


def track(param, switches, summaries):
  """Section 3. summaries: (u^P_t, u^R_t) for t = 1..T. Returns a list over t of dicts with the states of the turn."""
  def zeros_of(cell):
    return param.zeros(param[f"tracker.{cell}.weight_hh"].shape[1])

  g_response, c, history = zeros_of("global"), zeros_of("content"), []
  p_response = zeros_of("party") if switches.party else None
  e_post = e_response = zeros_of("emotion") if switches.emotion else None
  turns = []
  for u_post, u_response in summaries:
    g_post = param.gru_cell("tracker.global", u_post, g_response)  # (1)
    a_post = attend_history(param, u_post, history) if switches.party else None
    history.append(g_post)
    g_response = param.gru_cell("tracker.global", u_response, g_post)
    a_response = attend_history(param, u_response, history) if switches.party else None
    history.append(g_response)

    if switches.party:
      p_post = param.gru_cell("tracker.party", torch.cat([u_post, a_post]), p_response)  # (2)
      p_response = param.gru_cell("tracker.party", torch.cat([u_response, a_response]), p_post)
    else:
      p_post, p_response = g_post, g_response  # what GRU_e reads in place of p

    if not switches.emotion:
      e_post, e_response = p_post, p_response
    elif switches.tracking:
      e_post = param.gru_cell("tracker.emotion", p_post, e_post)  # (5), two chains
      e_response = param.gru_cell("tracker.emotion", p_response, e_response)
    else:
      e_post = param.gru_cell("tracker.emotion", p_post, e_response)  # one chain through both roles
      e_response = param.gru_cell("tracker.emotion", p_response, e_post)

    c = param.gru_cell("tracker.content", g_post, c)  # (7)
    turns.append({"global_post": g_post, "party_post": p_post, "emotion_post": e_post, "emotion_response": e_response,
                  "content": c})
  return turns


def policy(param, e_post, noise):
  """Section 4. Returns the sampled emotion, the mean and the log variance."""
  state = torch.tanh(param.linear("policy.state", e_post))  # (8), (11)
  mean = param.linear("policy.mean", state)  # (9)
  log_variance = param.linear("policy.log_variance", state)  # (10)
  return mean + torch.exp(log_variance / 2) * noise, mean, log_variance


def divergence(param, sampled, e_response):
  """(12) for one turn: KL(q || p), q and p by (13) and (14). The real reply constrains the policy, not the reverse:
  p passes no gradient, neither to e^R nor to the classifier."""
  log_q = torch.log_softmax(param.linear("classifier", sampled), 0)
  log_p = torch.log_softmax(param.linear("classifier", e_response), 0).detach()
  return torch.sum(torch.exp(log_q) * (log_q - log_p))


def decode(param, content, emotion, h, post_extended, target):
  """Section 5, one row under teacher forcing.

  content [D_c], emotion [D_e] (the sampled one), h [n, 2 D_h]; post_extended [n] and target [M] hold extended ids.
  Returns log P(y_i) [M], gamma [M, n], p_gen [M] and sum_ij min(cov_ij, gamma_ij), a scalar.
  """
  vocabulary = param["embedding.weight"].shape[0]
  state = torch.tanh(param.linear("decoder.content", content))  # s_0 = con
  emo = torch.tanh(param.linear("decoder.emotion", emotion))
  shifted = torch.cat([target.new_tensor([SOS]), target[:-1]])
  y = param["embedding.weight"][torch.where(shifted < vocabulary, shifted, torch.full_like(shifted, UNK))]

  coverage = param.zeros(len(post_extended))
  overlap = param.zeros(())
  features, attention, gates = [], [], []
  for i in range(len(target)):
    energy = torch.tanh(h @ (state @ param["decoder.attention.weight"])
                        + param["decoder.attention.coverage"] * coverage + param["decoder.attention.bias"])  # (18)
    gamma = torch.softmax(energy, 0)  # (17)
    context = gamma @ h  # (16)
    # (25). Not torch.minimum, which halves the gradient of a tie: the specification gives it to gamma.
    overlap = overlap + torch.where(coverage < gamma, coverage, gamma).sum()
    coverage = coverage + gamma  # (19), for the next step
    state = param.gru_cell("decoder.gru", y[i], state)  # (15)
    gate = torch.tanh(state @ param["decoder.emotion_gate.weight"] @ emo + param["decoder.emotion_gate.bias"])
    emo_i = gate * emo  # (20)
    features.append(torch.cat([state, context, emo_i]))
    attention.append(gamma)
    gates.append(torch.sigmoid(param.linear("decoder.pointer", torch.cat([context, state, emo_i])))[0])  # (23)

  attention, gates, hidden = torch.stack(attention), torch.stack(gates), torch.stack(features)
  if "decoder.bottleneck.weight" in param.tensors:
    hidden = param.linear("decoder.bottleneck", hidden)
  generated = torch.softmax(param.linear("decoder.vocabulary", hidden), 1)  # (22)

  extended = max(vocabulary, int(post_extended.max()) + 1)
  steps = len(target)
  generated = torch.cat([generated, generated.new_zeros(steps, extended - vocabulary)], 1)
  copied = torch.zeros_like(generated).index_add(1, post_extended, attention)  # a repeated word sums its weights
  mixture = gates[:, None] * generated + (1 - gates[:, None]) * copied  # (21)
  return torch.log(mixture[torch.arange(steps), target]), attention, gates, overlap


def mean_or_zero(values, zero):
  return torch.stack(values).mean() if values else zero


def forward(parameters, batch, noise, switches):
  """The loss of a batch and everything a trace records on the way.

  parameters: name -> tensor. batch: the `batch.*` tensors of a trace by name, padded. noise [B, T, D_e], not read
  without the policy. Returns name -> tensor under the names of a trace, padded with zeros, losses included.
  """
  param = Parameters(parameters)
  turns_of = batch["batch.turns"].tolist()
  classes_of_post, classes_of_response = batch["batch.emotion_post"], batch["batch.emotion_response"]
  place = {}  # (name, b, t) -> tensor
  speaker, listener, kl, log_probability, overlaps = [], [], [], [], []

  for b, turns in enumerate(turns_of):
    post_length = [int(n) for n in batch["batch.post_length"][b, :turns]]
    response_length = [int(n) for n in batch["batch.response_length"][b, :turns]]
    posts = [encode(param, batch["batch.post"][b, t, :post_length[t]]) for t in range(turns)]
    responses = [encode(param, batch["batch.response"][b, t, :response_length[t]]) for t in range(turns)]
    states = track(param, switches, [(posts[t][1], responses[t][1]) for t in range(turns)])

    for t in range(turns):
      e_post, e_response = states[t]["emotion_post"], states[t]["emotion_response"]
      log_class = torch.log_softmax(param.linear("classifier", e_post), 0)  # (6)
      speaker.append(-log_class[classes_of_post[b, t]])
      if switches.listener and classes_of_response[b, t] >= 0:
        log_class = torch.log_softmax(param.linear("classifier", e_response), 0)
        listener.append(-log_class[classes_of_response[b, t]])

      emotion = e_post
      if switches.policy:
        emotion, place["policy.mean", b, t], place["policy.log_variance", b, t] = policy(param, e_post, noise[b, t])
      if switches.constraint:
        kl.append(divergence(param, emotion, e_response))

      log_p, gamma, gates, overlap = decode(
        param, states[t]["content"], emotion, posts[t][0],
        batch["batch.post_extended"][b, t, :post_length[t]], batch["batch.target"][b, t, :response_length[t]])
      log_probability.append(log_p)
      overlaps.append(overlap)

      place["encoder.post_summary", b, t] = posts[t][1]
      for name in ("global_post", "party_post", "emotion_post", "emotion_response", "content"):
        place[f"tracker.{name}", b, t] = states[t][name]
      place["decoder.log_probability", b, t] = log_p
      place["decoder.attention", b, t] = gamma
      place["decoder.generation_gate", b, t] = gates

  zero = param.zeros(())
  tokens = sum(len(row) for row in log_probability)
  result = padded(place, switches, batch)
  result["loss.emotion_speaker"] = mean_or_zero(speaker, zero)
  result["loss.emotion_listener"] = mean_or_zero(listener, zero)
  result["loss.policy"] = mean_or_zero(kl, zero)  # (12)
  result["loss.generation"] = -torch.cat(log_probability).sum() / tokens  # (24)
  result["loss.coverage"] = torch.stack(overlaps).sum() / tokens  # (25)
  result["loss.total"] = sum(result[name] for name in LOSSES[:-1])  # (26)
  return result


def padded(place, switches, batch):
  """The values of single turns as [B, T, ...] tensors: utterance axes have the width of the batch, the rest is zero."""
  dialogues, turns, width = batch["batch.post"].shape
  result = {}
  for name in intermediate_names(switches):
    shape = place[name, 0, 0].shape
    if name.startswith("decoder."):
      shape = (width,) * len(shape)
    whole = place[name, 0, 0].new_zeros((dialogues, turns) + tuple(shape))
    for (other, b, t), value in place.items():
      if other == name:
        whole[(b, t) + tuple(slice(n) for n in value.shape)] = value.detach()
    result[name] = whole
  return result


def gradients(total, parameters):
  """d total / d parameter by name; a parameter that the loss does not reach has zeros."""
  found = torch.autograd.grad(total, list(parameters.values()), allow_unused=True)
  return {name: torch.zeros_like(value) if grad is None else grad
          for (name, value), grad in zip(parameters.items(), found)}


def recompute(tensors, switches, dtype=torch.float64):
  """Everything that a trace's `param.*`, `batch.*` and `policy.noise` determine, `grad.*` included, as numpy arrays."""
  parameters = {name[len("param."):]: torch.tensor(array, dtype=dtype, requires_grad=True)
                for name, array in tensors.items() if name.startswith("param.")}
  batch = {name: torch.tensor(array) for name, array in tensors.items() if name.startswith("batch.")}
  noise = torch.tensor(tensors["policy.noise"], dtype=dtype) if switches.policy else None
  result = forward(parameters, batch, noise, switches)
  grads = gradients(result["loss.total"], parameters)
  arrays = {name: value.detach().numpy() for name, value in result.items()}
  arrays.update({f"grad.{name}": grad.numpy() for name, grad in grads.items()})
  return arrays
