#!/usr/bin/env python3
"""Tests the PyTorch versions of MIME and of its transformer blocks against the specification and against each other:
counts of parameters, the traps that the specification names, finite differences, the textbook (one sequence at a time)
against the packed model that is timed, and damaged traces, each of which check_system_trace has to catch. Exit status 1
where a claim does not hold."""

import itertools
import json
import math
import sys
from dataclasses import replace

import numpy
import torch

import bench_mime
import block_torch
import check_system_trace
import mime_torch
import packed_transformer as packed
import transformer_torch as blocks
from self_test import damaged, output_damages, with_element

SMALL = blocks.BlockSizes(width=12, heads=2, depth=6, inner=5, layers=2)
SMALL_MIME = mime_torch.Sizes(vocabulary=11, word=7, block=replace(SMALL, layers=1), positive=3, negative=4)
VARIANTS = {"prior": ({}, {}), "posterior": ({}, {"decoder_sample": "posterior"}),
            "shared log variance": ({"shared_log_variance": True}, {}),
            "one encoder of mimicry": ({"one_mimicry_encoder": True}, {}),
            "no smoothing": ({}, {"smoothing": 0.0}), "means": ({}, {"sample": False})}


def count(shapes):
  return sum(math.prod(shape) for shape in shapes.values())


def random_parameters(shapes, seed):
  """Larger than an initialisation, so that no nonlinearity is near its linear part and no gradient is tiny."""
  generator = torch.Generator().manual_seed(seed)
  result = {}
  for name, shape in shapes.items():
    uniform = 2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1
    result[name] = uniform * (1.5 / shape[-1] ** 0.5 if len(shape) == 2 else 0.5) + name.endswith(".gamma")
  return result


def random_rows(seed, *shape):
  return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_counts():
  """Section 8 of the blocks and the table of MIME, to the last digit."""
  full, six = blocks.BlockSizes(), blocks.BlockSizes(layers=6)
  shapes = mime_torch.parameter_shapes(mime_torch.Sizes(24486))

  def part(*prefixes):
    return count({name: shape for name, shape in shapes.items() if name.startswith(prefixes)})
  marks = mime_torch.MARKS * 300  # that table counts them in V
  claims = {
    "attention": (count(blocks.attention_shapes(full)), 48_000), "norm": (count(blocks.norm_shapes(300)), 600),
    "feed-forward": (count(blocks.feed_forward_shapes(full)), 90_350),
    "encoder layer": (count(blocks.layer_shapes(full, False)), 139_550),
    "decoder layer": (count(blocks.layer_shapes(full, True)), 188_150),
    "encoder": (part("context."), 230_150), "decoder": (part("decoder."), 278_750),
    "encoder of six layers": (count(blocks.stack_shapes("x", six, 300, False)), 90_000 + 6 * 139_550 + 600),
    "encoders of mimicry": (part("mimicry.", "other_mimicry."), 640_300),
    "fusion": (part("fusion."), 540_900), "emotions": (part("emotions.", "classifier."), 99_600),
    "sampler, the posterior's logits apart": (part("prior.", "posterior.", "choice."), 1_192_564 - 9_632),
    "tables": (part("embedding.", "marks.", "output."), 601 * 24_486 + marks),
    "all that computes": (part(""), 601 * 24_486 + 3_082_465 - 100_201 - 9_632 + marks)}
  return [f"{name} has {wanted} parameters, not {found}" for name, (found, wanted) in claims.items() if found != wanted]


def test_traps():
  """What the specification's tables of traps name for the blocks."""
  broken = []

  def claim(holds, text):
    if not holds:
      broken.append(text)
  signal = blocks.timing_signal(3, 300, torch.empty(0, dtype=torch.float64))
  rates = [10000.0 ** (-i / 149) for i in range(150)]
  wanted = [math.sin(rate) for rate in rates] + [math.cos(rate) for rate in rates]
  claim(torch.equal(signal[0], torch.tensor([0.0] * 150 + [1.0] * 150)), "timing at t = 0 is zeros, then ones")
  claim(max(abs(float(signal[1, i]) - wanted[i]) for i in range(300)) < 1e-15, "timing at t = 1: sines, then cosines")

  x = torch.tensor([[1.0, 2.0, 4.0, 9.0]], dtype=torch.float64)
  normed = blocks.norm({"n.gamma": torch.ones(4), "n.beta": torch.zeros(4)}, "n", x)
  deviation = math.sqrt((9 + 4 + 0 + 25) / 3)  # of 4 - 1, not 4
  claim(abs(float(normed[0, 3]) - 5 / (deviation + 1e-6)) < 1e-15, "the deviation is unbiased, epsilon is added to it")

  param = random_parameters(blocks.layer_shapes(SMALL, True), 1)
  rows = random_rows(2, 6, SMALL.width)
  added = blocks.feed_forward(param, "feed_forward", rows, False)
  last = blocks.convolution(param, "feed_forward.outer",
                            torch.relu(blocks.convolution(param, "feed_forward.inner", rows, 1)), 1)
  claim(float(added.min()) >= 0 and float(last.min()) < 0, "the second ReLU is there")
  claim(torch.equal(added, torch.relu(last)), "and it is a ReLU")

  p = blocks.smoothed_targets(torch.tensor([3, 1]), 6, 0, 0.1)
  claim(torch.allclose(p.sum(1), torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-15) and not p[:, 0].any()
        and float(p[0, 3]) == 0.9 and abs(float(p[0, 1]) - 0.1 / 4) < 1e-15, "p* gives nothing to the pad and sums to 1")
  one = blocks.attention(param, "self", 2, rows[:1], rows[:1], rows[:1], False)[0]
  values = rows[:1] @ param["self.values"].T @ param["self.output"].T
  claim(torch.allclose(one, values, rtol=0, atol=1e-14), "attention to a single row returns its value")
  return broken


