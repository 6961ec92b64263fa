#!/usr/bin/env python3
"""Times a training step of MIME in PyTorch with good practice: packed rows, one look-up of all words, what a sequence
reads beside each row projected once, one vocabulary product over the real targets whose log probabilities turn into the
gradient in place, fused Adam (see packed_transformer.py).

A step is forward, backward and update, fresh noise included; batches are laid out before. With --check FILE it times
nothing and compares its losses and gradients with a trace instead. FILE is a trace or what `bench_partner step --model
mime --write` wrote: parameters and many batches. With --serve it speaks the protocol of partner.py.
"""

import argparse
import inspect
import json
import statistics
import sys
import time

import numpy
import torch
from torch.nn import functional

import check_system_trace
import mime_torch as textbook
import packed_transformer as packed
import partner
import safetensors_io
from bench_step import batches_in, blas
from check_trace import SMALLEST_SCALE, TOLERANCE

WARM_UP_STEPS = 8000


class Linear(packed.Module):
  def __init__(self, prefix, outputs, inputs, bias=True):
    super().__init__()
    self.keep("weight", (outputs, inputs), f"{prefix}.weight")
    self.bias = None
    if bias:
      del self.bias
      self.keep("bias", (outputs,), f"{prefix}.bias")

  def forward(self, x):
    return functional.linear(x, self.weight, self.bias)


class Model(packed.Module):
  """The decoder reads the prior's sample: what `released` trains."""

  def __init__(self, sizes, settings):
    super().__init__()
    if sizes.shared_log_variance or sizes.one_mimicry_encoder or settings.decoder_sample != "prior":
      raise ValueError("only MIME with a log variance of its own in each group, two encoders of mimicry and the prior's "
                       "sample is written for speed")
    d = sizes.block.width
    self.settings, self.sizes = settings, sizes
    self.keep("table", (sizes.vocabulary + textbook.MARKS, sizes.word), "embedding.weight", "marks.weight")
    self.context = packed.Stack("context", sizes.block, sizes.word)
    self.keep("emotions", (sizes.classes, d), "emotions.weight")
    self.classifier = Linear("classifier", d, d, bias=False)
    self.prior_hidden = Linear("prior.hidden", d, d)
    # The four layers that read the prior's state are one product.
    kinds = [f"prior.{group}_{what}" for group in textbook.GROUPS for what in ("mean", "log_variance")]
    self.keep("prior", (4 * d, d), *(f"{name}.weight" for name in kinds))
    self.keep("prior_bias", (4 * d,), *(f"{name}.bias" for name in kinds))
    self.hidden, self.posterior, self.choice = (torch.nn.ModuleDict() for _ in range(3))
    for group in textbook.GROUPS:
      self.hidden[group] = Linear(f"posterior.{group}_hidden", d, 2 * d)
      self.posterior[group] = torch.nn.ModuleDict(
        {what: Linear(f"posterior.{group}_{what}", d, d) for what in ("mean", "log_variance")})
      self.choice[group] = Linear(f"choice.{group}", getattr(sizes, group), d)
    self.mimicry = packed.Stack("mimicry", sizes.block, 2 * d)
    self.other_mimicry = packed.Stack("other_mimicry", sizes.block, 2 * d)
    self.gate = Linear("fusion.gate", 2 * d, 2 * d)
    self.fusion = Linear("fusion.output", d, 2 * d)
    self.decoder = packed.Stack("decoder", sizes.block, sizes.word, source=True)
    self.output = Linear("output", sizes.vocabulary, d)

  def forward(self, batch):
    """Name -> loss. batch: of lay_out; without `noise` it is drawn, if the settings sample."""
    rows, targets, words = batch["rows"], batch["target_rows"], batch["words"]
    count = len(rows.place)
    looked_up = functional.embedding(words, self.table) * self.sizes.word ** 0.5
    source = looked_up[:count] + looked_up[count:2 * count]
    h = self.context(source, rows)
    first = h.index_select(0, rows.first)
    logits = functional.linear(self.classifier(first), self.emotions)

    hidden = torch.relu(self.prior_hidden(first))
    parts = functional.linear(hidden, self.prior, self.prior_bias).chunk(4, 1)
    prior = dict(zip(textbook.GROUPS, zip(parts[::2], parts[1::2])))
    vector = {}
    for group, (mean, log_variance) in prior.items():
      sample = mean
      if self.settings.sample:
        noise = batch["noise"][group] if "noise" in batch else torch.randn_like(mean)
        sample = mean + torch.exp(log_variance / 2) * noise
      choice = torch.softmax(self.choice[group](sample), 1)
      vector[group] = choice @ self.emotions.index_select(0, batch["classes"][group])

    positive = batch["positive"]
    own = torch.where(positive, vector["positive"], vector["negative"])
    other = torch.where(positive, vector["negative"], vector["positive"])
    same, different = self.mimicry(h, rows, own), self.other_mimicry(h, rows, other)
    mean_same, mean_different = rows.mean(same), rows.mean(different)
    built = {"positive": torch.where(positive, mean_same, mean_different),
             "negative": torch.where(positive, mean_different, mean_same)}
    losses = {}
    for group, (mean, log_variance) in prior.items():
      state = torch.relu(self.hidden[group](torch.cat([first, built[group]], 1)))
      mean_q, log_variance_q = (self.posterior[group][what](state) for what in ("mean", "log_variance"))
      terms = (log_variance - log_variance_q - 1
               + (torch.exp(log_variance_q) + (mean_q - mean) ** 2) * torch.exp(-log_variance))
      losses[f"loss.divergence_{group}"] = 0.5 * terms.sum()

    both = torch.cat([same, different], 1)
    fused = self.fusion(torch.sigmoid(self.gate(both)) * both)
    states = self.decoder(looked_up[2 * count:], targets, source=fused, source_rows=rows)
    losses["loss.generation"] = packed.SmoothedLoss.apply(self.output(states), batch["targets"], self.settings.pad,
                                                          self.settings.smoothing)
    losses["loss.emotion_speaker"] = functional.cross_entropy(logits, batch["emotion"])
    return losses


