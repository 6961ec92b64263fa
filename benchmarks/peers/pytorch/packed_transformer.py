"""The transformer blocks of transformer_torch.py, written for speed: the rows of all sequences stand one behind the other
and only attention sees them padded, so that no product is made for a pad. Queries, keys and values are one product, a
convolution is one product whose results (or inputs, where those are narrower) are shifted, attention is PyTorch's
scaled_dot_product_attention where it has one. No loop over tokens or sequences.

A module lists where its parameters are in the files of the C++ program (`stored`): some lie fused.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

import transformer_torch as textbook


@dataclass
class Stored:
  """A parameter and its names in a file: parts one below the other, or (`taps`) [out, 3 in] held as [3, out, in]."""
  parameter: nn.Parameter
  names: tuple
  taps: bool = False

  def read(self, tensors):
    parts = [tensors[name] for name in self.names]
    value = torch.cat(parts) if len(parts) > 1 else parts[0]
    if self.taps:
      value = value.reshape(value.shape[0], textbook.KERNEL, -1).transpose(0, 1)
    with torch.no_grad():
      self.parameter.copy_(value)

  def gradients(self, shape_of):
    """(name, gradient) as the file has it."""
    value = self.parameter.grad
    if value is None:
      value = torch.zeros_like(self.parameter)
    if self.taps:
      value = value.transpose(0, 1)
      return [(self.names[0], value.reshape(value.shape[0], -1))]
    return list(zip(self.names, value.split([shape_of[name][0] for name in self.names])))


class Module(nn.Module):
  """One with a list of what it stores, its submodules' included."""

  def __init__(self):
    super().__init__()
    self.own = []

  def keep(self, attribute, shape, *names, taps=False):
    parameter = nn.Parameter(torch.empty(shape))
    setattr(self, attribute, parameter)
    self.own.append(Stored(parameter, names, taps))

  def stored(self):
    return [entry for module in self.modules() if isinstance(module, Module) for entry in module.own]

  def load(self, tensors):
    for entry in self.stored():
      entry.read(tensors)

  def gradients(self, tensors):
    """Name -> gradient under the names and in the shapes of a file's parameters."""
    shape_of = {name: value.shape for name, value in tensors.items()}
    return dict(pair for entry in self.stored() for pair in entry.gradients(shape_of))


class Rows:
  """Where each sequence is among packed rows, and everything that layers need to know of it."""

  def __init__(self, lengths, width, dtype=torch.float32):
    self.lengths = lengths
    self.batch, self.longest = len(lengths), int(lengths.max())
    place = torch.arange(self.longest)
    within = place < lengths[:, None]
    self.sequence = torch.arange(self.batch)[:, None].expand(-1, self.longest)[within]
    self.place = place.expand(self.batch, -1)[within]
    self.padded = self.sequence * self.longest + self.place  # row of the padded batch
    self.first = torch.cumsum(lengths, 0) - lengths
    self.visible = None if bool(within.all()) else within[:, None, None, :]  # keys that attention may see
    self.timing = textbook.timing_signal(self.longest, width, torch.empty(0, dtype=dtype))[self.place]
    after = (lengths[self.sequence] - 1 - self.place)[:, None]
    self.follows = {step: (self.place[:, None] >= step).to(dtype) for step in (1, 2)}  # rows that have one `step` before
    self.precedes = (after >= 1).to(dtype)

  def pad(self, x):
    """[rows, n] -> [batch, longest, n]."""
    whole = x.new_zeros(self.batch * self.longest, x.shape[1]).index_copy(0, self.padded, x)
    return whole.view(self.batch, self.longest, -1)

  def pack(self, x):
    return x.reshape(self.batch * self.longest, -1).index_select(0, self.padded)

  def before(self, x, step):
    """Row t - step of the same sequence at t, or zeros."""
    step_down = functional.pad(x[:-step], (0, 0, step, 0)) if len(x) > step else torch.zeros_like(x)
    return step_down * self.follows[step]

  def after(self, x):
    step_up = functional.pad(x[1:], (0, 0, 0, 1)) if len(x) > 1 else torch.zeros_like(x)
    return step_up * self.precedes

  def neighbours(self, left, middle, right, causal):
    """Of three [rows, n] each at its own place: t - 1, t, t + 1, or causal t - 2, t - 1, t."""
    if causal:
      return self.before(left, 2), self.before(middle, 1), right
    return self.before(left, 1), middle, self.after(right)

  def mean(self, x):
    """Over the rows of each sequence: [batch, n]."""
    total = x.new_zeros(self.batch, x.shape[1]).index_add(0, self.sequence, x)
    return total / self.lengths[:, None]


