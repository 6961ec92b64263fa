"""MIME (Majumder et al., EMNLP 2020) as the specification writes it, in PyTorch, the textbook way: every reply and its
context alone, at their true lengths. Blocks are those of transformer_torch.py; gradients are by autograd; the noise is an
input. A batch is ragged: R replies, C positions of all contexts, N target tokens, K emotions.

  batch.context_offsets, batch.target_offsets [R + 1]   where each reply's part begins
  batch.context_words [C]                               ids below V, and V for CLS
  batch.context_states [C]                              0 CLS, 1 the speaker's, 2 the listener's
  batch.inputs, batch.targets [N]                       ids below V; SOS and the targets before, the targets
  batch.emotion [R], batch.positive_emotions [K]        1 for a positive one
  noise.prior_positive, noise.prior_negative [R, d]     absent where the means are taken
  noise.posterior_positive, noise.posterior_negative    where the posterior's sample is decoded
"""

from dataclasses import dataclass

import torch

import transformer_torch as blocks

MARKS = 3  # CLS, USR, SYS
GROUPS = ("positive", "negative")
DECODER_SAMPLES = ("prior", "posterior")
LOSSES = ("loss.generation", "loss.divergence_positive", "loss.divergence_negative", "loss.emotion_speaker",
          "loss.total")


@dataclass(frozen=True)
class Settings:
  """What no parameter's name or shape tells."""
  heads: int = 2
  pad: int = 0  # the word that has no share in what is smoothed
  smoothing: float = 0.1
  decoder_sample: str = "prior"  # whose sample reaches the decoder in training
  sample: bool = True  # False: means in place of samples

  @property
  def noise_names(self):
    sides = ("prior",) if self.decoder_sample == "prior" else ("prior", "posterior")
    return [f"noise.{side}_{group}" for side in sides for group in GROUPS] if self.sample else []


@dataclass(frozen=True)
class Sizes:
  vocabulary: int
  word: int = 300
  block: blocks.BlockSizes = blocks.BlockSizes()
  positive: int = 13
  negative: int = 19
  shared_log_variance: bool = False  # as released: that of the positive group serves the negative one, too
  one_mimicry_encoder: bool = False

  @property
  def classes(self):
    return self.positive + self.negative


def parameter_shapes(sizes):
  """Name -> shape of every parameter."""
  d = sizes.block.width
  shapes = {"embedding.weight": (sizes.vocabulary, sizes.word), "marks.weight": (MARKS, sizes.word)}

  def add_linear(name, outputs, inputs):
    shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs), (outputs,)

  def add_gaussian(side):
    for group in GROUPS:
      add_linear(f"{side}.{group}_mean", d, d)
      if group == "positive" or not sizes.shared_log_variance:
        add_linear(f"{side}.{group}_log_variance", d, d)

  shapes.update(blocks.stack_shapes("context", sizes.block, sizes.word, False))
  shapes["emotions.weight"] = (sizes.classes, d)  # E_E
  shapes["classifier.weight"] = (d, d)  # W_E
  add_linear("prior.hidden", d, d)
  add_gaussian("prior")
  for group in GROUPS:
    add_linear(f"posterior.{group}_hidden", d, 2 * d)
  add_gaussian("posterior")
  for group in GROUPS:
    add_linear(f"choice.{group}", getattr(sizes, group), d)
  shapes.update(blocks.stack_shapes("mimicry", sizes.block, 2 * d, False))
  if not sizes.one_mimicry_encoder:
    shapes.update(blocks.stack_shapes("other_mimicry", sizes.block, 2 * d, False))
  add_linear("fusion.gate", 2 * d, 2 * d)
  add_linear("fusion.output", d, 2 * d)
  shapes.update(blocks.stack_shapes("decoder", sizes.block, sizes.word, True))
  add_linear("output", sizes.vocabulary, d)
  return shapes