def test_causality():
  """A decoder's row sees no later row; an encoder's does; a convolution sees two rows back, or one on each side."""
  broken = []
  param = random_parameters(block_torch.parameter_shapes(SMALL, 12), 3)
  x, source = random_rows(4, 7, 12), random_rows(5, 4, 12)
  other = x.clone()
  other[4] += 1
  decoded, changed = (blocks.decoder(param, "decoder", SMALL, rows, source)[0] for rows in (x, other))
  same = (decoded == changed).all(1).tolist()
  if same != [True] * 4 + [False] * 3:
    broken.append(f"a decoder's rows that do not see row 4 are those before it: {same}")
  encoded, changed = (blocks.encoder(param, "encoder", SMALL, rows) for rows in (x, other))
  if (encoded == changed).all(1).any():
    broken.append("every row of an encoder sees row 4")
  for left, reach in ((2, [4, 5, 6]), (1, [3, 4, 5])):
    y, changed = (blocks.convolution(param, "encoder.layers.0.feed_forward.inner", rows, left) for rows in (x, other))
    found = (y != changed).any(1).nonzero()[:, 0].tolist()
    if found != reach:
      broken.append(f"a convolution with {left} zeros to its left changes rows {found}")
  return broken


def test_finite_differences():
  """The two functions with gradients by hand, and a whole loss of the textbook, which has none."""
  broken = []
  x = random_rows(6, 5, 9).requires_grad_()
  gamma, beta = random_rows(7, 9).requires_grad_(), random_rows(8, 9).requires_grad_()
  if not torch.autograd.gradcheck(packed.UnbiasedNorm.apply, (x, gamma, beta), eps=1e-6, atol=1e-7):
    broken.append("the gradient of the norm is that of finite differences")
  words = torch.tensor([3, 1, 8, 1, 5])
  for smoothing in (0.1, 0.0):
    def loss(logits, smoothing=smoothing):
      return 0.7 * packed.SmoothedLoss.apply(logits, words, 0, smoothing)
    analytic, = torch.autograd.grad(loss(x), x)  # once: the backward uses up what it saved, which gradcheck cannot bear
    numeric = torch.zeros_like(x)
    for place in numpy.ndindex(*x.shape):
      moved = torch.zeros_like(x)
      moved[place] = 1e-6
      numeric[place] = (loss(x.detach() + moved) - loss(x.detach() - moved)) / 2e-6
    if not torch.allclose(analytic, numeric, rtol=0, atol=1e-7):
      broken.append("the gradient of the smoothed loss is that of finite differences")
    wanted = 0.7 * blocks.smoothed_loss(torch.log_softmax(x, 1), words, 0, smoothing)
    if abs((loss(x) - wanted).item()) > 1e-12:
      broken.append("the smoothed loss is that of the textbook")

  tensors, trace = fresh_mime("prior")
  batch = mime_torch.batch_tensors(tensors, torch.float64)
  param = bench_mime.parameters_of(tensors, torch.float64)
  step, worst = 1e-6, 0.0
  for seed, name in enumerate(param):
    direction = random_rows(seed, *param[name].shape)

    def total(sign, name=name, direction=direction):
      moved = {**param, name: param[name] + sign * step * direction}
      with torch.no_grad():
        return float(mime_torch.forward(moved, trace.sizes, trace.settings, batch)["loss.total"])
    numeric = (total(1) - total(-1)) / (2 * step)
    analytic = float((torch.tensor(tensors[f"grad.{name}"]) * direction).sum())
    worst = max(worst, abs(numeric - analytic) / max(1, abs(analytic)))
  print(f"MIME: {len(param)} gradients along a direction each against central differences: {worst:.1e}")
  return broken + ([] if worst < 1e-6 else ["every gradient of MIME's loss is that of finite differences"])


