#!/usr/bin/env python3
"""Times a training step of the full model in PyTorch with good practice: packed GRUs, one decoder GRU call, factored
energies, one vocabulary product over the real targets, the mixture in log space, fused (or foreach) Adam. With
--token-by-token the decoder is a loop over target steps, as most people write it (token_by_token.py);
--project-memory in addition makes the energies from a memory that every step projects anew.

A step is forward, backward, clipping and update, dropout and fresh noise included; batches are padded tensors that are
on the device already. With --check FILE it times nothing and compares its losses and gradients with a trace instead.
FILE is a trace or what `bench_partner step --write` wrote: parameters and many batches. With --serve it speaks the
protocol of partner.py, for peers/alternate.py.
"""

import argparse
import inspect
import statistics
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout, kl_div
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import check_trace
import ethreed_torch as textbook
import make_trace
import partner
import safetensors_io

ABSENT = -1e4  # a log probability or energy that no real one comes near, finite so that no gradient is 0 * inf


class Tracker(nn.Module):
  def __init__(self, sizes):
    super().__init__()
    token = 2 * sizes.hidden
    self.add_module("global", nn.GRUCell(token, sizes.global_))
    self.party = nn.GRUCell(token + sizes.global_, sizes.party)
    self.emotion = nn.GRUCell(sizes.party, sizes.emotion)
    self.content = nn.GRUCell(sizes.global_, sizes.content)
    self.history_attention = nn.Linear(sizes.global_, token, bias=False)  # weight [2 D_h, D_g]: u W is u @ weight

  def attend(self, u, history):
    if not history:
      return u.new_zeros(len(u), self.history_attention.in_features)
    g = torch.stack(history, 1)
    weights = torch.softmax(torch.bmm(g, (u @ self.history_attention.weight)[:, :, None]), 1)
    return (weights * g).sum(1)

  def forward(self, u_post, u_response, drop):
    """u [B, T, 2 D_h]. Turns beyond a dialogue's end come last, so that no valid state depends on them."""
    global_ = getattr(self, "global")
    g = p = e_post = e_response = c = None  # nn.GRUCell reads None as zeros
    history, turns = [], []
    for t in range(u_post.shape[1]):
      g_post = drop(global_(u_post[:, t], g))
      p_post = drop(self.party(torch.cat([u_post[:, t], self.attend(u_post[:, t], history)], 1), p))
      history.append(g_post)
      g = drop(global_(u_response[:, t], g_post))
      p = drop(self.party(torch.cat([u_response[:, t], self.attend(u_response[:, t], history)], 1), p_post))
      history.append(g)
      e_post = drop(self.emotion(p_post, e_post))
      e_response = drop(self.emotion(p, e_response))
      c = drop(self.content(g_post, c))
      turns.append((e_post, e_response, c))
    return [torch.stack(states, 1) for states in zip(*turns)]


