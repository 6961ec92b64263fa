#!/usr/bin/env python3
"""Writes a small random trace, made by ethreed_torch, with the cases that implementations get wrong: a dialogue of one
turn among longer ones, one-token utterances, a repeated source word, out-of-vocabulary words that the reply copies,
one that it cannot copy, a source of nothing else, an utterance of full width, a reply that is only EOS, missing labels.
"""

import argparse
import sys

import numpy
import torch

import ethreed_torch as model
import safetensors_io

EOS = 3
FIRST_WORD = 4  # after pad, unk, sos and eos


def random_parameters(shapes, random):
  """Larger than an initialisation, so that no nonlinearity is near its linear part and no gradient is tiny."""
  result = {}
  for name, shape in shapes.items():
    if name == "embedding.weight":
      result[name] = random.normal(0, 1, shape)
    else:
      bound = 1.5 / numpy.sqrt(shape[-1]) if len(shape) == 2 else 0.5
      result[name] = random.uniform(-bound, bound, shape)
  return result


def random_utterance(random, length, vocabulary, new_words, known=()):
  """Extended ids of `length` tokens, the last EOS. A word is out of the vocabulary with probability 0.3: one of `known`
  or, where new_words, a new one with the next free id."""
  ids = []
  known = list(known)
  for _ in range(length - 1):
    choice = random.random()
    if choice < 0.15 and ids:
      ids.append(ids[random.integers(len(ids))])
    elif choice < 0.3 and new_words:
      known.append(vocabulary + len(known))
      ids.append(known[-1])
    elif choice < 0.4 and known:
      ids.append(known[random.integers(len(known))])
    else:
      ids.append(int(random.integers(FIRST_WORD, vocabulary)))
  return ids + [EOS], known


def planted_rows(vocabulary, width):
  """The rows that chance might not draw, as (post, target) in extended ids."""
  first, second = FIRST_WORD, FIRST_WORD + 1
  new = vocabulary
  return [
    ([EOS], [first, EOS]),  # a one-token source
    ([first, new, first, new, EOS], [new, first, new, EOS]),  # repeated source words, copied
    ([new, new + 1, new + 2, EOS], [model.UNK, new + 2, EOS]),  # a source of unknown words; one that cannot be copied
    (([second, first] * width)[:width - 1] + [EOS], [EOS]),  # full width; a reply that is only EOS
    ([second, EOS], ([first, second] * width)[:width - 1] + [EOS]),
  ]


def random_batch(random, dialogues, turns, width, vocabulary, classes, listener):
  """The `batch.*` tensors. Dialogue 0 has one turn, dialogue 1 has all of them."""
  batch = {"batch.turns": random.integers(1, turns + 1, dialogues)}
  batch["batch.turns"][0] = 1
  if dialogues > 1:
    batch["batch.turns"][1] = turns
  for name in ("post", "response", "post_extended", "target"):
    batch[f"batch.{name}"] = numpy.zeros((dialogues, turns, width), numpy.int64)
  for name in ("post_length", "response_length", "emotion_post", "emotion_response"):
    batch[f"batch.{name}"] = numpy.zeros((dialogues, turns), numpy.int64)
  planted = planted_rows(vocabulary, width)
  row = 0
  for b, count in enumerate(batch["batch.turns"]):
    for t in range(count):
      if row < len(planted) and width >= 5:
        post, target = planted[row]
      else:
        post, known = random_utterance(random, random.integers(1, width + 1), vocabulary, True)
        target, _ = random_utterance(random, random.integers(1, width + 1), vocabulary, False, known)
      fill_row(batch, (b, t), numpy.array(post), numpy.array(target), vocabulary)
      batch["batch.emotion_post"][b, t] = random.integers(classes)
      labelled = listener and row % 3 != 1
      batch["batch.emotion_response"][b, t] = random.integers(classes) if labelled else -1
      row += 1
  return batch


