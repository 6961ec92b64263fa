#!/usr/bin/env python3
"""Compares hidden states of a pretrained encoder with those of the library `transformers`, layer by layer.

  check_states.py --partner PROGRAM --corpus FILE.csv --model DIR [--model DIR ...] [--texts 200] [--tolerance 2e-5]

PROGRAM is encoder_partner (cmake --preset bench). Every text is run alone by the library, in float32 and in float64: ours must be
within the tolerance of both, and the ids must be equal. Errors are absolute; the largest state is printed beside them.
Exit status: 0, or 1 if something differs.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
import transformers
from safetensors.numpy import load_file

from texts import utterances


def parse_arguments():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--partner", required=True)
  parser.add_argument("--corpus", required=True)
  parser.add_argument("--model", action="append", required=True)
  parser.add_argument("--texts", type=int, default=200)
  parser.add_argument("--tolerance", type=float, default=2e-5)
  return parser.parse_args()


def check(model_dir, texts, arguments, work):
  lines, written = work / "texts.txt", work / "states.safetensors"
  lines.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
  subprocess.run([arguments.partner, "states", model_dir, lines, written], check=True, stdout=subprocess.DEVNULL)
  ours = load_file(written)
  tokenizer = transformers.AutoTokenizer.from_pretrained(model_dir)
  models = {dtype: transformers.AutoModel.from_pretrained(model_dir, dtype=dtype).eval()
            for dtype in (torch.float32, torch.float64)}
  offsets, worst, largest = ours["offsets"], {dtype: 0.0 for dtype in models}, 0.0
  for i, text in enumerate(texts):
    encoded = tokenizer(text, return_tensors="pt")
    rows = slice(offsets[i], offsets[i + 1])
    if encoded["input_ids"][0].tolist() != ours["ids"][rows].tolist():
      print(f"{model_dir}: other ids than the library's for text {i}")
      return False
    for dtype, model in models.items():
      with torch.no_grad():
        layers = model(**encoded, output_hidden_states=True).hidden_states
      for layer, states in enumerate(layers):
        theirs = states[0].double().numpy()
        difference = float(numpy.abs(theirs - ours[f"layer.{layer}"][rows]).max())
        worst[dtype] = max(worst[dtype], difference if difference == difference else float("inf"))
        largest = max(largest, float(numpy.abs(theirs).max()))
  right = all(error <= arguments.tolerance for error in worst.values())
  print(f"{pathlib.Path(model_dir).name}: {len(texts)} texts, {offsets[-1]} tokens, {len(layers)} hidden states each; largest value {largest:.3f}; "
        f"largest error {worst[torch.float32]:.2e} against float32, {worst[torch.float64]:.2e} against float64"
        f"{'' if right else ': TOO LARGE'}")
  return right


def main():
  arguments = parse_arguments()
  transformers.utils.logging.set_verbosity_error()
  texts = utterances(arguments.corpus, arguments.texts)
  with tempfile.TemporaryDirectory() as work:
    results = [check(model, texts, arguments, pathlib.Path(work)) for model in arguments.model]
  return 0 if all(results) else 1


if __name__ == "__main__":
  sys.exit(main())