class Decoder(nn.Module):
  """Layers under the names of the interchange format."""

  def __init__(self, sizes):
    super().__init__()
    token, features = 2 * sizes.hidden, sizes.decoder + 2 * sizes.hidden + sizes.emotion
    self.content = nn.Linear(sizes.content, sizes.decoder)
    self.emotion = nn.Linear(sizes.emotion, sizes.emotion)
    self.gru = nn.GRU(sizes.word, sizes.decoder, batch_first=True)
    self.attention = nn.Linear(token, sizes.decoder)  # only a place for weight [D_s, 2 D_h], bias [1], coverage [1]
    self.attention.bias = nn.Parameter(torch.zeros(1))
    self.attention.coverage = nn.Parameter(torch.zeros(1))
    self.emotion_gate = nn.Linear(sizes.emotion, sizes.decoder)
    self.emotion_gate.bias = nn.Parameter(torch.zeros(1))
    self.bottleneck = nn.Linear(features, sizes.bottleneck)
    self.vocabulary = nn.Linear(sizes.bottleneck, sizes.vocabulary)
    self.pointer = nn.Linear(features, 1)

  def forward(self, embedded, lengths, h, in_post, content, emotion, post_extended, target):
    """Rows are turns: embedded [N, M, D_w], h [N, n, 2 D_h], in_post [N, n] and the rest as named.
    Returns log P [#tokens], over the real targets, and the coverage loss's sum."""
    start = torch.tanh(self.content(content))
    emo = torch.tanh(self.emotion(emotion))
    packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
    states, _ = pad_packed_sequence(self.gru(packed, start[None])[0], batch_first=True)
    before = torch.cat([start[:, None], states[:, :-1]], 1)

    energies = torch.bmm(before @ self.attention.weight, h.transpose(1, 2)) + self.attention.bias
    gamma, coverage = self.attend(energies, in_post)
    context = torch.bmm(gamma, h)
    gate = torch.tanh((states * (emo @ self.emotion_gate.weight.T)[:, None]).sum(2, True) + self.emotion_gate.bias)
    emo_steps = gate * emo[:, None]

    real = torch.arange(target.shape[1], device=target.device) < lengths[:, None]
    overlap = (torch.where(coverage < gamma, coverage, gamma) * real[:, :, None]).sum()
    states, context, emo_steps, words = states[real], context[real], emo_steps[real], target[real]
    copied = (gamma * (post_extended[:, None] == target[:, :, None])).sum(2)[real]
    logits = self.vocabulary(self.bottleneck(torch.cat([states, context, emo_steps], 1)))
    known = words < logits.shape[1]
    generated = -cross_entropy(logits, words * known, reduction="none")
    pointer = self.pointer(torch.cat([context, states, emo_steps], 1))[:, 0]
    log_generate = (nn.functional.logsigmoid(pointer) + generated).masked_fill(~known, ABSENT)
    in_source = copied > 0
    log_copy = torch.log(torch.where(in_source, copied, torch.ones_like(copied))) + nn.functional.logsigmoid(-pointer)
    return torch.logaddexp(log_generate, log_copy.masked_fill(~in_source, ABSENT)), overlap

  def attend(self, energies, in_post):
    """The one recurrence over steps: gamma and coverage, both [N, M, n]."""
    outside = ~in_post
    coverage = torch.zeros_like(energies[:, 0])
    gammas, coverages = [], []
    for energy in energies.unbind(1):
      bounded = torch.tanh(energy + self.attention.coverage * coverage)
      gamma = torch.softmax(bounded.masked_fill(outside, ABSENT), 1)
      gammas.append(gamma)
      coverages.append(coverage)
      coverage = coverage + gamma
    return torch.stack(gammas, 1), torch.stack(coverages, 1)


