"""The trace of one encoder and one decoder (`transformer_partner trace`): ragged sequences, the rows of one behind those
of another, and a loss that is linear in what comes out. C source and N target rows, P pairs of a target and a source row
of the same sequence, target row after target row:

  batch.source_offsets, batch.target_offsets [B + 1]   where each sequence begins
  input.source [C, inputs], input.target [N, inputs], input.weights [N, d], input.logit_weights [P]
  encoder.states [C, d], decoder.states [N, d], decoder.mean_logits [P] (of the last layer)
  loss.total = sum of weights times states and of logit weights times mean logits; grad.input.source, grad.input.target
"""

from dataclasses import dataclass

import torch

import transformer_torch as blocks

INPUTS = ("input.source", "input.target", "input.weights", "input.logit_weights")


@dataclass(frozen=True)
class Settings:
  heads: int = 2


def parameter_shapes(sizes, inputs):
  return {**blocks.stack_shapes("encoder", sizes, inputs, False), **blocks.stack_shapes("decoder", sizes, inputs, True)}


def recompute(tensors, settings, dtype=torch.float64):
  """Everything that a trace's parameters and inputs determine, gradients included, as numpy arrays."""
  param = {name[len("param."):]: torch.tensor(array, dtype=dtype, requires_grad=True)
           for name, array in tensors.items() if name.startswith("param.")}
  inputs = {name: torch.tensor(tensors[name], dtype=dtype) for name in INPUTS}
  leaves = {name: inputs[name].requires_grad_() for name in ("input.source", "input.target")}
  sizes = blocks.stack_sizes({name: tuple(value.shape) for name, value in param.items()}, "encoder", settings.heads)
  parts = {"encoder.states": [], "decoder.states": [], "decoder.mean_logits": []}
  sequences = zip(*(blocks.ranges(tensors[f"batch.{what}_offsets"]) for what in ("source", "target")))
  for source, target in sequences:
    encoded = blocks.encoder(param, "encoder", sizes, inputs["input.source"][source])
    states, logits = blocks.decoder(param, "decoder", sizes, inputs["input.target"][target], encoded)
    for name, value in zip(parts, (encoded, states, logits.flatten())):
      parts[name].append(value)
  result = {name: torch.cat(values) for name, values in parts.items()}
  result["loss.total"] = ((inputs["input.weights"] * result["decoder.states"]).sum()
                          + (inputs["input.logit_weights"] * result["decoder.mean_logits"]).sum())
  wanted = {**param, **leaves}
  found = torch.autograd.grad(result["loss.total"], list(wanted.values()))
  arrays = {name: value.detach().numpy() for name, value in result.items()}
  arrays.update({f"grad.{name}": gradient.numpy() for name, gradient in zip(wanted, found)})
  return arrays