def fill_row(batch, place, post, target, vocabulary):
  batch["batch.post_length"][place] = len(post)
  batch["batch.response_length"][place] = len(target)
  batch["batch.post_extended"][place][:len(post)] = post
  batch["batch.target"][place][:len(target)] = target
  batch["batch.post"][place][:len(post)] = numpy.where(post < vocabulary, post, model.UNK)
  batch["batch.response"][place][:len(target)] = numpy.where(target < vocabulary, target, model.UNK)


def make(sizes, switches, seed, dialogues, turns, width, dtype):
  """Name -> numpy array of a whole trace."""
  random = numpy.random.default_rng(seed)
  shapes = model.parameter_shapes(sizes, switches)
  tensors = {f"param.{name}": value.astype(dtype) for name, value in random_parameters(shapes, random).items()}
  tensors.update(random_batch(random, dialogues, turns, width, sizes.vocabulary, sizes.classes, switches.listener))
  if switches.policy:
    tensors["policy.noise"] = random.normal(0, 1, (dialogues, turns, sizes.emotion)).astype(dtype)
  # A float32 trace is computed in double from its float32 inputs and rounded once: it is the truth to compare with.
  result = model.recompute(tensors, switches, torch.float64)
  tensors.update({name: value.astype(dtype) for name, value in result.items()})
  return tensors


def metadata_of(switches):
  """What the names of the tensors cannot tell, for check_trace."""
  off = [name for name in model.ABLATIONS if not getattr(switches, name[len("no_"):])]
  return {"ablation": ",".join(off) or "full", "listener": "true" if switches.listener else "false"}


def sizes_from(dims, vocabulary, classes, switches):
  """Sizes from one width for all states, or from eight: word, hidden, global, party, emotion, content, decoder,
  bottleneck. Without GRU_e the emotion state is what GRU_e would have read, so it takes that width."""
  dims = [int(size) for size in dims.split(",")]
  if len(dims) == 1:
    dims *= 8
  if len(dims) != 8:
    raise ValueError(f"--dims takes 1 or 8 sizes, got {len(dims)}")
  word, hidden, global_, party, emotion, content, decoder, bottleneck = dims
  if not switches.party:
    party = global_
  if not switches.emotion:
    emotion = party
  return model.Sizes(vocabulary, word, hidden, global_, party, emotion, content, decoder, classes, bottleneck)


def parse_arguments():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--out", required=True, help="the file to write")
  parser.add_argument("--ablation", default="full", metavar="NAME[,NAME]",
                      help=f"full or what to switch off: {', '.join(model.ABLATIONS)}")
  parser.add_argument("--no-listener", action="store_true", help="no listener labels: listener and KL term off")
  parser.add_argument("--seed", type=int, default=1)
  parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
  parser.add_argument("--vocabulary", type=int, default=13)
  parser.add_argument("--classes", type=int, default=5)
  parser.add_argument("--dims", default="3,4,5,6,7,8,9,10", metavar="N or 8 sizes",
                      help="word,hidden,global,party,emotion,content,decoder,bottleneck, or one width for all")
  parser.add_argument("--dialogues", type=int, default=4)
  parser.add_argument("--turns", type=int, default=3)
  parser.add_argument("--width", type=int, default=7, help="L, tokens of an utterance")
  return parser.parse_args()


def main():
  arguments = parse_arguments()
  names = [name for name in arguments.ablation.split(",") if name not in ("", "full")]
  try:
    switches = model.Switches(listener=not arguments.no_listener).without(names)
    sizes = sizes_from(arguments.dims, arguments.vocabulary, arguments.classes, switches)
  except ValueError as error:
    print(f"make_trace: {error}", file=sys.stderr)
    return 2
  tensors = make(sizes, switches, arguments.seed, arguments.dialogues, arguments.turns, arguments.width,
                 arguments.dtype)
  safetensors_io.write(arguments.out, tensors, metadata_of(switches))
  print(f"{arguments.out}: {len(tensors)} tensors, loss.total {float(tensors['loss.total']):.6f}")
  return 0


if __name__ == "__main__":
  sys.exit(main())