class Model(nn.Module):
  def __init__(self, sizes, dropout_rate):
    super().__init__()
    self.dropout_rate = dropout_rate
    self.embedding = nn.Embedding(sizes.vocabulary, sizes.word)
    self.encoder = nn.GRU(sizes.word, sizes.hidden, batch_first=True, bidirectional=True)
    self.tracker = Tracker(sizes)
    self.classifier = nn.Linear(sizes.emotion, sizes.classes)
    self.policy = nn.ModuleDict({layer: nn.Linear(sizes.emotion, sizes.emotion)
                                 for layer in ("state", "mean", "log_variance")})
    self.decoder = Decoder(sizes)

  def load(self, parameters):
    """Parameters by their interchange names (nn.GRU adds _l0 to the decoder's)."""
    self.load_state_dict({name + "_l0" if name.startswith("decoder.gru.") else name: value
                          for name, value in parameters.items()})

  def interchange_parameters(self):
    return {name[:-len("_l0")] if name.startswith("decoder.gru.") else name: value
            for name, value in self.named_parameters()}

  def forward(self, batch, noise=None):
    """The five losses. noise [B, T, D_e] or None: drawn."""
    valid = batch["valid"]
    words = torch.cat([batch["batch.post"][valid], batch["batch.response"][valid]])
    lengths = torch.cat([batch["batch.post_length"][valid], batch["batch.response_length"][valid]])
    packed = pack_padded_sequence(self.embedding(words), lengths.cpu(), batch_first=True, enforce_sorted=False)
    output, last = self.encoder(packed)
    rows = len(words) // 2
    h, _ = pad_packed_sequence(output, batch_first=True, total_length=words.shape[1])
    summary = torch.cat([last[0], last[1]], 1)
    u_post, u_response = (summary.new_zeros(*valid.shape, summary.shape[1]) for _ in range(2))
    u_post[valid], u_response[valid] = summary[:rows], summary[rows:]

    def drop(x):
      return dropout(x, self.dropout_rate, self.training)
    e_post, e_response, c = (states[valid] for states in self.tracker(u_post, u_response, drop))

    state = torch.tanh(self.policy["state"](e_post))
    mean, log_variance = self.policy["mean"](state), self.policy["log_variance"](state)
    epsilon = torch.randn_like(mean) if noise is None else noise[valid]
    sampled = mean + torch.exp(log_variance / 2) * epsilon

    labels = batch["batch.emotion_response"][valid]
    labelled = (labels >= 0).sum()
    response_logits = self.classifier(e_response)
    listener = cross_entropy(response_logits, labels, ignore_index=-1, reduction="sum") / labelled.clamp(min=1)
    log_p = torch.log_softmax(response_logits, 1).detach()
    kl = kl_div(log_p, torch.log_softmax(self.classifier(sampled), 1), reduction="batchmean", log_target=True)

    target, target_length = batch["batch.target"][valid], batch["batch.response_length"][valid]
    width = int(target_length.max())
    post_width = int(batch["batch.post_length"][valid].max())
    target = target[:, :width]
    shifted = torch.cat([torch.full_like(target[:, :1], textbook.SOS), target[:, :-1]], 1)
    shifted = shifted.masked_fill(shifted >= self.embedding.num_embeddings, textbook.UNK)
    in_post = torch.arange(post_width, device=words.device) < batch["batch.post_length"][valid][:, None]
    log_probability, overlap = self.decoder(
      self.embedding(shifted), target_length, h[:rows, :post_width], in_post, c, sampled,
      batch["batch.post_extended"][valid][:, :post_width], target)
    return {"loss.emotion_speaker": cross_entropy(self.classifier(e_post), batch["batch.emotion_post"][valid]),
            "loss.emotion_listener": listener, "loss.policy": kl, "loss.generation": -log_probability.mean(),
            "loss.coverage": overlap / len(log_probability)}


def batch_of(tensors, device):
  """Inputs of a trace as tensors, and the mask of turns."""
  batch = {name: torch.tensor(array, device=device) for name, array in tensors.items() if name.startswith("batch.")}
  turns = batch["batch.post"].shape[1]
  batch["valid"] = torch.arange(turns, device=device) < batch["batch.turns"][:, None]
  return batch


def parameters_of(tensors, dtype):
  return {name[len("param."):]: torch.tensor(array, dtype=dtype) for name, array in tensors.items()
          if name.startswith("param.")}


def sizes_in(tensors):
  return textbook.sizes_of({name: value.shape for name, value in parameters_of(tensors, torch.float64).items()},
                           textbook.Switches())


def batches_in(tensors):
  """The batches of a file: numbered ones (`0.batch.post`, ...) or the one of a trace."""
  batches = {}
  for name, array in tensors.items():
    number, dot, rest = name.partition(".")
    if dot and number.isdigit():
      batches.setdefault(int(number), {})[rest] = array
  return [batches[number] for number in sorted(batches)] or [tensors]


def compare_with_trace(make_model, tensors):
  """Name -> error of each loss and gradient relative to its scale, in double and without dropout (full model only)."""
  model = make_model(sizes_in(tensors), dropout_rate=0).double()
  model.load(parameters_of(tensors, torch.float64))
  model.decoder.epsilon = 0
  losses = model(batch_of(tensors, "cpu"), torch.tensor(tensors["policy.noise"], dtype=torch.float64))
  losses["loss.total"] = sum(losses.values())
  losses["loss.total"].backward()
  found = {**losses, **{f"grad.{name}": value.grad for name, value in model.interchange_parameters().items()}}
  largest = max(numpy.abs(array).max() for name, array in tensors.items() if name.startswith("grad."))
  errors = {}
  for name, value in found.items():
    expected = tensors[name].astype(numpy.float64)
    floor = check_trace.SMALLEST_SCALE * (largest if name.startswith("grad.") else 1.0)
    errors[name] = numpy.abs(value.detach().numpy().reshape(expected.shape) - expected).max() / max(
      numpy.abs(expected).max(), floor)
  return errors