class UnbiasedNorm(torch.autograd.Function):
  """gamma (x - mean) / (s + epsilon) + beta with the unbiased deviation s, in few passes. (torch.std_mean takes longer
  than the three calls here.)"""

  @staticmethod
  def forward(ctx, x, gamma, beta):
    normed = x - x.mean(-1, keepdim=True)
    deviation = torch.linalg.vector_norm(normed, dim=-1, keepdim=True) / math.sqrt(x.shape[-1] - 1)
    scale = 1 / (deviation + textbook.NORM_EPSILON)
    normed *= scale
    ctx.save_for_backward(normed, scale, deviation, gamma)
    return torch.addcmul(beta, normed, gamma)

  @staticmethod
  def backward(ctx, gradient):
    normed, scale, deviation, gamma = ctx.saved_tensors
    along_rows = gradient * normed
    inner = gradient * gamma
    along = (along_rows @ gamma)[:, None] / ((inner.shape[-1] - 1) * deviation)
    of_x = (inner - inner.mean(-1, keepdim=True)).mul_(scale).addcmul_(normed, along, value=-1)
    return of_x, along_rows.sum(0), gradient.sum(0)


class Norm(Module):
  def __init__(self, prefix, width):
    super().__init__()
    self.keep("gamma", (width,), f"{prefix}.gamma")
    self.keep("beta", (width,), f"{prefix}.beta")

  def forward(self, x):
    return UnbiasedNorm.apply(x, self.gamma, self.beta)


def attend(query, keys, values, visible, causal):
  """[batch, heads, queries, n] -> the same; visible [batch, 1, 1, keys] or None."""
  if hasattr(functional, "scaled_dot_product_attention"):
    return functional.scaled_dot_product_attention(query, keys, values, attn_mask=visible, is_causal=causal)
  logits = (query / math.sqrt(query.shape[-1])) @ keys.transpose(-1, -2)  # before PyTorch 2.0
  if causal:
    visible = torch.ones(logits.shape[-2:], dtype=torch.bool).tril()
  if visible is not None:
    logits = logits.masked_fill(~visible, -1e18)
  return torch.softmax(logits, -1) @ values


