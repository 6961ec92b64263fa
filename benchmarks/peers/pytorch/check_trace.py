#!/usr/bin/env python3
"""Recomputes a trace (`ethreed trace`) in PyTorch from its parameters, batch and noise; compares every other tensor.

Exit status: 0 all agree; 1 something differs, is missing or is not expected; 2 the file cannot be read as a trace.
"""

import argparse
import sys
import time
from dataclasses import dataclass

import numpy
import torch

import ethreed_torch as model
import safetensors_io

INPUTS = {"batch.turns": "B", "batch.post": "BTL", "batch.post_length": "BT", "batch.response": "BTL",
          "batch.response_length": "BT", "batch.post_extended": "BTL", "batch.target": "BTL",
          "batch.emotion_post": "BT", "batch.emotion_response": "BT"}

# What a trace may hold although the switched-off part has no value there: allowed where it is zero, and never needed.
OPTIONAL = {"party": ("tracker.party_post",), "policy": ("policy.mean", "policy.log_variance")}

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}

# An error is measured against the largest value of its tensor, but never against less than this: states, probabilities
# and losses are of order one, and a gradient that is zero but for rounding (attention over a single token) has no scale
# of its own; its neighbours' scale, the largest gradient of the file, is what rounding errors follow.
SMALLEST_SCALE = 1e-3


@dataclass
class Row:
  name: str
  shape: tuple
  absolute: float = float("nan")
  relative: float = float("nan")
  verdict: str = "ok"
  note: str = ""


class NotATrace(Exception):
  pass


def switches_from(tensors, metadata, ablations, no_listener):
  """What the run had on. The flags decide where given, then the metadata (`ablation`, `listener`), then the names of
  the parameters, which tell no_policy, no_party and no_emotion but never no_gps or no_tracking."""
  if ablations is None and metadata.get("ablation"):
    ablations = metadata["ablation"]
  if ablations is None:
    sign = {"no_policy": "param.policy.", "no_party": "param.tracker.party.", "no_emotion": "param.tracker.emotion."}
    ablations = ",".join(ablation for ablation, prefix in sign.items()
                         if not any(name.startswith(prefix) for name in tensors))
  names = [name for name in ablations.split(",") if name not in ("", "full", "none")]
  listener = not no_listener and metadata.get("listener", "true").lower() not in ("false", "0", "off", "none", "no")
  return model.Switches(listener=listener).without(names)


def input_shapes(tensors, emotion_size, switches):
  """Name -> shape of the inputs, from the one tensor that has all three axes."""
  if "batch.post" not in tensors or tensors["batch.post"].ndim != 3:
    raise NotATrace("it has no batch.post [B, T, L]")
  axis = dict(zip("BTL", tensors["batch.post"].shape))
  shapes = {name: tuple(axis[letter] for letter in axes) for name, axes in INPUTS.items()}
  if switches.policy:
    shapes["policy.noise"] = (axis["B"], axis["T"], emotion_size)
  return shapes


def valid_places(name, shape, tensors):
  """Boolean array of `shape`: where a padded tensor has a value."""
  turns = tensors["batch.turns"]
  valid = numpy.zeros(shape, bool)
  for b, count in enumerate(turns):
    for t in range(count):
      post, response = tensors["batch.post_length"][b, t], tensors["batch.response_length"][b, t]
      if name == "decoder.attention":
        valid[b, t, :response, :post] = True
      elif name in ("batch.post", "batch.post_extended"):
        valid[b, t, :post] = True
      elif name.startswith("decoder.") or name in ("batch.response", "batch.target"):
        valid[b, t, :response] = True
      else:
        valid[b, t] = True
  return valid


def words_of_row(post, extended, response, target, vocabulary):
  """Complaint about the extended ids of one row, or None."""
  def plain(ids):
    return numpy.where(ids < vocabulary, ids, model.UNK)
  if extended.min() < 0 or target.min() < 0:
    return "negative word id"
  if not numpy.array_equal(post, plain(extended)):
    return "batch.post is not batch.post_extended with UNK for ids >= V"
  if not numpy.array_equal(response, plain(target)):
    return "batch.response is not batch.target with UNK for ids >= V"
  new = list(dict.fromkeys(int(word) for word in extended if word >= vocabulary))
  if new != list(range(vocabulary, vocabulary + len(new))):
    return f"extended ids {new} are not V = {vocabulary}, V+1, ... in order of first appearance"
  if target.max() >= vocabulary + len(new):
    return f"batch.target has id {target.max()}, the row's extended vocabulary ends at {vocabulary + len(new) - 1}"
  return None


