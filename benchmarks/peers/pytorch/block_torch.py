"""The trace of one encoder and one decoder (`transformer_partner trace`): B ragged sequences padded with 0, and a loss
that is linear in what comes out.

  batch.source_length, batch.target_length [B]
  input.source [B, S, inputs], input.target [B, M, inputs], input.weights [B, M, d], input.logit_weights [B, M, S]
  encoder.states [B, S, d], decoder.states [B, M, d], decoder.mean_logits [B, M, S] (of the last layer)
  loss.total = sum of weights times states and of logit weights times mean logits; grad.input.source, grad.input.target
"""

from dataclasses import dataclass

import torch

import transformer_torch as blocks

INPUTS = {"input.source": "BSi", "input.target": "BMi", "input.weights": "BMd", "input.logit_weights": "BMS"}
LENGTHS = ("batch.source_length", "batch.target_length")


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
  sources, targets = inputs["input.source"].shape[1], inputs["input.target"].shape[1]
  result = {"encoder.states": inputs["input.source"].new_zeros(len(inputs["input.source"]), sources, sizes.width),
            "decoder.states": torch.zeros_like(inputs["input.weights"]),
            "decoder.mean_logits": torch.zeros_like(inputs["input.logit_weights"])}
  total = inputs["input.source"].new_zeros(())
  for b, (n, m) in enumerate(zip(*(tensors[name].tolist() for name in LENGTHS))):
    encoded = blocks.encoder(param, "encoder", sizes, inputs["input.source"][b, :n])
    states, logits = blocks.decoder(param, "decoder", sizes, inputs["input.target"][b, :m], encoded)
    total = total + (inputs["input.weights"][b, :m] * states).sum()
    total = total + (inputs["input.logit_weights"][b, :m, :n] * logits).sum()
    result["encoder.states"][b, :n] = encoded.detach()
    result["decoder.states"][b, :m] = states.detach()
    result["decoder.mean_logits"][b, :m, :n] = logits.detach()
  wanted = {**param, **leaves}
  found = torch.autograd.grad(total, list(wanted.values()))
  arrays = {name: value.detach().numpy() for name, value in {**result, "loss.total": total}.items()}
  arrays.update({f"grad.{name}": gradient.numpy() for name, gradient in zip(wanted, found)})
  return arrays