class Attention(Module):
  """Self-attention, or (`source`) attention to other rows."""

  def __init__(self, prefix, sizes, source):
    super().__init__()
    self.heads, self.depth, self.source = sizes.heads, sizes.depth, source
    names = [f"{prefix}.{name}" for name in ("query", "keys", "values")]
    if source:
      self.keep("query", (sizes.depth, sizes.width), names[0])
      self.keep("keys_values", (2 * sizes.depth, sizes.width), *names[1:])
    else:
      self.keep("all", (3 * sizes.depth, sizes.width), *names)
    self.keep("output", (sizes.width, sizes.depth), f"{prefix}.output")

  def split(self, padded, parts):
    """[batch, n, parts depth] -> parts of [batch, heads, n, width]."""
    return padded.view(*padded.shape[:2], parts, self.heads, self.depth // self.heads).permute(2, 0, 3, 1, 4)

  def forward(self, x, rows, causal):
    query, keys, values = self.split(rows.pad(functional.linear(x, self.all)), 3)
    # With the causal mask no row of a sequence sees a pad: those come behind it.
    return self.finish(attend(query, keys, values, None if causal else rows.visible, causal), rows)

  def over(self, x, rows, source, source_rows):
    query = self.split(rows.pad(functional.linear(x, self.query)), 1)[0]
    keys, values = self.split(source_rows.pad(functional.linear(source, self.keys_values)), 2)
    return self.finish(attend(query, keys, values, source_rows.visible, False), rows)

  def finish(self, context, rows):
    return functional.linear(rows.pack(context.transpose(1, 2)), self.output)


class FeedForward(Module):
  def __init__(self, prefix, sizes):
    super().__init__()
    self.keep("inner", (textbook.KERNEL, sizes.inner, sizes.width), f"{prefix}.inner.weight", taps=True)
    self.keep("inner_bias", (sizes.inner,), f"{prefix}.inner.bias")
    self.keep("outer", (sizes.width, textbook.KERNEL * sizes.inner), f"{prefix}.outer.weight")
    self.keep("outer_bias", (sizes.width,), f"{prefix}.outer.bias")

  def forward(self, x, rows, causal):
    taps = functional.linear(x, self.inner.flatten(0, 1)).chunk(textbook.KERNEL, 1)
    left, middle, right = rows.neighbours(*taps, causal)
    inner = torch.relu(left + middle + right + self.inner_bias)
    window = torch.cat(rows.neighbours(inner, inner, inner, causal), 1)
    return torch.relu(functional.linear(window, self.outer, self.outer_bias))


class Layer(Module):
  def __init__(self, prefix, sizes, source):
    super().__init__()
    self.norm_self = Norm(f"{prefix}.norm_self", sizes.width)
    self.attention = Attention(f"{prefix}.self", sizes, False)
    if source:
      self.norm_source = Norm(f"{prefix}.norm_source", sizes.width)
      self.source = Attention(f"{prefix}.source", sizes, True)
    self.norm_feed_forward = Norm(f"{prefix}.norm_feed_forward", sizes.width)
    self.feed_forward = FeedForward(f"{prefix}.feed_forward", sizes)

  def forward(self, x, rows, source=None, source_rows=None):
    causal = source is not None
    x = x + self.attention(self.norm_self(x), rows, causal)
    if causal:
      x = x + self.source.over(self.norm_source(x), rows, source, source_rows)
    return x + self.feed_forward(self.norm_feed_forward(x), rows, causal)


class Stack(Module):
  """An encoder, or a decoder (`source`)."""

  def __init__(self, prefix, sizes, inputs, source=False):
    super().__init__()
    self.keep("projection", (sizes.width, inputs), f"{prefix}.projection.weight")
    self.layers = nn.ModuleList(Layer(f"{prefix}.layers.{i}", sizes, source) for i in range(sizes.layers))
    self.norm = Norm(f"{prefix}.norm", sizes.width)

  def forward(self, x, rows, beside=None, source=None, source_rows=None):
    """Rows x; `beside` [batch, n]: what every row of a sequence reads beside its own, projected once a sequence."""
    own = x.shape[1]
    projected = functional.linear(x, self.projection[:, :own])
    if beside is not None:
      projected = projected + functional.linear(beside, self.projection[:, own:]).index_select(0, rows.sequence)
    x = projected + rows.timing
    for layer in self.layers:
      x = layer(x, rows, source, source_rows)
    return self.norm(x)


class SmoothedLoss(torch.autograd.Function):
  """transformer_torch.smoothed_loss from logits; the log probabilities turn into the gradient where they lie."""

  @staticmethod
  def forward(ctx, logits, words, pad, smoothing):
    log_probability = torch.log_softmax(logits, 1)
    share = smoothing / (logits.shape[1] - 2)
    picked = log_probability.gather(1, words[:, None]).sum()
    others = log_probability.sum() - picked - log_probability[:, pad].sum()
    entropy = (1 - smoothing) * math.log(1 - smoothing) + (smoothing * math.log(share) if smoothing > 0 else 0)
    ctx.save_for_backward(log_probability, words)
    ctx.pad, ctx.smoothing, ctx.share = pad, smoothing, share
    return len(words) * entropy - (1 - smoothing) * picked - share * others

  @staticmethod
  def backward(ctx, gradient):
    log_probability, words = ctx.saved_tensors
    result = log_probability.exp_().sub_(ctx.share)
    result[:, ctx.pad] += ctx.share
    result[torch.arange(len(words)), words] += ctx.share - (1 - ctx.smoothing)
    if gradient != 1:
      result *= gradient
    return result, None, None, None