def input_complaints(tensors, vocabulary, classes):
  """What is wrong with the values of the inputs (their shapes are right already)."""
  dialogues, turn_axis, width = tensors["batch.post"].shape
  turns = tensors["batch.turns"]
  if turns.size == 0 or turns.min() < 1 or turns.max() > turn_axis:
    return [f"batch.turns must lie in [1, {turn_axis}]"]
  valid = valid_places("batch.post_length", (dialogues, turn_axis), tensors)
  for name in ("batch.post_length", "batch.response_length"):
    lengths = tensors[name][valid]
    if lengths.min() < 1 or lengths.max() > width:
      return [f"{name} must lie in [1, {width}] for every turn"]
  complaints = []
  for name, least in (("batch.emotion_post", 0), ("batch.emotion_response", -1)):
    labels = tensors[name][valid]
    if labels.min() < least or labels.max() >= classes:
      complaints.append(f"{name} must lie in [{least}, {classes - 1}] for every turn")
  for b in range(dialogues):
    for t in range(turns[b]):
      post, response = tensors["batch.post_length"][b, t], tensors["batch.response_length"][b, t]
      wrong = words_of_row(tensors["batch.post"][b, t, :post], tensors["batch.post_extended"][b, t, :post],
                           tensors["batch.response"][b, t, :response], tensors["batch.target"][b, t, :response],
                           vocabulary)
      if wrong:
        complaints.append(f"row b={b} t={t}: {wrong}")
  return complaints


def compare(name, found, expected, valid, tolerance, floor):
  """Row of the table for one tensor of the right shape."""
  row = Row(name, found.shape)
  difference = numpy.abs(found[valid].astype(numpy.float64) - expected[valid])
  scale = max(float(numpy.abs(expected[valid]).max(initial=0.0)), floor)
  row.absolute = float(difference.max(initial=0.0))  # a NaN anywhere makes this NaN, which passes no comparison
  row.relative = row.absolute / scale
  if not row.relative <= tolerance:
    row.verdict = "DIFFERS"
  outside = found[~valid]
  if not numpy.all(outside == 0):
    what = "NaN" if numpy.isnan(outside.astype(numpy.float64)).any() else "non-zero"
    row.note = f"padded places hold {what} values"
  return row


def check(tensors, switches, dtype="float64", tolerance=None, recompute=model.recompute):
  """Compares a trace with its recomputation. Returns (rows, complaints about inputs); raises NotATrace."""
  parameters = {name[len("param."):]: array for name, array in tensors.items() if name.startswith("param.")}
  kinds = {str(array.dtype) for name, array in tensors.items() if not name.startswith("batch.")}
  if len(kinds) != 1 or not kinds <= set(TOLERANCE):
    raise NotATrace(f"its float tensors must be all float64 or all float32, they are {sorted(kinds)}")
  tolerance = tolerance or TOLERANCE[kinds.pop()]
  try:
    sizes = model.sizes_of({name: array.shape for name, array in parameters.items()}, switches)
  except KeyError as error:
    raise NotATrace(f"it has no parameter {error} for {switches}") from None

  rows = []
  inputs = input_shapes(tensors, sizes.emotion, switches)
  wanted = {f"param.{name}": shape for name, shape in model.parameter_shapes(sizes, switches).items()}
  wanted.update(inputs)
  rows += missing_or_misshapen(tensors, wanted)
  if rows:
    return rows, []  # nothing to compute with
  complaints = input_complaints(tensors, sizes.vocabulary, sizes.classes)
  for name in INPUTS:
    if tensors[name].dtype != numpy.int64:
      complaints.append(f"{name} must be int64, it is {tensors[name].dtype}")
    elif not complaints and name != "batch.turns" and (tensors[name][~valid_places(name, inputs[name], tensors)]).any():
      complaints.append(f"{name} is not 0 in padded places")
  if complaints:
    return rows, complaints

  expected = recompute(tensors, switches, getattr(torch, dtype))
  rows += missing_or_misshapen(tensors, {name: array.shape for name, array in expected.items()})
  rows += not_expected(tensors, set(wanted) | set(expected), switches)
  broken = {row.name for row in rows}
  largest = max(float(numpy.abs(array).max()) for name, array in expected.items() if name.startswith("grad."))
  for name, array in expected.items():
    if name not in broken:
      floor = SMALLEST_SCALE * (largest if name.startswith("grad.") else 1.0)
      everywhere = name.startswith(("grad.", "loss."))
      valid = numpy.ones(array.shape, bool) if everywhere else valid_places(name, array.shape, tensors)
      rows.append(compare(name, tensors[name], array, valid, tolerance, floor))
  return rows, complaints