def random_batches(count, dialogues, sizes, seed):
  """Batches with the statistics of EmpatheticDialogues: 95 % of dialogues have two turns, utterances have 16 tokens in
  the mean and at most 40; one source word in a hundred is out of the vocabulary."""
  random = numpy.random.default_rng(seed)
  for _ in range(count):
    turns = random.choice([1, 2, 3, 4], dialogues, p=[0.02, 0.95, 0.02, 0.01])
    shape = (dialogues, turns.max(), 40)
    batch = {f"batch.{name}": numpy.zeros(shape, numpy.int64)
             for name in ("post", "response", "post_extended", "target")}
    batch.update({f"batch.{name}": numpy.zeros(shape[:2], numpy.int64) for name in
                  ("post_length", "response_length", "emotion_post", "emotion_response")}, **{"batch.turns": turns})
    for b, t in ((b, t) for b in range(dialogues) for t in range(turns[b])):
      lengths = numpy.clip(random.gamma(3.0, 16.0 / 3.0, 2).round(), 2, 40).astype(int)
      post, target = (numpy.append(random.integers(make_trace.FIRST_WORD, sizes.vocabulary, n - 1), make_trace.EOS)
                      for n in lengths)
      unknown = numpy.flatnonzero(random.random(len(post) - 1) < 0.01)
      post[unknown] = sizes.vocabulary + numpy.arange(len(unknown))
      make_trace.fill_row(batch, (b, t), post, target, sizes.vocabulary)
      batch["batch.emotion_post"][b, t], batch["batch.emotion_response"][b, t] = random.integers(0, sizes.classes, 2)
    yield batch


def adam(parameters):
  """The fastest Adam this PyTorch has for the device."""
  options = inspect.signature(torch.optim.Adam).parameters
  parameters = list(parameters)
  for kind in ("fused", "foreach"):
    if kind in options:
      try:  # an older PyTorch fuses on GPUs alone
        return torch.optim.Adam(parameters, lr=5e-4, **{kind: True}), kind
      except RuntimeError:
        pass
  return torch.optim.Adam(parameters, lr=5e-4), "plain"


def blas():
  """Which BLAS is loaded, as Linux tells it: the reference one of Debian's libblas3 is several times slower than
  OpenBLAS, and a time measured with it says nothing about PyTorch."""
  try:
    with open("/proc/self/maps") as maps:
      paths = {line.split()[-1] for line in maps}
  except OSError:
    return "unknown"
  found = sorted(path for path in paths if path.rsplit("/", 1)[-1].startswith(("libblas", "libopenblas", "libmkl_rt")))
  return ", ".join(found) or "PyTorch's own"


class Steps:
  """Training steps on some batches, in turn."""

  def __init__(self, model, optimizer, batches, device, bf16):
    self.model, self.optimizer, self.batches, self.device = model, optimizer, batches, device
    self.bf16 = bf16
    self.next = 0
    model.train()

  def synchronize(self):
    if self.device == "cuda":
      torch.cuda.synchronize()

  def run(self):
    """Milliseconds of a step: on the wall, and of processor time over all threads."""
    self.synchronize()
    start, cpu_start = time.perf_counter(), time.process_time()
    self.optimizer.zero_grad(set_to_none=True)
    with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
      losses = self.model(self.batches[self.next % len(self.batches)])
    sum(losses.values()).backward()
    nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
    self.optimizer.step()
    self.synchronize()
    self.next += 1
    return 1e3 * (time.perf_counter() - start), 1e3 * (time.process_time() - cpu_start)


def parse_arguments():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("file", nargs="?",
                      help="take parameters and batches from this file (default: random)")
  parser.add_argument("--check", action="store_true",
                      help="compare with the trace's losses and gradients, time nothing")
  parser.add_argument("--token-by-token", action="store_true", help="the decoder as a loop over target steps")
  parser.add_argument("--project-memory", action="store_true",
                      help="with --token-by-token: every step's energies from W h, not from s W")
  parser.add_argument("--bf16", action="store_true", help="products in bfloat16, as torch.autocast chooses them")
  parser.add_argument("--serve", action="store_true", help="take turns with another program: peers/alternate.py")
  parser.add_argument("--steps", type=int, default=30)
  parser.add_argument("--warm-up", type=int, default=5)
  parser.add_argument("--threads", type=int, help="default: PyTorch's own choice")
  parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
  parser.add_argument("--dropout", type=float, default=0.5)
  parser.add_argument("--vocabulary", type=int, default=10200,
                      help="of random batches; 10,200 words make 12.0 M parameters")
  parser.add_argument("--dialogues", type=int, default=8, help="of random batches")
  parser.add_argument("--batches", type=int, default=20, help="how many different random batches")
  parser.add_argument("--seed", type=int, default=1)
  return parser.parse_args()


