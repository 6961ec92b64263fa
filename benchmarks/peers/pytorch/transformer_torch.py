"""The transformer blocks of MoEL, MIME, EmpDG and KEMP as the specification writes them, in PyTorch, the textbook way:
one sequence at a time at its true length, no padding and no masks but the causal one; every formula spelled out, no layer
of torch.nn. A peer to hold other implementations against, so it is written for the eye and not for the clock.

Parameters lie as in the C++ program's files: matrices [out, in], a convolution of three neighbours as one matrix
[out, 3 in] whose blocks of columns are the neighbours from left to right.
"""

import math
from dataclasses import dataclass

import torch

KERNEL = 3  # neighbours that a convolution reads
NORM_EPSILON = 1e-6


@dataclass(frozen=True)
class BlockSizes:
  width: int = 300  # d
  heads: int = 2
  depth: int = 40  # of queries, keys and values, all heads together
  inner: int = 50  # f, between the convolutions
  layers: int = 1


def ranges(offsets):
  """The rows of each sequence, as slices; `offsets` [sequences + 1] tells where each begins."""
  return [slice(int(begin), int(end)) for begin, end in zip(offsets[:-1], offsets[1:])]


def norm_shapes(width):
  return {"gamma": (width,), "beta": (width,)}


def attention_shapes(sizes):
  return {"query": (sizes.depth, sizes.width), "keys": (sizes.depth, sizes.width), "values": (sizes.depth, sizes.width),
          "output": (sizes.width, sizes.depth)}


def feed_forward_shapes(sizes):
  return {"inner.weight": (sizes.inner, KERNEL * sizes.width), "inner.bias": (sizes.inner,),
          "outer.weight": (sizes.width, KERNEL * sizes.inner), "outer.bias": (sizes.width,)}


def prefixed(prefix, shapes):
  return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def layer_shapes(sizes, source):
  """Of one layer: an encoder's, or a decoder's, which attends to a source, too."""
  shapes = prefixed("norm_self", norm_shapes(sizes.width))
  shapes.update(prefixed("self", attention_shapes(sizes)))
  if source:
    shapes.update(prefixed("norm_source", norm_shapes(sizes.width)))
    shapes.update(prefixed("source", attention_shapes(sizes)))
  shapes.update(prefixed("norm_feed_forward", norm_shapes(sizes.width)))
  shapes.update(prefixed("feed_forward", feed_forward_shapes(sizes)))
  return shapes


def stack_shapes(prefix, sizes, inputs, source):
  """Name -> shape of an encoder that reads rows of `inputs` numbers, or of a decoder (`source`)."""
  shapes = {"projection.weight": (sizes.width, inputs)}
  for layer in range(sizes.layers):
    shapes.update(prefixed(f"layers.{layer}", layer_shapes(sizes, source)))
  shapes.update(prefixed("norm", norm_shapes(sizes.width)))
  return prefixed(prefix, shapes)


def stack_sizes(shape_of, prefix, heads):
  """The sizes that a stack's parameters (name -> shape) imply; heads are in no shape. KeyError where one is absent."""
  layers = 0
  while f"{prefix}.layers.{layers}.self.query" in shape_of:
    layers += 1
  depth, width = shape_of[f"{prefix}.layers.0.self.query"]
  return BlockSizes(width=width, heads=heads, depth=depth, inner=shape_of[f"{prefix}.layers.0.feed_forward.inner.bias"][0],
                    layers=layers)


def timing_signal(length, width, like):
  """[length, width]: sin(t w_i) and behind all of them cos(t w_i), w_i = 10000^(-i / (width/2 - 1))."""
  half = width // 2
  rate = torch.tensor([10000.0 ** (-i / (half - 1)) for i in range(half)], dtype=torch.float64)
  angle = torch.arange(length, dtype=torch.float64)[:, None] * rate
  return torch.cat([torch.sin(angle), torch.cos(angle)], 1).to(like.dtype)


def norm(param, prefix, x):
  """LN by the unbiased deviation; epsilon is added to the deviation, not to the variance."""
  centred = x - x.mean(-1, keepdim=True)
  deviation = torch.sqrt((centred ** 2).sum(-1, keepdim=True) / (x.shape[-1] - 1))
  return param[f"{prefix}.gamma"] * centred / (deviation + NORM_EPSILON) + param[f"{prefix}.beta"]