def lay_out(tensors, sizes, dtype=torch.float32):
  """A batch's tensors (name -> numpy array) as the model reads them; noise is taken along where there is any."""
  value = {name: torch.tensor(array) for name, array in tensors.items() if name.startswith("batch.")}
  rows, targets = (packed.Rows(value[f"batch.{what}_offsets"].diff(), sizes.block.width, dtype)
                   for what in ("context", "target"))
  positive = value["batch.positive_emotions"]
  batch = {"rows": rows, "target_rows": targets, "emotion": value["batch.emotion"], "targets": value["batch.targets"],
           "words": torch.cat([value["batch.context_words"], sizes.vocabulary + value["batch.context_states"],
                               value["batch.inputs"]]),
           "classes": {"positive": positive.nonzero()[:, 0], "negative": (1 - positive).nonzero()[:, 0]},
           "positive": positive[value["batch.emotion"]][:, None] == 1}
  if "noise.prior_positive" in tensors:
    batch["noise"] = {group: torch.tensor(tensors[f"noise.prior_{group}"], dtype=dtype) for group in textbook.GROUPS}
  return batch


def parameters_of(tensors, dtype=torch.float32):
  return {name[len("param."):]: torch.tensor(array, dtype=dtype) for name, array in tensors.items()
          if name.startswith("param.")}


def compare_with_trace(tensors, trace):
  """Name -> error of each loss and gradient relative to its scale, in double."""
  parameters = parameters_of(tensors, torch.float64)
  model = Model(trace.sizes, trace.settings).double()
  model.load(parameters)
  losses = model(lay_out(tensors, trace.sizes, torch.float64))
  losses["loss.total"] = sum(losses.values())
  losses["loss.total"].backward()
  found = {**losses, **{f"grad.{name}": value for name, value in model.gradients(parameters).items()}}
  largest = max(numpy.abs(array).max() for name, array in tensors.items() if name.startswith("grad."))
  errors = {}
  for name, value in found.items():
    expected = tensors[name].astype(numpy.float64)
    floor = SMALLEST_SCALE * (largest if name.startswith("grad.") else 1.0)
    errors[name] = numpy.abs(value.detach().numpy() - expected).max() / max(numpy.abs(expected).max(), floor)
  return errors


