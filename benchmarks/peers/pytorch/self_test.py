#!/usr/bin/env python3
"""Tests the peer against itself: for each of the six variants, a fresh trace passes check_trace, and each kind of
damage to it is caught. Exit status 1 where a claim does not hold."""

import sys
import tempfile

import numpy

import bench_step
import check_trace
import ethreed_torch as model
import make_trace
import safetensors_io
import token_by_token

DIMS = "3,4,5,6,7,8,9,10"  # all different, so that a mistaken axis is a shape error


def fresh(switches, dtype="float64"):
  sizes = make_trace.sizes_from(DIMS, 13, 5, switches)
  return make_trace.make(sizes, switches, seed=1, dialogues=4, turns=3, width=7, dtype=dtype)


def passes(tensors, switches, recompute=model.recompute):
  try:
    rows, complaints = check_trace.check(tensors, switches, recompute=recompute)
  except check_trace.NotATrace:
    return False
  return not check_trace.failed(rows) and not complaints


def damaged(tensors, name, value):
  """A copy with one tensor replaced (None: removed)."""
  copy = {other: array for other, array in tensors.items() if other != name}
  if value is not None:
    copy[name] = value
  return copy


def with_element(array, index, value):
  copy = array.copy()
  copy[index] = value
  return copy


def output_damages(tensors, tolerance):
  """(what was done, the damaged trace) for every output of a trace and every kind of damage to it."""
  outputs = [name for name in tensors if not name.startswith(("param.", "batch.", "policy.noise"))]
  for name in outputs:
    array = tensors[name]
    peak = numpy.unravel_index(numpy.abs(array).argmax(), array.shape)
    # Ten tolerances of the scale that check_trace measures by, which for a small tensor is not its own.
    kind = [other for other in outputs if other.startswith("grad.")] if name.startswith("grad.") else []
    floor = check_trace.SMALLEST_SCALE * max((numpy.abs(tensors[other]).max() for other in kind), default=1.0)
    nudge = 10 * tolerance * max(abs(array[peak]), floor)
    yield f"{name} nudged by ten tolerances", damaged(tensors, name, with_element(array, peak, array[peak] + nudge))
    yield f"{name} with a NaN", damaged(tensors, name, with_element(array, peak, numpy.nan))
    yield f"{name} removed", damaged(tensors, name, None)
    yield f"{name} with one axis more", damaged(tensors, name, array[None])
  yield "a tensor of an unknown name", {**tensors, "grad.unknown": numpy.zeros(3, tensors["loss.total"].dtype)}


def input_damages(tensors):
  """The same for the parameters and the batch."""
  for name in [name for name in tensors if name.startswith("param.")]:
    array = tensors[name]
    row = 2 if name == "param.embedding.weight" else 0  # SOS, which every row reads; the pad's vector takes no part
    yield f"{name} changed", damaged(tensors, name, with_element(array, row, array[row] + 0.01))
    yield f"{name} removed", damaged(tensors, name, None)
  words, extended = tensors["batch.post"], tensors["batch.post_extended"]
  yield "a padded word that is not 0", damaged(tensors, "batch.post", with_element(words, (0, 2, 0), 4))
  yield "extended ids that leave one out", damaged(tensors, "batch.post_extended", extended + (extended >= 13))


def test_variant(name, switches):
  """Returns the claims that do not hold."""
  broken = []
  for dtype, tolerance in check_trace.TOLERANCE.items():
    tensors = fresh(switches, dtype)
    if not passes(tensors, switches):
      broken.append(f"{name} {dtype}: a fresh trace passes")
    truth = model.recompute(tensors, switches)  # damage to outputs does not change it
    tried = [(what, passes(trace, switches, lambda *_: truth)) for what, trace in output_damages(tensors, tolerance)]
    if dtype == "float64":  # where the effect of every parameter is far above the tolerance
      tried += [(what, passes(trace, switches)) for what, trace in input_damages(tensors)]
    broken += [f"{name} {dtype}: caught: {what}" for what, passed in tried if passed]
    print(f"{name:14} {dtype}: loss.total {float(tensors['loss.total']):.6f}, {len(tried)} damages tried")
  return broken


def test_variants_differ():
  """Each switch changes the result: a trace checked as another variant with the same parameters fails."""
  full = model.Switches()
  broken = []
  for names, other in ((["no_gps"], None), (["no_tracking"], None), ([], "no listener")):
    switches = full.without(names) if names else model.Switches(listener=False)
    label = other or names[0]
    if passes(fresh(full), switches) or passes(fresh(switches), full):
      broken.append(f"full and {label} are told apart")
  return broken


def test_padding(switches):
  """Values in padded places are reported but are no difference; check_trace --strict-padding makes them one."""
  tensors = fresh(switches)
  name = "tracker.content"
  dirty = damaged(tensors, name, with_element(tensors[name], (0, 2), 1.0))  # dialogue 0 has one turn
  rows, _ = check_trace.check(dirty, switches)
  noted = [row.name for row in rows if row.note]
  return [] if noted == [name] and not check_trace.failed(rows) else ["padded values are noted and pass"]


def test_file_and_switches(switches, name):
  """A trace survives the file bit by bit, and its switches are found from the metadata."""
  tensors = fresh(switches)
  with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
    safetensors_io.write(file.name, tensors, make_trace.metadata_of(switches))
    back, metadata = safetensors_io.read(file.name)
  same = set(back) == set(tensors) and all(
    back[key].dtype == tensors[key].dtype and back[key].shape == tensors[key].shape
    and back[key].tobytes() == tensors[key].tobytes() for key in tensors)
  found = check_trace.switches_from(back, metadata, None, False)
  broken = [] if same else [f"{name}: a trace survives the file"]
  return broken + ([] if found == switches else [f"{name}: switches are found from the metadata: {found}"])


def test_fast_models():
  """The models that bench_step times (packed, masked, batched, PyTorch's own GRU; and token by token) compute the same
  losses and gradients as the textbook, with which they share no line of the model. (One reading of the specification
  stands behind all: this finds slips, not misunderstandings.)"""
  tensors = fresh(model.Switches())
  broken = []
  for name, make_model in (("bench_step", bench_step.Model), ("token_by_token", token_by_token.Model),
                           ("token_by_token --project-memory", token_by_token.ProjectingModel)):
    worst = bench_step.compare_with_trace(make_model, tensors)
    print(f"{name}'s model: largest relative error of a loss or gradient {max(worst.values()):.2e}")
    broken += [f"{name} agrees with the textbook on {key} ({error:.2e})" for key, error in worst.items()
               if not error <= check_trace.TOLERANCE["float64"]]
  return broken


def main():
  broken = []
  for name in ("full",) + model.ABLATIONS:
    switches = model.Switches().without([] if name == "full" else [name])
    broken += test_variant(name, switches)
    broken += test_padding(switches)
    broken += test_file_and_switches(switches, name)
  broken += test_variants_differ()
  broken += test_fast_models()
  for claim in broken:
    print(f"does not hold: {claim}")
  print("self test: " + (f"{len(broken)} claims do not hold" if broken else "all claims hold"))
  return 1 if broken else 0


if __name__ == "__main__":
  sys.exit(main())