def attention(param, prefix, heads, queries_from, keys_from, values_from, causal):
  """MHA of one sequence: [n, d], [m, d] and [m, d] -> ([n, d], logits averaged over heads [n, m], 0 where masked)."""
  query = queries_from @ param[f"{prefix}.query"].T
  keys = keys_from @ param[f"{prefix}.keys"].T
  values = values_from @ param[f"{prefix}.values"].T
  visible = torch.ones(len(query), len(keys), dtype=torch.bool)
  if causal:
    visible = visible.tril()
  contexts, logits = [], []
  for q, k, v in zip(query.chunk(heads, 1), keys.chunk(heads, 1), values.chunk(heads, 1)):
    logit = (q / math.sqrt(q.shape[1])) @ k.T
    weight = torch.softmax(torch.where(visible, logit, torch.full_like(logit, -1e18)), 1)
    contexts.append(weight @ v)
    logits.append(torch.where(visible, logit, torch.zeros_like(logit)))
  return torch.cat(contexts, 1) @ param[f"{prefix}.output"].T, torch.stack(logits).mean(0)


def convolution(param, prefix, x, left):
  """Y[t] = b + sum_k W_k X[t + k - left], X = 0 outside: [n, in] -> [n, out]."""
  n, inputs = x.shape
  zeros = x.new_zeros(KERNEL - 1, inputs)
  wide = torch.cat([zeros[:left], x, zeros[:KERNEL - 1 - left]])
  weight = param[f"{prefix}.weight"]
  return param[f"{prefix}.bias"] + sum(wide[k:k + n] @ weight[:, k * inputs:(k + 1) * inputs].T for k in range(KERNEL))


def feed_forward(param, prefix, x, causal):
  """Two convolutions with a ReLU behind **each**: what a layer adds is never negative."""
  left = KERNEL - 1 if causal else 1
  inner = torch.relu(convolution(param, f"{prefix}.inner", x, left))
  return torch.relu(convolution(param, f"{prefix}.outer", inner, left))


def enter(param, prefix, x):
  """P x + timing."""
  projected = x @ param[f"{prefix}.projection.weight"].T
  return projected + timing_signal(len(x), projected.shape[1], projected)


def encoder(param, prefix, sizes, x):
  """[n, inputs] -> [n, d]."""
  x = enter(param, prefix, x)
  for index in range(sizes.layers):
    layer = f"{prefix}.layers.{index}"
    normed = norm(param, f"{layer}.norm_self", x)
    x = x + attention(param, f"{layer}.self", sizes.heads, normed, normed, normed, causal=False)[0]
    x = x + feed_forward(param, f"{layer}.feed_forward", norm(param, f"{layer}.norm_feed_forward", x), causal=False)
  return norm(param, f"{prefix}.norm", x)


def decoder(param, prefix, sizes, x, source):
  """[m, inputs] and the encoder's output as it is [n, d] -> (states [m, d], the last layer's mean logits [m, n])."""
  x = enter(param, prefix, x)
  logits = None
  for index in range(sizes.layers):
    layer = f"{prefix}.layers.{index}"
    normed = norm(param, f"{layer}.norm_self", x)
    x = x + attention(param, f"{layer}.self", sizes.heads, normed, normed, normed, causal=True)[0]
    seen, logits = attention(param, f"{layer}.source", sizes.heads, norm(param, f"{layer}.norm_source", x), source, source,
                             causal=False)
    x = x + seen
    x = x + feed_forward(param, f"{layer}.feed_forward", norm(param, f"{layer}.norm_feed_forward", x), causal=True)
  return norm(param, f"{prefix}.norm", x), logits


def smoothed_targets(words, vocabulary, pad, smoothing):
  """p* [rows, V]: 1 - smoothing for the word, nothing for the pad, an equal share for every other. Where the vocabulary
  has no pad (None) it is one word more that shares."""
  others = vocabulary - (1 if pad is None else 2)
  wanted = torch.full((len(words), vocabulary), smoothing / others, dtype=torch.float64)
  wanted[torch.arange(len(words)), words] = 1 - smoothing
  if pad is not None:
    wanted[:, pad] = 0
  return wanted


def smoothed_loss(log_probability, words, pad, smoothing):
  """sum over rows and v of p*_v (log p*_v - log P_v), divided by nothing; [rows, V] log P. No row's word is the pad."""
  wanted = smoothed_targets(words, log_probability.shape[1], pad, smoothing).to(log_probability.dtype)
  return (torch.special.xlogy(wanted, wanted) - wanted * log_probability).sum()