def adam(parameters):
  """The fastest Adam this PyTorch has, as the systems' common recipe sets it."""
  options = {"lr": 1e-4, "betas": (0.9, 0.98), "eps": 1e-9}
  parameters = list(parameters)
  for kind in ("fused", "foreach"):
    if kind in inspect.signature(torch.optim.Adam).parameters:
      try:  # an older PyTorch fuses on GPUs alone
        return torch.optim.Adam(parameters, **options, **{kind: True}), kind
      except RuntimeError:
        pass
  return torch.optim.Adam(parameters, **options), "plain"


class Steps:
  """Training steps on some batches, in turn."""

  def __init__(self, model, width, batches, compiled):
    self.optimizer, self.adam = adam(model.parameters())
    self.forward = torch.compile(model, dynamic=True) if compiled else model
    self.width, self.batches, self.step = width, batches, 0

  def run(self):
    """Milliseconds of a step: on the wall, and of processor time over all threads."""
    start, cpu_start = time.perf_counter(), time.process_time()
    self.optimizer.zero_grad(set_to_none=True)
    sum(self.forward(self.batches[self.step % len(self.batches)]).values()).backward()
    self.step += 1
    rate = self.width ** -0.5 * min(self.step ** -0.5, self.step * WARM_UP_STEPS ** -1.5)
    for group in self.optimizer.param_groups:
      group["lr"] = rate
    self.optimizer.step()
    return 1e3 * (time.perf_counter() - start), 1e3 * (time.process_time() - cpu_start)


def random_batch(random, replies, sizes, longest=(373, 114)):
  """Lengths of EmpatheticDialogues' contexts and replies: medians 30 and 12.5, log-normal. As make_trace has them, SOS
  is 2 and words begin at 4."""
  lengths = [numpy.clip(numpy.exp(random.normal(numpy.log(median), spread, replies)).round(), 1, most).astype(int)
             for median, spread, most in ((30, 0.6, longest[0]), (12.5, 0.55, longest[1]))]
  sources, targets = (numpy.concatenate([[0], numpy.cumsum(length)]) for length in lengths)
  batch = {"batch.context_offsets": sources, "batch.target_offsets": targets,
           "batch.context_words": random.integers(4, sizes.vocabulary, sources[-1]),
           "batch.context_states": random.integers(1, textbook.MARKS, sources[-1]),
           "batch.targets": random.integers(4, sizes.vocabulary, targets[-1]),
           "batch.emotion": random.integers(0, sizes.classes, replies),
           "batch.positive_emotions": (numpy.arange(sizes.classes) < sizes.positive).astype(int)}
  batch["batch.context_words"][sources[:-1]] = sizes.vocabulary
  batch["batch.context_states"][sources[:-1]] = 0
  batch["batch.inputs"] = numpy.roll(batch["batch.targets"], 1)
  batch["batch.inputs"][targets[:-1]] = 2
  return batch


def random_parameters(sizes, seed):
  """As a run starts: Xavier's uniform numbers for matrices (a convolution's fans count its kernel)."""
  generator = torch.Generator().manual_seed(seed)
  result = {}
  for name, shape in textbook.parameter_shapes(sizes).items():
    uniform = 2 * torch.rand(shape, generator=generator) - 1
    if name in ("embedding.weight", "marks.weight"):
      result[name] = 0.01 * torch.randn(shape, generator=generator)
    elif len(shape) == 2:
      kernel = textbook.blocks.KERNEL if ".feed_forward." in name else 1
      result[name] = uniform * (6 / (shape[1] + kernel * shape[0])) ** 0.5
    else:
      result[name] = torch.ones(shape) if name.endswith(".gamma") else (
        torch.zeros(shape) if name.endswith(".beta") else 0.05 * uniform)
  return result


def parse_arguments():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("file", nargs="?", help="take parameters and batches from this file (default: random)")
  parser.add_argument("--check", action="store_true", help="compare with the trace's losses and gradients, time nothing")
  parser.add_argument("--serve", action="store_true", help="take turns with another program: peers/alternate.py")
  parser.add_argument("--compile", action="store_true", help="the model through torch.compile")
  parser.add_argument("--steps", type=int, default=20)
  parser.add_argument("--warm-up", type=int, default=3)
  parser.add_argument("--threads", type=int, help="default: PyTorch's own choice")
  parser.add_argument("--vocabulary", type=int, default=24500, help="of random batches")
  parser.add_argument("--replies", type=int, default=16, help="of random batches")
  parser.add_argument("--batches", type=int, default=20, help="how many different random batches")
  parser.add_argument("--seed", type=int, default=1)
  return parser.parse_args()


