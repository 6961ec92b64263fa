#!/usr/bin/env python3
"""Recomputes a trace of MIME (`ethreed trace --model mime`) or of one transformer encoder and decoder
(`transformer_partner trace`) in PyTorch, one sequence at a time, and compares every other tensor, as check_trace.py does
for ETHREED. The file's metadata say which model it is and what its shapes cannot tell.

Exit status: 0 all agree; 1 something differs, is missing or is not expected; 2 the file cannot be read as a trace.
"""

import argparse
import json
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


def length(tensors, name, axis=0):
  if name not in tensors or tensors[name].ndim <= axis:
    raise NotATrace(f"it has no {name}")
  return tensors[name].shape[axis]


def offset_complaints(tensors, counts):
  """name -> how many rows there are; every sequence has one at least."""
  found = []
  for name, rows in counts.items():
    offsets = tensors[name]
    if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != rows or (numpy.diff(offsets) < 1).any():
      found.append(f"{name} must grow from 0 to {rows}")
  return found


class Block:
  """One encoder and one decoder."""

  def __init__(self, tensors, metadata):
    self.settings = block_torch.Settings(heads=int(metadata["heads"]))
    self.sizes = blocks.stack_sizes(shapes_of_parameters(tensors), "encoder", self.settings.heads)
    self.sources, self.targets = length(tensors, "input.source"), length(tensors, "input.target")
    inputs, offsets = length(tensors, "input.source", 1), (length(tensors, "batch.source_offsets"),)
    self.parameters = block_torch.parameter_shapes(self.sizes, inputs)
    self.inputs = {"batch.source_offsets": offsets, "batch.target_offsets": offsets,
                   "input.source": (self.sources, inputs), "input.target": (self.targets, inputs),
                   "input.weights": (self.targets, self.sizes.width),
                   "input.logit_weights": (length(tensors, "input.logit_weights"),)}

  def recompute(self, tensors, dtype):
    return block_torch.recompute(tensors, self.settings, dtype)

  def complaints(self, tensors):
    found = offset_complaints(tensors, {"batch.source_offsets": self.sources, "batch.target_offsets": self.targets})
    pairs = (numpy.diff(tensors["batch.source_offsets"]) * numpy.diff(tensors["batch.target_offsets"])).sum()
    return found or ([] if pairs == self.inputs["input.logit_weights"][0]
                     else [f"input.logit_weights must have {pairs} numbers, one for each pair"])


class Mime:
  def __init__(self, tensors, metadata):
    config = json.loads(metadata["config"])
    self.settings = mime_torch.Settings(
      heads=int(config["heads"]), pad=int(metadata["pad"]), smoothing=float(metadata["label_smoothing"]),
      decoder_sample=config["decoder_sample"], sample="noise.prior_positive" in tensors)
    if self.settings.decoder_sample not in mime_torch.DECODER_SAMPLES:
      raise NotATrace(f"decoder_sample is '{self.settings.decoder_sample}'")
    self.sizes = mime_torch.sizes_of(shapes_of_parameters(tensors), self.settings)
    self.parameters = mime_torch.parameter_shapes(self.sizes)
    self.positions, self.tokens = length(tensors, "batch.context_words"), length(tensors, "batch.targets")
    replies = length(tensors, "batch.emotion")
    self.inputs = {"batch.emotion": (replies,), "batch.positive_emotions": (self.sizes.classes,)}
    self.inputs.update({name: (replies + 1,) for name in ("batch.context_offsets", "batch.target_offsets")})
    self.inputs.update({name: (self.positions,) for name in ("batch.context_words", "batch.context_states")})
    self.inputs.update({name: (self.tokens,) for name in ("batch.inputs", "batch.targets")})
    self.inputs.update({name: (replies, self.sizes.block.width) for name in self.settings.noise_names})

  def recompute(self, tensors, dtype):
    return mime_torch.recompute(tensors, self.settings, dtype)

  def complaints(self, tensors):
    found = offset_complaints(tensors, {"batch.context_offsets": self.positions, "batch.target_offsets": self.tokens})
    if found:
      return found
    words = self.sizes.vocabulary
    most = {"batch.context_words": words + 1, "batch.context_states": mime_torch.MARKS, "batch.inputs": words,
            "batch.targets": words, "batch.emotion": self.sizes.classes, "batch.positive_emotions": 2}
    found = [f"{name} must lie in [0, {high - 1}]" for name, high in most.items()
             if tensors[name].min() < 0 or tensors[name].max() >= high]
    if tensors["batch.positive_emotions"].sum() != self.sizes.positive:
      found.append(f"batch.positive_emotions must name {self.sizes.positive}")
    marked = [numpy.flatnonzero(tensors[name] == mark).tolist()
              for name, mark in (("batch.context_words", words), ("batch.context_states", 0))]
    firsts = tensors["batch.context_offsets"][:-1].tolist()
    if marked != [firsts, firsts]:
      found.append("every context must begin with CLS, as word and as state, and have it nowhere else")
    inputs, targets, begins = tensors["batch.inputs"], tensors["batch.targets"], tensors["batch.target_offsets"][:-1]
    shifted = numpy.roll(targets, 1)
    shifted[begins] = inputs[0]
    if not numpy.array_equal(inputs, shifted):
      found.append("batch.inputs must be batch.targets, one place later, after SOS")
    return found


FORMATS = {"ethreed trace of transformer blocks 1": Block, "ethreed trace of mime 1": Mime}


def trace_of(tensors, metadata):
  """What the file is a trace of. Raises NotATrace."""
  if metadata.get("format") not in FORMATS:
    raise NotATrace(f"its metadata say format '{metadata.get('format')}', known here: {', '.join(FORMATS)}")
  try:
    return FORMATS[metadata["format"]](tensors, metadata)
  except KeyError as error:
    raise NotATrace(f"it has no {error}, neither as a parameter nor in its metadata") from None


def check(tensors, trace, dtype="float64", tolerance=None, recompute=None):
  """Compares a trace with its recomputation. Returns (rows, complaints about inputs); raises NotATrace."""
  integers = {name for name in trace.inputs if name.startswith("batch.")}
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

  expected = (recompute or trace.recompute)(tensors, getattr(torch, dtype))
  rows += missing_or_misshapen(tensors, {name: array.shape for name, array in expected.items()})
  rows += [Row(name, tensors[name].shape, verdict="UNEXPECTED")
           for name in sorted(set(tensors) - set(wanted) - set(expected))]
  broken = {row.name for row in rows}
  largest = max(float(numpy.abs(array).max()) for name, array in expected.items() if name.startswith("grad."))
  for name, array in expected.items():
    if name not in broken:
      floor = SMALLEST_SCALE * (largest if name.startswith("grad.") else 1.0)
      rows.append(compare(name, tensors[name], array, numpy.ones(array.shape, bool), tolerance, floor))
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
  print(f"{arguments.file}: {metadata['format']}, {trace.settings}; recomputed in {arguments.compute} "
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