def missing_or_misshapen(tensors, wanted):
  rows = [Row(name, shape, verdict="MISSING") for name, shape in wanted.items() if name not in tensors]
  rows += [Row(name, tensors[name].shape, verdict="SHAPE", note=f"expected {tuple(shape)}")
           for name, shape in wanted.items() if name in tensors and tensors[name].shape != tuple(shape)]
  return rows


def not_expected(tensors, known, switches):
  rows = []
  optional = {name for switch, names in OPTIONAL.items() if not getattr(switches, switch) for name in names}
  for name in sorted(set(tensors) - known):
    if name == "policy.noise" or (name in optional and not tensors[name].any()):
      rows.append(Row(name, tensors[name].shape, verdict="unused", note="not needed with this part switched off"))
    else:
      rows.append(Row(name, tensors[name].shape, verdict="UNEXPECTED"))
  return rows


def failed(rows):
  return [row for row in rows if row.verdict not in ("ok", "unused")]


def print_table(rows):
  width = max(len(row.name) for row in rows)
  print(f"{'tensor':{width}}  {'shape':>18}  {'max abs err':>11}  {'max rel err':>11}  verdict")
  for row in rows:
    shape = "x".join(map(str, row.shape)) or "scalar"
    print(f"{row.name:{width}}  {shape:>18}  {row.absolute:11.2e}  {row.relative:11.2e}  {row.verdict}"
          + (f": {row.note}" if row.note else ""))


def parse_arguments():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("file", help="the trace, a safetensors file")
  parser.add_argument("--ablation", metavar="NAME[,NAME]",
                      help=f"what is switched off: full, {', '.join(model.ABLATIONS)} (default: the metadata, "
                           "else what the parameters' names tell)")
  parser.add_argument("--no-listener", action="store_true",
                      help="the run had no listener labels: listener and KL term off")
  parser.add_argument("--compute", choices=("float64", "float32"), default="float64", help="type of the recomputation")
  parser.add_argument("--tolerance", type=float, help="relative to a tensor's scale (default: 1e-9 for float64 files, "
                                                      "1e-4 for float32)")
  parser.add_argument("--strict-padding", action="store_true", help="values other than 0 in padded places fail, too")
  parser.add_argument("--failures-only", action="store_true", help="print only the rows that fail or have a note")
  return parser.parse_args()


def main():
  arguments = parse_arguments()
  try:
    tensors, metadata = safetensors_io.read(arguments.file)
    switches = switches_from(tensors, metadata, arguments.ablation, arguments.no_listener)
    start = time.monotonic()
    rows, complaints = check(tensors, switches, arguments.compute, arguments.tolerance)
  except (OSError, ValueError, KeyError, NotATrace) as error:
    print(f"check_trace: {arguments.file} cannot be checked: {error}", file=sys.stderr)
    return 2

  off = [name for name in ("policy", "gps", "party", "emotion", "tracking", "listener") if not getattr(switches, name)]
  print(f"{arguments.file}: off: {', '.join(off) or 'nothing (full model)'}; recomputed in {arguments.compute} "
        f"in {time.monotonic() - start:.1f} s")
  if arguments.strict_padding:
    for row in rows:
      if row.verdict == "ok" and row.note:
        row.verdict = "PADDING"
  shown = [row for row in rows if not arguments.failures_only or row.verdict != "ok" or row.note]
  if shown:
    print_table(shown)
  for complaint in complaints:
    print(f"input: {complaint}")
  bad = failed(rows)
  if not bad and not complaints:
    print(f"{sum(row.verdict == 'ok' for row in rows)} tensors agree")
    return 0
  print(f"FAILED: {len(bad)} tensors, {len(complaints)} complaints about inputs")
  if arguments.ablation is None and "ablation" not in metadata:
    print("note: names cannot tell no_gps or no_tracking from the full model: pass --ablation if it is one of them")
  return 1


if __name__ == "__main__":
  sys.exit(main())