def sizes_of(shape_of, settings):
  """The sizes that a set of parameters (name -> shape) implies. KeyError with the name of one that is absent."""
  vocabulary, word = shape_of["embedding.weight"]
  return Sizes(vocabulary=vocabulary, word=word, block=blocks.stack_sizes(shape_of, "context", settings.heads),
               positive=shape_of["choice.positive.bias"][0], negative=shape_of["choice.negative.bias"][0],
               shared_log_variance="prior.negative_log_variance.weight" not in shape_of,
               one_mimicry_encoder="other_mimicry.projection.weight" not in shape_of)


def linear(param, name, x):
  return x @ param[f"{name}.weight"].T + param[f"{name}.bias"]


def embed(param, ids):
  """Rows of the table of words and marks, times the root of their width."""
  table = torch.cat([param["embedding.weight"], param["marks.weight"]])
  return table.shape[1] ** 0.5 * table[ids]


def gaussian(param, sizes, side, states):
  """Means and log variances of both groups; states: group -> [d]."""
  mean = {group: linear(param, f"{side}.{group}_mean", states[group]) for group in GROUPS}
  owner = {group: "positive" if sizes.shared_log_variance else group for group in GROUPS}
  log_variance = {group: linear(param, f"{side}.{owner[group]}_log_variance", states[owner[group]]) for group in GROUPS}
  return mean, log_variance


def emotions_from(param, mean, log_variance, noise, classes):
  """For each group the mixture of its classes' rows of the table, weighted by a distribution out of a sample."""
  vector = {}
  for group in GROUPS:
    sample = mean[group] + (torch.exp(log_variance[group] / 2) * noise[group] if noise else 0)
    distribution = torch.softmax(linear(param, f"choice.{group}", sample), 0)
    vector[group] = distribution @ param["emotions.weight"][classes[group]]
  return vector


def divergence(mean_q, log_variance_q, mean_p, log_variance_p):
  """KL(q || p) of two diagonal Gaussians."""
  return 0.5 * (log_variance_p - log_variance_q
                + (torch.exp(log_variance_q) + (mean_q - mean_p) ** 2) / torch.exp(log_variance_p) - 1).sum()


def forward_reply(param, sizes, settings, reply):
  """One reply: tensors of a batch without its axis, cut to their lengths. Returns name -> value of the trace."""
  classes = reply["classes"]
  first_mark = param["embedding.weight"].shape[0]
  source = embed(param, reply["words"]) + embed(param, first_mark + reply["states"])
  h = blocks.encoder(param, "context", sizes.block, source)
  first = h[0]  # of CLS
  logits = param["emotions.weight"] @ (param["classifier.weight"] @ first)

  state = torch.relu(linear(param, "prior.hidden", first))
  mean_p, log_variance_p = gaussian(param, sizes, "prior", {group: state for group in GROUPS})
  vector = emotions_from(param, mean_p, log_variance_p, reply["noise"]["prior"], classes)

  own, other = GROUPS if int(reply["emotion"]) in classes["positive"].tolist() else GROUPS[::-1]

  def conditioned(name, emotion):
    """An encoder over [H_i ; m] for all positions i."""
    return blocks.encoder(param, name, sizes.block, torch.cat([h, emotion.expand(len(h), -1)], 1))

  def both_encoders(vectors):
    return (conditioned("mimicry", vectors[own]),
            conditioned("mimicry" if sizes.one_mimicry_encoder else "other_mimicry", vectors[other]))

  mimicry, other_mimicry = both_encoders(vector)
  mean_over = {own: mimicry.mean(0), other: other_mimicry.mean(0)}
  states = {group: torch.relu(linear(param, f"posterior.{group}_hidden", torch.cat([first, mean_over[group]])))
            for group in GROUPS}
  mean_q, log_variance_q = gaussian(param, sizes, "posterior", states)
  if settings.decoder_sample == "posterior":
    sampled = emotions_from(param, mean_q, log_variance_q, reply["noise"]["posterior"], classes)
    mimicry, other_mimicry = both_encoders(sampled)

  both = torch.cat([mimicry, other_mimicry], 1)
  fused = linear(param, "fusion.output", torch.sigmoid(linear(param, "fusion.gate", both)) * both)
  decoded, _ = blocks.decoder(param, "decoder", sizes.block, embed(param, reply["inputs"]), fused)
  log_probability = torch.log_softmax(linear(param, "output", decoded), 1)

  result = {"context.input": source, "context.states": h, "classifier.logits": logits}
  for group in GROUPS:
    result.update({
      f"emotion.{group}": vector[group],
      f"prior.{group}_mean": mean_p[group], f"prior.{group}_log_variance": log_variance_p[group],
      f"posterior.{group}_mean": mean_q[group], f"posterior.{group}_log_variance": log_variance_q[group],
      f"loss.divergence_{group}": divergence(mean_q[group], log_variance_q[group], mean_p[group],
                                             log_variance_p[group])})
  result.update({"mimicry.states": mimicry, "other_mimicry.states": other_mimicry, "fusion.states": fused,
                 "decoder.states": decoded,
                 "decoder.nll": -log_probability.gather(1, reply["targets"][:, None])[:, 0],
                 "loss.generation": blocks.smoothed_loss(log_probability, reply["targets"], settings.pad,
                                                         settings.smoothing),
                 "loss.emotion_speaker": -torch.log_softmax(logits, 0)[reply["emotion"]]})
  return result


