"""The model of bench_step.py with the decoder as most people write it: a loop over target steps in which everything
happens, from the GRU cell to a dense distribution over the extended vocabulary, for every row of the batch, ended or not.
Encoder, tracker and losses are shared; the optimizer is Adam as torch.optim gives it by default.

Energies s W h are written in one of two ways: s W first, a matrix product of one row (Model), or W h first, as in code that
began with additive attention, where the memory is projected anew in every step (ProjectingModel)."""

import torch
from torch import nn

import bench_step


class Decoder(bench_step.Decoder):
  def __init__(self, sizes):
    super().__init__(sizes)
    self.gru = nn.GRUCell(sizes.word, sizes.decoder)
    self.epsilon = 1e-12  # added before the logarithm, as people do; 0 to compare with a trace

  def energies(self, state, h):
    """s W h for every h of a row: [N, n]."""
    return torch.bmm(h, (state @ self.attention.weight)[:, :, None])[:, :, 0]

  def forward(self, embedded, lengths, h, in_post, content, emotion, post_extended, target):
    """As bench_step.Decoder.forward."""
    state = torch.tanh(self.content(content))
    emo = torch.tanh(self.emotion(emotion))
    vocabulary = self.vocabulary.out_features
    extra = max(0, int(post_extended.max()) + 1 - vocabulary)
    coverage = torch.zeros_like(h[:, :, 0])
    outside = ~in_post
    log_probability, overlap = [], []
    for i in range(target.shape[1]):
      energy = torch.tanh(self.energies(state, h) + self.attention.coverage * coverage + self.attention.bias)
      gamma = torch.softmax(energy.masked_fill(outside, bench_step.ABSENT), 1)
      context = torch.bmm(gamma[:, None], h)[:, 0]
      overlap.append(torch.where(coverage < gamma, coverage, gamma).sum(1))
      coverage = coverage + gamma
      state = self.gru(embedded[:, i], state)
      gate = torch.tanh((state * (emo @ self.emotion_gate.weight.T)).sum(1, True) + self.emotion_gate.bias)
      emo_i = gate * emo
      logits = self.vocabulary(self.bottleneck(torch.cat([state, context, emo_i], 1)))
      generate = torch.sigmoid(self.pointer(torch.cat([context, state, emo_i], 1)))
      generated = generate * torch.softmax(logits, 1)
      if extra:
        generated = torch.cat([generated, generated.new_zeros(len(generated), extra)], 1)
      mixture = generated.scatter_add(1, post_extended, ((1 - generate) * gamma).to(generated.dtype))
      log_probability.append(torch.log(mixture.gather(1, target[:, i:i + 1])[:, 0] + self.epsilon))
    real = torch.arange(target.shape[1], device=target.device) < lengths[:, None]
    return torch.stack(log_probability, 1)[real], (torch.stack(overlap, 1) * real).sum()


class ProjectingDecoder(Decoder):
  def energies(self, state, h):
    return torch.bmm(h @ self.attention.weight.T, state[:, :, None])[:, :, 0]


class Model(bench_step.Model):
  make_decoder = Decoder

  def __init__(self, sizes, dropout_rate):
    super().__init__(sizes, dropout_rate)
    self.decoder = self.make_decoder(sizes)

  def load(self, parameters):
    self.load_state_dict(parameters)

  def interchange_parameters(self):
    return dict(self.named_parameters())


class ProjectingModel(Model):
  make_decoder = ProjectingDecoder


def adam(parameters):
  return torch.optim.Adam(parameters, lr=5e-4), "as by default"
