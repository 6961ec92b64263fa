#!/usr/bin/env python3
"""A pretrained encoder by `transformers` on a file of texts, a line each, to compare with ours by ../alternate.py.

  bench_transformers.py forward MODEL_DIR TEXTS [--order file|length]    rounds of the last hidden states of all texts
  bench_transformers.py update MODEL_DIR TEXTS [--order file|length]     rounds of one update of fine-tuning; labels are line number mod 32

Batches of 32 texts, padded to the longest of each. --order file takes them as they come, as examples do; --order length puts texts of
like length together, as a good engineer would (for updates: batches of like length, drawn in random order). An update is a forward
and backward with dropout, the gradient clipped to 1, and the fused AdamW. The tokenizer's work is not timed. Speaks the protocol
of ../pytorch/partner.py.
"""

import argparse
import pathlib
import random
import resource
import sys
import time

import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pytorch"))
import partner  # noqa: E402

LABELS = 32


def parse_arguments():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("work", choices=["forward", "update"])
  parser.add_argument("model")
  parser.add_argument("texts")
  parser.add_argument("--order", choices=["file", "length"], default="file")
  parser.add_argument("--threads", type=int, default=1)
  parser.add_argument("--batch", type=int, default=32)
  parser.add_argument("--precision", choices=["float32", "bf16"], default="float32", help="bf16: as torch.autocast chooses it")
  return parser.parse_args()


def batches_of(arguments):
  """Lists of line numbers, and their padded tensors."""
  with open(arguments.texts, encoding="utf-8") as file:
    texts = [line.rstrip("\n") for line in file]
  tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
  ids = tokenizer(texts, truncation=True)["input_ids"]
  order = list(range(len(texts)))
  if arguments.order == "length":
    order.sort(key=lambda i: len(ids[i]))
  batches = []
  for first in range(0, len(order), arguments.batch):
    lines = order[first:first + arguments.batch]
    padded = tokenizer.pad({"input_ids": [ids[i] for i in lines]}, return_tensors="pt")
    batches.append((lines, padded))
  return batches, sum(len(row) for row in ids)


def forward_round(arguments, batches):
  model = transformers.AutoModel.from_pretrained(arguments.model).eval()

  def one_round():
    start = time.perf_counter()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bf16"):
      for _, padded in batches:
        model(**padded).last_hidden_state
    return {"forward": 1e3 * (time.perf_counter() - start)}
  return one_round


def update_round(arguments, batches):
  model = transformers.AutoModelForSequenceClassification.from_pretrained(arguments.model, num_labels=LABELS).train()
  optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5, weight_decay=0.01, fused=True)
  draw, queue = random.Random(1), []

  def one_round():
    if not queue:
      queue.extend(draw.sample(batches, len(batches)))
    lines, padded = queue.pop()
    labels = torch.tensor([line % LABELS for line in lines])
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bf16"):
      loss = model(**padded, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return {"update": 1e3 * (time.perf_counter() - start)}
  return one_round


def main():
  arguments = parse_arguments()
  transformers.utils.logging.set_verbosity_error()
  torch.set_num_threads(arguments.threads)
  torch.manual_seed(1)
  batches, tokens = batches_of(arguments)
  one_round = (forward_round if arguments.work == "forward" else update_round)(arguments, batches)
  for _ in range(2):
    one_round()
  pads = sum(padded["input_ids"].numel() for _, padded in batches) - tokens
  partner.serve({"name": f"transformers {transformers.__version__}, PyTorch {torch.__version__}, {arguments.precision}, by {arguments.order}",
                 "threads": arguments.threads, "tokens": tokens, "pads": pads}, one_round)
  print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB", file=sys.stderr)
  return 0


if __name__ == "__main__":
  sys.exit(main())
