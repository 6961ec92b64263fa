#!/usr/bin/env python3
"""Recomputes a trace of MIME (`ethreed trace --model mime`) or of one transformer encoder and decoder
(`transformer_partner trace`) in PyTorch, one sequence at a time, and compares every other tensor, as check_trace.py does
for ETHREED. The file's metadata say which model it is and what its shapes cannot tell.

Exit status: 0 all agree; 1 something differs, is missing or is not expected; 2 the file cannot be read as a trace.
"""

import argparse
import sys
import time

import numpy
import torch

import block_torch
import mime_torch
import safetensors_io
import transformer_torch as blocks
from check_trace import (NotATrace, Row, SMALLEST_SCALE, TOLERANCE, compare, failed, missing_or_misshapen, print_table)


def shapes_of_parameters(tensors):
  return {name[len("param."):]: array.shape for name, array in tensors.items() if name.startswith("param.")}


def axes(tensors, names):
  """Letter -> length, out of the tensors that have them all: name -> letters."""
  found = {}
  for name, letters in names.items():
    if name not in tensors or tensors[name].ndim != len(letters):
      raise NotATrace(f"it has no {name} [{', '.join(letters)}]")
    found.update(zip(letters, tensors[name].shape))
  return found


def within(lengths, count):
  """[rows, count]: which places of a padded axis are of the sequence."""
  return numpy.arange(count) < lengths[:, None]


class Block:
  """One encoder and one decoder."""

  def __init__(self, tensors, metadata):
    self.settings = block_torch.Settings(heads=int(metadata["heads"]))
    shapes = shapes_of_parameters(tensors)
    self.sizes = blocks.stack_sizes(shapes, "encoder", self.settings.heads)
    axis = axes(tensors, {"input.source": "BSi", "input.logit_weights": "BMS"})
    axis["d"] = self.sizes.width
    self.inputs = {name: tuple(axis[letter] for letter in letters) for name, letters in block_torch.INPUTS.items()}
    self.inputs.update({name: (axis["B"],) for name in block_torch.LENGTHS})
    self.parameters = block_torch.parameter_shapes(self.sizes, axis["i"])
    self.axis = axis

  def recompute(self, tensors, dtype):
    return block_torch.recompute(tensors, self.settings, dtype)

  def complaints(self, tensors):
    return length_complaints(tensors, {"batch.source_length": self.axis["S"], "batch.target_length": self.axis["M"]})

  def valid_places(self, name, shape, tensors):
    source = within(tensors["batch.source_length"], self.axis["S"])
    target = within(tensors["batch.target_length"], self.axis["M"])
    if name.endswith("logits") or name.endswith("logit_weights"):
      return target[:, :, None] & source[:, None, :]
    of_source = name in ("input.source", "encoder.states", "grad.input.source")
    return numpy.broadcast_to((source if of_source else target)[:, :, None], shape)

  @staticmethod
  def is_padded(name):
    return name.startswith(("input.", "encoder.", "decoder.", "grad.input."))


class Mime:
  def __init__(self, tensors, metadata):
    self.settings = mime_torch.Settings(heads=int(metadata["heads"]), pad=int(metadata["pad"]),
                                        smoothing=float(metadata["label_smoothing"]),
                                        decoder_sample=metadata["decoder_sample"])
    if self.settings.decoder_sample not in mime_torch.DECODER_SAMPLES:
      raise NotATrace(f"decoder_sample is '{self.settings.decoder_sample}'")
    self.sizes = mime_torch.sizes_of(shapes_of_parameters(tensors), self.settings)
    self.parameters = mime_torch.parameter_shapes(self.sizes)
    self.axis = axis = axes(tensors, {"batch.context": "RS", "batch.target": "RM"})
    rows = (axis["R"],)
    self.inputs = {name: rows + (axis["S"],) for name in ("batch.context", "batch.state")}
    self.inputs.update({name: rows + (axis["M"],) for name in ("batch.decoder_input", "batch.target")})
    self.inputs.update({name: rows for name in ("batch.context_length", "batch.target_length", "batch.emotion")})
    for group in mime_torch.GROUPS:
      self.inputs[f"group.{group}"] = (getattr(self.sizes, group),)
    self.inputs.update({name: rows + (self.sizes.block.width,) for name in self.settings.noise_names})

  def recompute(self, tensors, dtype):
    return mime_torch.recompute(tensors, self.settings, dtype)

  def complaints(self, tensors):
    found = length_complaints(tensors, {"batch.context_length": self.axis["S"], "batch.target_length": self.axis["M"]})
    if found:
      return found
    words = self.sizes.vocabulary
    limits = {"batch.context": (0, words + mime_torch.MARKS), "batch.state": (words, words + mime_torch.MARKS),
              "batch.decoder_input": (0, words), "batch.target": (0, words), "batch.emotion": (0, self.sizes.classes)}
    for name, (low, high) in limits.items():
      values = tensors[name] if name == "batch.emotion" else tensors[name][self.valid_places(name, None, tensors)]
      if values.min() < low or values.max() >= high:
        found.append(f"{name} must lie in [{low}, {high - 1}]")
    classes = numpy.concatenate([tensors[f"group.{group}"] for group in mime_torch.GROUPS])
    if sorted(classes.tolist()) != list(range(self.sizes.classes)):
      found.append("group.positive and group.negative must hold every class once")
    if not (tensors["batch.context"][:, 0] == words).all() or not (tensors["batch.state"][:, 0] == words).all():
      found.append(f"every context must begin with the mark CLS, {words}, as word and as state")
    inputs, targets = tensors["batch.decoder_input"], tensors["batch.target"]
    inner = within(tensors["batch.target_length"], self.axis["M"])[:, 1:]
    if len(set(inputs[:, 0].tolist())) != 1 or not (inputs[:, 1:] == targets[:, :-1])[inner].all():
      found.append("batch.decoder_input must be batch.target, one place later, after SOS")
    return found

  def valid_places(self, name, shape, tensors):
    of_target = name in mime_torch.BY_TARGET
    valid = within(tensors["batch.target_length" if of_target else "batch.context_length"],
                   self.axis["M" if of_target else "S"])
    return valid if shape is None or len(shape) == 2 else numpy.broadcast_to(valid[:, :, None], shape)

  @staticmethod
  def is_padded(name):
    return name in mime_torch.BY_SOURCE or name in mime_torch.BY_TARGET


