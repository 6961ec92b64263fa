#!/usr/bin/env python3
"""The utterance encoder alone in PyTorch, to compare with ours by peers/alternate.py: a bidirectional GRU over sequences of
equal length, forward and backward, gradients of the input and of all parameters. Speaks the protocol of partner.py."""

import argparse
import sys
import time

import torch
from torch import nn

import bench_step
import partner


def parse_arguments():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--threads", type=int, default=1)
  parser.add_argument("--sequences", type=int, default=34)
  parser.add_argument("--steps", type=int, default=18, help="tokens of each")
  parser.add_argument("--input", type=int, default=300)
  parser.add_argument("--hidden", type=int, default=300)
  parser.add_argument("--bf16", action="store_true", help="products in bfloat16, as torch.autocast chooses them")
  return parser.parse_args()


def main():
  arguments = parse_arguments()
  torch.set_num_threads(arguments.threads)
  torch.manual_seed(1)
  gru = nn.GRU(arguments.input, arguments.hidden, bidirectional=True)
  x = torch.rand(arguments.steps, arguments.sequences, arguments.input, requires_grad=True)
  cotangent = torch.rand(arguments.steps, arguments.sequences, 2 * arguments.hidden)

  def one_round():
    for value in (x, *gru.parameters()):
      value.grad = None
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bf16):
      states, _ = gru(x)
    middle = time.perf_counter()
    states.backward(cotangent.to(states.dtype))
    end = time.perf_counter()
    return {"forward": 1e3 * (middle - start), "backward": 1e3 * (end - middle), "both": 1e3 * (end - start)}

  for _ in range(5):
    one_round()
  name = f"PyTorch {torch.__version__}" + (", bf16" if arguments.bf16 else "")
  partner.serve({"name": name, "threads": arguments.threads, "blas": bench_step.blas()}, one_round)
  return 0


if __name__ == "__main__":
  sys.exit(main())
