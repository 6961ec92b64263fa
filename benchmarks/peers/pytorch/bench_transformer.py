#!/usr/bin/env python3
"""Times one encoder and one decoder of the comparison systems in PyTorch, packed (packed_transformer.py), forward and
backward in float32 with the gradients of parameters and inputs. FILE is what `transformer_partner trace` wrote: its
parameters and sequences. With --check it compares the states with those of the file instead; with --serve it speaks the
protocol of partner.py, for peers/alternate.py."""

import argparse
import statistics
import sys
import time

import numpy
import torch

import check_system_trace
import packed_transformer as packed
import partner
import safetensors_io
from bench_step import blas
from check_trace import TOLERANCE


class Model(packed.Module):
  def __init__(self, sizes, inputs):
    super().__init__()
    self.encoder = packed.Stack("encoder", sizes, inputs)
    self.decoder = packed.Stack("decoder", sizes, inputs, source=True)

  def forward(self, source, source_rows, target, target_rows):
    encoded = self.encoder(source, source_rows)
    return encoded, self.decoder(target, target_rows, source=encoded, source_rows=source_rows)


class Work:
  """The file's sequences and a model with its parameters."""

  def __init__(self, tensors, trace, dtype):
    def floats(name):
      return torch.tensor(tensors[name], dtype=dtype)
    self.model = Model(trace.sizes, trace.inputs["input.source"][1]).to(dtype)
    self.model.load({name: floats(f"param.{name}") for name in trace.parameters})
    self.rows = [packed.Rows(torch.tensor(numpy.diff(tensors[f"batch.{what}_offsets"])), trace.sizes.width, dtype)
                 for what in ("source", "target")]
    self.leaves = [floats(f"input.{what}").requires_grad_() for what in ("source", "target")]
    self.weights = floats("input.weights")

  def forward(self):
    return self.model(self.leaves[0], self.rows[0], self.leaves[1], self.rows[1])

  def round(self):
    """{what: milliseconds}."""
    for value in [*self.model.parameters(), *self.leaves]:
      value.grad = None
    start = time.perf_counter()
    loss = (self.weights * self.forward()[1]).sum()
    middle = time.perf_counter()
    loss.backward()
    end = time.perf_counter()
    return {"forward": 1e3 * (middle - start), "backward": 1e3 * (end - middle), "both": 1e3 * (end - start)}


def check(tensors, trace):
  worst = 0.0
  for name, value in zip(("encoder.states", "decoder.states"), Work(tensors, trace, torch.float64).forward()):
    worst = max(worst, float(numpy.abs(value.detach().numpy() - tensors[name]).max() / numpy.abs(tensors[name]).max()))
  print(f"states compared, largest relative error {worst:.2e}")
  return 0 if worst <= TOLERANCE[str(tensors["loss.total"].dtype)] else 1


def main():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("file", help="parameters and sequences: what `transformer_partner trace` wrote")
  parser.add_argument("--check", action="store_true", help="compare the states, time nothing")
  parser.add_argument("--serve", action="store_true", help="take turns with another program: peers/alternate.py")
  parser.add_argument("--rounds", type=int, default=50)
  parser.add_argument("--threads", type=int, help="default: PyTorch's own choice")
  arguments = parser.parse_args()
  if arguments.threads:
    torch.set_num_threads(arguments.threads)
  try:
    tensors, metadata = safetensors_io.read(arguments.file)
    trace = check_system_trace.trace_of(tensors, metadata)
    if not isinstance(trace, check_system_trace.Block):
      raise check_system_trace.NotATrace("it is no trace of transformer blocks")
  except (OSError, ValueError, check_system_trace.NotATrace) as error:
    print(f"bench_transformer: {arguments.file}: {error}", file=sys.stderr)
    return 2
  if arguments.check:
    return check(tensors, trace)
  work = Work(tensors, trace, torch.float32)
  for _ in range(5):
    work.round()
  rows = sum(len(rows.place) for rows in work.rows)
  if arguments.serve:
    partner.serve({"name": f"PyTorch {torch.__version__}, encoder and decoder", "threads": torch.get_num_threads(),
                   "rows": rows, "parameters": sum(value.numel() for value in work.model.parameters()), "blas": blas()},
                  work.round)
    return 0
  rounds = [work.round() for _ in range(arguments.rounds)]
  print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, BLAS: {blas()}, {rows} rows: "
        + ", ".join(f"{what} {statistics.median(one[what] for one in rounds):.2f} ms" for what in rounds[0])
        + f" (median of {len(rounds)})")
  return 0


if __name__ == "__main__":
  sys.exit(main())