def offsets_of(lengths):
  return numpy.concatenate([[0], numpy.cumsum(lengths)])


def fresh_block(sequences=4):
  """A trace of an encoder and a decoder; the first source and the second target are a single row."""
  random = numpy.random.default_rng(1)
  source, target = random.integers(2, 8, sequences), random.integers(2, 6, sequences)
  source[0] = target[1] = 1
  tensors = {f"param.{name}": value.numpy()
             for name, value in random_parameters(block_torch.parameter_shapes(SMALL, 7), 2).items()}
  tensors.update({"batch.source_offsets": offsets_of(source), "batch.target_offsets": offsets_of(target)})
  shapes = ((source.sum(), 7), (target.sum(), 7), (target.sum(), SMALL.width), ((source * target).sum(),))
  tensors.update({name: random.normal(0, 1, shape) for name, shape in zip(block_torch.INPUTS, shapes)})
  metadata = {"format": "ethreed trace of transformer blocks 1", "heads": "2"}
  trace = check_system_trace.trace_of(tensors, metadata)
  tensors.update(trace.recompute(tensors, torch.float64))
  return tensors, trace


def fresh_mime(variant, dtype="float64"):
  """A trace of five replies, among them a context of CLS alone and a target of one word, both groups of emotions."""
  of_sizes, of_settings = VARIANTS[variant]
  sizes, settings = replace(SMALL_MIME, **of_sizes), mime_torch.Settings(**of_settings)
  random = numpy.random.default_rng(3)
  batch = bench_mime.random_batch(random, 5, sizes, longest=(9, 6))
  tensors = {f"param.{name}": value.numpy().astype(dtype)
             for name, value in random_parameters(mime_torch.parameter_shapes(sizes), 4).items()}
  tensors.update(shortened(batch, sizes))
  for name in settings.noise_names:
    tensors[name] = random.normal(0, 1, (5, sizes.block.width)).astype(dtype)
  tensors.update({name: value.astype(dtype) for name, value in mime_torch.recompute(tensors, settings).items()})
  config = {"heads": settings.heads, "decoder_sample": settings.decoder_sample}
  metadata = {"format": "ethreed trace of mime 1", "config": json.dumps(config), "pad": str(settings.pad),
              "label_smoothing": str(settings.smoothing)}
  return tensors, check_system_trace.trace_of(tensors, metadata)


def shortened(batch, sizes):
  """The same with a first context of CLS alone, a second target of one word and emotions of both groups, which are not
  in the order of the classes."""
  batch = dict(batch)
  for what, row, names in (("context", 0, ("context_words", "context_states")), ("target", 1, ("inputs", "targets"))):
    offsets = batch[f"batch.{what}_offsets"]
    gone = numpy.arange(offsets[row] + 1, offsets[row + 1])
    for name in names:
      batch[f"batch.{name}"] = numpy.delete(batch[f"batch.{name}"], gone)
    batch[f"batch.{what}_offsets"] = offsets - len(gone) * (numpy.arange(len(offsets)) > row)
  batch["batch.positive_emotions"] = numpy.isin(numpy.arange(sizes.classes), [1, 2, 5]).astype(int)
  batch["batch.emotion"] = numpy.array([0, 5, 2, 6, 1])
  return batch


def passes(tensors, trace, recompute=None):
  try:
    rows, complaints = check_system_trace.check(tensors, trace, recompute=recompute)
  except check_system_trace.NotATrace:
    return False
  return not check_system_trace.failed(rows) and not complaints


def damages(tensors, trace, truth, tolerance):
  """(what was done, the damaged trace, whether its outputs must be computed anew)."""
  outputs = {key: value for key, value in tensors.items() if key in truth}
  for what, changed in output_damages(outputs, tolerance):
    yield what, {**{key: value for key, value in tensors.items() if key not in outputs}, **changed}, False
  if tolerance != 1e-9:
    return  # the effect of a parameter may be too small
  for key in trace.parameters:
    # Not all of it: a norm and a softmax do not see a constant that is added to all they read.
    gradient, array = tensors[f"grad.{key}"], tensors[f"param.{key}"]
    place = numpy.unravel_index(numpy.abs(gradient).argmax(), gradient.shape)
    yield f"{key} changed", damaged(tensors, f"param.{key}", with_element(array, place, array[place] + 0.01)), True
    yield f"{key} removed", damaged(tensors, f"param.{key}", None), False
  for key in trace.inputs:
    if tensors[key].dtype == numpy.float64:
      yield f"{key} changed", damaged(tensors, key, tensors[key] * 1.01), True