def check(tensors, metadata):
  trace = check_system_trace.trace_of(tensors, metadata)
  if not isinstance(trace, check_system_trace.Mime):
    raise check_system_trace.NotATrace("it is no trace of MIME")
  errors = compare_with_trace(tensors, trace)
  tolerance = TOLERANCE[str(tensors["loss.total"].dtype)]
  bad = {name: error for name, error in errors.items() if not error <= tolerance}
  print(f"{len(errors)} losses and gradients compared, largest relative error {max(errors.values()):.2e}")
  for name, error in bad.items():
    print(f"DIFFERS: {name} {error:.2e}")
  return 1 if bad else 0


def read_file(path):
  """Parameters, sizes, settings and batches of what bench_partner wrote, or of a trace."""
  tensors, metadata = safetensors_io.read(path)
  if "config" not in metadata:
    raise ValueError("its metadata have no config: it is neither a trace of MIME nor of bench_partner --model mime")
  config = json.loads(metadata["config"])
  settings = textbook.Settings(heads=int(config["heads"]), pad=int(metadata["pad"]),
                               smoothing=float(metadata["label_smoothing"]), decoder_sample=config["decoder_sample"])
  parameters = parameters_of(tensors)
  sizes = textbook.sizes_of({name: tuple(value.shape) for name, value in parameters.items()}, settings)
  return parameters, sizes, settings, batches_in(tensors)


def main():
  arguments = parse_arguments()
  if arguments.threads:
    torch.set_num_threads(arguments.threads)
  if arguments.check and not arguments.file:
    print("bench_mime: --check needs a trace", file=sys.stderr)
    return 2
  torch.manual_seed(arguments.seed)
  try:
    if arguments.check:
      return check(*safetensors_io.read(arguments.file))
    if arguments.file:
      parameters, sizes, settings, inputs = read_file(arguments.file)
    else:
      settings, sizes = textbook.Settings(), textbook.Sizes(arguments.vocabulary)
      parameters = random_parameters(sizes, arguments.seed)
      random = numpy.random.default_rng(arguments.seed)
      inputs = [random_batch(random, arguments.replies, sizes) for _ in range(arguments.batches)]
    return bench(arguments, parameters, sizes, settings, inputs)
  except (OSError, ValueError, KeyError, check_system_trace.NotATrace) as error:
    print(f"bench_mime: {arguments.file}: {error}", file=sys.stderr)
    return 2


def bench(arguments, parameters, sizes, settings, inputs):
  model = Model(sizes, settings)
  model.load(parameters)
  batches = [lay_out(batch, sizes) for batch in inputs]
  for batch in batches:
    batch.pop("noise", None)
  tokens = statistics.mean(len(batch["targets"]) for batch in batches)
  positions = statistics.mean(len(batch["rows"].place) for batch in batches)
  count = sum(value.numel() for value in model.parameters())
  steps = Steps(model, sizes.block.width, batches, arguments.compile)
  style = f"PyTorch {torch.__version__}, good practice" + (", compiled" if arguments.compile else "")
  if arguments.serve:
    for _ in batches:
      steps.run()
    partner.serve({"name": style, "threads": torch.get_num_threads(), "batches": len(batches), "target_tokens": tokens,
                   "parameters": count, "adam": steps.adam, "blas": blas()}, lambda: {"step": steps.run()[0]})
    return 0
  print(f"{style}, {torch.get_num_threads()} threads, BLAS: {blas()}, Adam: {steps.adam}")
  print(f"{count / 1e6:.2f} M parameters, V {sizes.vocabulary}; {len(batches)} batches of {positions:.0f} positions and "
        f"{tokens:.0f} target tokens in the mean")
  times, cpu_times = map(sorted, zip(*[steps.run() for _ in range(arguments.warm_up + arguments.steps)][
    arguments.warm_up:]))
  print(f"{statistics.median(times):.2f} ms/step (median of {len(times)}; fastest {times[0]:.2f}, slowest "
        f"{times[-1]:.2f}), {statistics.median(cpu_times):.2f} ms of processor time, "
        f"{1e3 * tokens / statistics.median(times):.0f} target tokens/s")
  return 0


if __name__ == "__main__":
  sys.exit(main())