BY_ROW = ("context.input", "context.states", "mimicry.states", "other_mimicry.states", "fusion.states", "decoder.states",
          "decoder.nll")  # the rest has one value for each reply


def replies_of(batch):
  """Each reply of a batch by itself."""
  positive = batch["batch.positive_emotions"]
  classes = {"positive": (positive == 1).nonzero()[:, 0], "negative": (positive == 0).nonzero()[:, 0]}
  sources, targets = (blocks.ranges(batch[f"batch.{what}_offsets"]) for what in ("context", "target"))
  for r, (source, target) in enumerate(zip(sources, targets)):
    yield {"words": batch["batch.context_words"][source], "states": batch["batch.context_states"][source],
           "inputs": batch["batch.inputs"][target], "targets": batch["batch.targets"][target],
           "emotion": batch["batch.emotion"][r], "classes": classes,
           "noise": {side: {group: batch[f"noise.{side}_{group}"][r] for group in GROUPS
                            if f"noise.{side}_{group}" in batch} for side in DECODER_SAMPLES}}


def forward(param, sizes, settings, batch):
  """Name -> tensor of everything a trace records behind the inputs, losses included: generation and divergences are sums
  over the batch, the emotion's loss is a mean over its replies."""
  replies = [forward_reply(param, sizes, settings, reply) for reply in replies_of(batch)]
  result = {}
  for name in replies[0]:
    values = [reply[name] for reply in replies]
    if name in BY_ROW:
      result[name] = torch.cat(values)
    else:
      result[name] = torch.stack(values)
      if name.startswith("loss."):
        result[name] = result[name].mean() if name == "loss.emotion_speaker" else result[name].sum()
  result["loss.total"] = sum(result[name] for name in LOSSES[:-1])
  return result


def batch_tensors(tensors, dtype):
  """The inputs of a trace (name -> numpy array) as PyTorch's tensors."""
  batch = {name: torch.tensor(array) for name, array in tensors.items() if name.startswith("batch.")}
  batch.update({name: torch.tensor(array, dtype=dtype) for name, array in tensors.items() if name.startswith("noise.")})
  return batch


def recompute(tensors, settings, dtype=torch.float64):
  """Everything that a trace's parameters, batch and noise determine, gradients included, as numpy arrays."""
  param = {name[len("param."):]: torch.tensor(array, dtype=dtype, requires_grad=True)
           for name, array in tensors.items() if name.startswith("param.")}
  sizes = sizes_of({name: tuple(value.shape) for name, value in param.items()}, settings)
  result = forward(param, sizes, settings, batch_tensors(tensors, dtype))
  arrays = {name: value.detach().numpy() for name, value in result.items()}
  arrays.update(gradients(result["loss.total"], param))
  return arrays


def gradients(total, param):
  """`grad.<name>` of every parameter as numpy arrays; of one that the loss does not reach, zeros."""
  found = torch.autograd.grad(total, list(param.values()), allow_unused=True)
  return {f"grad.{name}": (torch.zeros_like(value) if grad is None else grad).numpy()
          for (name, value), grad in zip(param.items(), found)}