def test_damages(name, tensors, trace, tolerance=1e-9, every=1):
  """A fresh trace passes, and each kind of damage to an output, a parameter or an input is caught; `every` leaves some
  out, to save time where another variant has them all."""
  truth = trace.recompute(tensors, torch.float64)
  if not passes(tensors, trace):
    return [f"{name}: a fresh trace passes"]
  tried = [(what, passes(trace_, trace, None if anew else lambda *_: truth))
           for what, trace_, anew in itertools.islice(damages(tensors, trace, truth, tolerance), 0, None, every)]
  print(f"{name}: loss.total {float(tensors['loss.total']):.6f}, {len(tried)} damages tried", flush=True)
  return [f"{name}: caught: {what}" for what, passed in tried if passed]


def test_inputs_of_mime():
  """Inconsistent inputs are complained about."""
  tensors, trace = fresh_mime("prior")
  places = tensors["batch.context_offsets"]
  wrong = {"an emotion that is none": ("batch.emotion", 0, 7), "a context without positions": ("batch.context_offsets", 2, 1),
           "a target without its place among the inputs": ("batch.targets", 0, 12 - tensors["batch.targets"][0]),
           "a context without CLS": ("batch.context_words", places[1], 3),
           "CLS within a context": ("batch.context_words", places[1] + 1, 11),
           "a state without CLS": ("batch.context_states", places[1], 1),
           "a positive emotion more": ("batch.positive_emotions", 0, 1), "a word that is none": ("batch.targets", 3, 11)}
  return [f"caught: {what}" for what, (name, index, value) in wrong.items()
          if passes(damaged(tensors, name, with_element(tensors[name], index, value)), trace)]


def test_variants_differ():
  """Each setting changes the result: a trace checked under another one fails."""
  broken = []
  tensors, trace = fresh_mime("posterior")
  for what, settings in (("another number of heads", {"heads": 3}), ("another pad", {"pad": 1}),
                         ("another smoothing", {"smoothing": 0.2}), ("the prior's sample", {"decoder_sample": "prior"})):
    other = fresh_mime("posterior")[1]
    other.settings = replace(trace.settings, **settings)
    other.sizes = mime_torch.sizes_of(check_system_trace.shapes_of_parameters(tensors), other.settings)
    if passes(tensors, other):
      broken.append(f"caught: {what}")
  return broken


def test_alone():
  """A reply alone gives what it gives in a batch with longer ones."""
  tensors, trace = fresh_mime("prior")
  worst = 0.0
  for r in range(5):
    alone = {name: array[r:r + 1] if name.startswith(("noise.", "batch.emotion")) else array
             for name, array in tensors.items()}
    rows = {what: blocks.ranges(tensors[f"batch.{what}_offsets"])[r] for what in ("context", "target")}
    for what, names in (("context", ("context_words", "context_states")), ("target", ("inputs", "targets"))):
      alone.update({f"batch.{name}": tensors[f"batch.{name}"][rows[what]] for name in names})
      alone[f"batch.{what}_offsets"] = numpy.array([0, rows[what].stop - rows[what].start])
    result = mime_torch.recompute(alone, trace.settings)
    worst = max(worst, float(numpy.abs(result["decoder.states"] - tensors["decoder.states"][rows["target"]]).max()))
    errors = bench_mime.compare_with_trace({**alone, **result}, trace)
    worst = max([worst, *errors.values()])
  print(f"MIME, every reply alone, textbook and packed: largest error {worst:.1e}")
  return [] if worst < 1e-12 else [f"a reply does not depend on its batch ({worst:.1e})"]


def test_packed():
  """The models that are timed compute the textbook's losses and gradients. They share no formula with it but the timing
  signal."""
  broken = []
  for variant in ("prior", "no smoothing", "means"):
    errors = bench_mime.compare_with_trace(*fresh_mime(variant))
    print(f"bench_mime's model, {variant}: largest relative error of a loss or gradient {max(errors.values()):.2e}")
    broken += [f"bench_mime agrees with the textbook on {name} ({error:.2e})" for name, error in errors.items()
               if not error <= 1e-9]
  return broken


def main():
  broken = []
  for test in (test_counts, test_traps, test_causality, test_finite_differences, test_inputs_of_mime,
               test_variants_differ, test_alone, test_packed):
    broken += test()
  broken += test_damages("blocks", *fresh_block())
  for variant in VARIANTS:
    broken += test_damages(f"MIME, {variant}", *fresh_mime(variant), every=1 if variant == "prior" else 11)
  broken += test_damages("MIME, float32", *fresh_mime("prior", "float32"), tolerance=1e-4, every=11)
  for claim in broken:
    print(f"does not hold: {claim}")
  print("self test of the systems: " + (f"{len(broken)} claims do not hold" if broken else "all claims hold"))
  return 1 if broken else 0


if __name__ == "__main__":
  sys.exit(main())