MODELS = {"transformer": Block, "mime": Mime}


def length_complaints(tensors, most_of):
  return [f"{name} must lie in [1, {most}] for every row" for name, most in most_of.items()
          if tensors[name].min() < 1 or tensors[name].max() > most]


def trace_of(tensors, metadata):
  """What the file is a trace of. Raises NotATrace."""
  if metadata.get("model") not in MODELS:
    raise NotATrace(f"its metadata name model '{metadata.get('model')}', known here: {', '.join(MODELS)}")
  try:
    return MODELS[metadata["model"]](tensors, metadata)
  except KeyError as error:
    raise NotATrace(f"it has no {error}, neither as a parameter nor in its metadata") from None


def check(tensors, trace, dtype="float64", tolerance=None, recompute=None):
  """Compares a trace with its recomputation. Returns (rows, complaints about inputs); raises NotATrace."""
  integers = {name for name in trace.inputs if name.startswith(("batch.", "group."))}
  kinds = {str(array.dtype) for name, array in tensors.items() if name not in integers}
  if len(kinds) != 1 or not kinds <= set(TOLERANCE):
    raise NotATrace(f"its float tensors must be all float64 or all float32, they are {sorted(kinds)}")
  tolerance = tolerance or TOLERANCE[kinds.pop()]
  wanted = {f"param.{name}": shape for name, shape in trace.parameters.items()}
  wanted.update(trace.inputs)
  rows = missing_or_misshapen(tensors, wanted)
  if rows:
    return rows, []  # nothing to compute with
  complaints = [f"{name} must be int64, it is {tensors[name].dtype}" for name in sorted(integers)
                if tensors[name].dtype != numpy.int64]
  complaints = complaints or trace.complaints(tensors)
  if complaints:
    return rows, complaints
  for name in trace.inputs:
    if trace.is_padded(name) and tensors[name][~trace.valid_places(name, tensors[name].shape, tensors)].any():
      complaints.append(f"{name} is not 0 in padded places")

  expected = (recompute or trace.recompute)(tensors, getattr(torch, dtype))
  rows += missing_or_misshapen(tensors, {name: array.shape for name, array in expected.items()})
  rows += [Row(name, tensors[name].shape, verdict="UNEXPECTED")
           for name in sorted(set(tensors) - set(wanted) - set(expected))]
  broken = {row.name for row in rows}
  largest = max(float(numpy.abs(array).max()) for name, array in expected.items() if name.startswith("grad."))
  for name, array in expected.items():
    if name not in broken:
      valid = (trace.valid_places(name, array.shape, tensors) if trace.is_padded(name)
               else numpy.ones(array.shape, bool))
      floor = SMALLEST_SCALE * (largest if name.startswith("grad.") else 1.0)
      rows.append(compare(name, tensors[name], array, valid, tolerance, floor))
  return rows, complaints


def parse_arguments():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("file", help="the trace, a safetensors file")
  parser.add_argument("--compute", choices=("float64", "float32"), default="float64", help="type of the recomputation")
  parser.add_argument("--tolerance", type=float, help="relative to a tensor's scale (default: 1e-9 for float64 files, "
                                                      "1e-4 for float32)")
  parser.add_argument("--failures-only", action="store_true", help="print only the rows that fail or have a note")
  return parser.parse_args()


def main():
  arguments = parse_arguments()
  start = time.monotonic()
  try:
    tensors, metadata = safetensors_io.read(arguments.file)
    trace = trace_of(tensors, metadata)
    rows, complaints = check(tensors, trace, arguments.compute, arguments.tolerance)
  except (OSError, ValueError, NotATrace) as error:
    print(f"check_system_trace: {arguments.file} cannot be checked: {error}", file=sys.stderr)
    return 2
  print(f"{arguments.file}: {metadata['model']}, {trace.settings}; recomputed in {arguments.compute} "
        f"in {time.monotonic() - start:.1f} s")
  shown = [row for row in rows if not arguments.failures_only or row.verdict != "ok" or row.note]
  if shown:
    print_table(shown)
  for complaint in complaints:
    print(f"input: {complaint}")
  bad = failed(rows)
  if bad or complaints:
    print(f"FAILED: {len(bad)} tensors, {len(complaints)} complaints about inputs")
    return 1
  print(f"{len(rows)} tensors agree, largest relative error {max(row.relative for row in rows):.2e}")
  return 0


if __name__ == "__main__":
  sys.exit(main())