def check(make_model, tensors):
  errors = compare_with_trace(make_model, tensors)
  kind = str(tensors["loss.total"].dtype)
  bad = {name: error for name, error in errors.items() if not error <= check_trace.TOLERANCE[kind]}
  print(f"{len(errors)} losses and gradients compared, largest relative error {max(errors.values()):.2e}")
  for name, error in bad.items():
    print(f"DIFFERS: {name} {error:.2e}")
  return 1 if bad else 0


def measure(steps, arguments, tokens):
  results = [steps.run() for _ in range(arguments.warm_up + arguments.steps)][arguments.warm_up:]
  times, cpu_times = map(sorted, zip(*results))
  median = statistics.median(times)
  print(f"{median:.2f} ms/step (median of {len(times)}; fastest {times[0]:.2f}, slowest {times[-1]:.2f}), "
        f"{statistics.median(cpu_times):.2f} ms of processor time, {1e3 * tokens / median:.0f} target tokens/s")


def main():
  arguments = parse_arguments()
  if arguments.threads:
    torch.set_num_threads(arguments.threads)
  if arguments.check and not arguments.file:
    print("bench_step: --check needs a trace", file=sys.stderr)
    return 2
  if arguments.project_memory and not arguments.token_by_token:
    print("bench_step: --project-memory needs --token-by-token", file=sys.stderr)
    return 2
  torch.manual_seed(arguments.seed)
  make_model, make_adam = Model, adam
  if arguments.token_by_token:
    import token_by_token  # imports this file
    make_model = token_by_token.ProjectingModel if arguments.project_memory else token_by_token.Model
    make_adam = token_by_token.adam
  if arguments.file:
    tensors, _ = safetensors_io.read(arguments.file)
    if arguments.check:
      return check(make_model, tensors)
    sizes, inputs = sizes_in(tensors), batches_in(tensors)
  else:
    sizes = textbook.Sizes(arguments.vocabulary)
    inputs = list(random_batches(arguments.batches, arguments.dialogues, sizes, arguments.seed))

  model = make_model(sizes, arguments.dropout)
  if arguments.file:
    model.load(parameters_of(tensors, torch.float32))
  model.to(arguments.device)
  batches = [batch_of(batch, arguments.device) for batch in inputs]
  rows = statistics.mean(int(batch["valid"].sum()) for batch in batches)
  tokens = statistics.mean(int(batch["batch.response_length"].sum()) for batch in batches)
  optimizer, kind = make_adam(model.parameters())
  steps = Steps(model, optimizer, batches, arguments.device, arguments.bf16)
  if arguments.serve:
    for _ in batches:
      steps.run()
    style = "token by token" if arguments.token_by_token else "good practice"
    style += ", memory projected in every step" if arguments.project_memory else ""
    style += ", bf16" if arguments.bf16 else ""
    partner.serve({"name": f"PyTorch {torch.__version__}, {style}", "threads": torch.get_num_threads(),
                   "batches": len(batches), "target_tokens": tokens,
                   "parameters": sum(value.numel() for value in model.parameters()), "adam": kind, "blas": blas()},
                  lambda: {"step": steps.run()[0]})
    return 0
  print(f"torch {torch.__version__}, {arguments.device}, {torch.get_num_threads()} threads, BLAS: {blas()}, Adam: {kind}")
  print(f"{sum(value.numel() for value in model.parameters()) / 1e6:.2f} M parameters, V {sizes.vocabulary}; "
        f"{len(batches)} batches of {rows:.1f} rows and {tokens:.0f} target tokens in the mean")
  measure(steps, arguments, tokens)
  return 0


if __name__ == "__main__":
  sys.exit(main())
