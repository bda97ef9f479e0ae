"""Generated from implementations/sac_torch.py and the preset jaxrl_curves by `python -m suite listing`: do not edit.

jaxrl at the commit of its published learning curves: ikostrikov/jaxrl@7745b27 (2021-02-16), sac.py and main.py.

Not reproduced: the evaluation's cadence and number of episodes (10 each 5,000 steps), which are the study's; that in
old gym a fall on the very last step of the limit bootstraps too, as it asks for the presence of TimeLimit.truncated
(current gymnasium has no such key: here truncation alone bootstraps); a replay as large as the run, where that is not
1e6 steps; sampled actions clipped to [-1, 1], where float32 never leaves it.
"""

# What the preset decides, and where it stands.
#
# objective
#   temperature = LearnedAlpha(init=1.0, entropy_per_dim=-0.5, objective='alpha', sample='actor', lr=0.0003)
#       ikostrikov/jaxrl@7745b27 sac.py:182,204,213 (1; learning rate; -A/2), 85,97 (the actor's sample, alpha itself)
#   reward_scale = 1.0
#       ikostrikov/jaxrl@7745b27 sac.py:124 (none)
#   discount = 0.99
#       ikostrikov/jaxrl@7745b27 sac.py:182
#   critics = 2
#       ikostrikov/jaxrl@7745b27 sac.py:46-48
#   target_reduce = 'min'
#       ikostrikov/jaxrl@7745b27 sac.py:122
#   actor_reduce = 'min'
#       ikostrikov/jaxrl@7745b27 sac.py:89
#   value_net = None
#       ikostrikov/jaxrl@7745b27 sac.py:120-125 (targets of Q)
#   entropy_in_target = True
#       ikostrikov/jaxrl@7745b27 sac.py:124-125
#   critic_loss_scale = 1.0
#       ikostrikov/jaxrl@7745b27 sac.py:130
#
# policy
#   std = ClipLogStd(low=-20.0, high=2.0)
#       ikostrikov/jaxrl@7745b27 sac.py:62,65
#   log_det = ExactLogDet()
#       ikostrikov/jaxrl@7745b27 sac.py:67-68 (TensorFlow Probability's Tanh)
#   gaussian_eps = 0.0
#       ikostrikov/jaxrl@7745b27 sac.py:64-72
#   log_prob_units = 'unit'
#       ikostrikov/jaxrl@7745b27 sac.py:71-72
#   critic_action_units = 'unit'
#       ikostrikov/jaxrl@7745b27 main.py:38,80 (the action before the wrapper scales it)
#   pathwise_noise = 'shared'
#       ikostrikov/jaxrl@7745b27 sac.py:85-90
#
# networks
#   first_critic_layer = 'concat'
#       ikostrikov/jaxrl@7745b27 sac.py:45
#   hidden_init = Orthogonal(gain=1.0)
#       ikostrikov/jaxrl@7745b27 sac.py:22,31-33 (every layer: the default gain of Flax, 1)
#   critic_output_init = Orthogonal(gain=1.0)
#       ikostrikov/jaxrl@7745b27 sac.py:22,31-33 (every layer: the default gain of Flax, 1)
#   actor_head = 'joint'
#       ikostrikov/jaxrl@7745b27 sac.py:59-61
#   mean_init = Orthogonal(gain=1.0)
#       ikostrikov/jaxrl@7745b27 sac.py:22,31-33 (every layer: the default gain of Flax, 1)
#   log_std_init = Orthogonal(gain=1.0)
#       ikostrikov/jaxrl@7745b27 sac.py:22,31-33 (every layer: the default gain of Flax, 1)
#   target_init = 'copy'
#       ikostrikov/jaxrl@7745b27 sac.py:203
#
# update
#   order = ('value', 'critic', 'target', 'actor', 'alpha')
#       ikostrikov/jaxrl@7745b27 sac.py:156-165
#   gradients = 'sequential'
#       ikostrikov/jaxrl@7745b27 sac.py:156-165 (each loss where its step is taken; the critics' target reads alpha as
#         it was)
#   first_update = 1
#       ikostrikov/jaxrl@7745b27 main.py:84-86 (nothing counts the updates)
#   actor_every = 1
#       ikostrikov/jaxrl@7745b27 sac.py:163-165
#   actor_repeats = 1
#       ikostrikov/jaxrl@7745b27 sac.py:163-165
#   target_every = 1
#       ikostrikov/jaxrl@7745b27 sac.py:141-142
#   target_copy_every = None
#       ikostrikov/jaxrl@7745b27 sac.py:136-142 (moving average only)
#   tau = 0.005
#       ikostrikov/jaxrl@7745b27 sac.py:183
#
# optimisers
#   actor_lr = 0.0003
#       ikostrikov/jaxrl@7745b27 sac.py:179
#   critic_lr = 0.0003
#       ikostrikov/jaxrl@7745b27 sac.py:180
#   adam = Adam(beta1=0.9, beta2=0.999, eps=1e-08, eps_placement='torch')
#       ikostrikov/jaxrl@7745b27 sac.py:206-211 (Flax' Adam with its defaults)

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from suite.contract import Batch, Metrics, Params, Spaces, unpack
from suite.spec import SacSpec

FRAMEWORK = "torch"
LOG_2, LOG_2PI = math.log(2), math.log(2 * math.pi)
Weights = list[Tensor]
"""A network's w0, b0, w1, b1, ... from the input up. Matrices are [in, out], but the last one [out, in]: with a handful
of outputs that is the faster product. The actor's last layer holds both heads, mean above log std."""


# --- networks: ReLU multi-layer perceptrons -----------------------------------------------------------------------


def factor(spec: SacSpec, layer: int, x: Tensor) -> Tensor:
    """x as a factor of a hidden layer's product: between hidden layers, "bfloat16_hidden" rounds it. The product itself
    stays in float32: its sums must, and torch's bfloat16 product on a processor rounds them too."""
    return x


def forward(spec: SacSpec, weights: Weights, x: Tensor, *, below: int = 0) -> tuple[Tensor, list[Tensor]]:
    """x [B, in] -> the network's output [B, out], and every layer's input for the backward pass: x, then the ReLUs'.

    below: how many hidden layers lie under these weights.
    """
    inputs = [x]
    for i, (w, b) in enumerate(zip(weights[:-2:2], weights[1:-2:2], strict=True), start=0):
        inputs.append(torch.addmm(b, factor(spec, i, inputs[-1]), factor(spec, i, w)).relu_())
    return F.linear(inputs[-1], *weights[-2:]), inputs


def backward(
    spec: SacSpec, weights: Weights, inputs: list[Tensor], d: Tensor, *, of_weights: bool = True, below: int = 0
) -> tuple[Weights, Tensor]:
    """Gradients of the weights (none if not `of_weights`), and at the first layer before its ReLU [B, width] or, with
    layers below, at the input; given the loss's gradient d [B, out] at the network's output."""
    grads = [d.t() @ inputs[-1], d.sum(0)] if of_weights else []
    d = d @ weights[-2]
    for i in reversed(range(len(inputs) - 1)):
        torch.ops.aten.threshold_backward.grad_input(d, inputs[i + 1], 0, grad_input=d)  # the ReLU's, in place
        rounded = factor(spec, i, d)
        if of_weights:
            grads = [factor(spec, i, inputs[i]).t() @ rounded, d.sum(0), *grads]
        if i > 0:
            d = rounded @ factor(spec, i, weights[2 * i]).t()
    return grads, d


def critic_forward(spec: SacSpec, critic: Weights, x: Tensor, obs_dim: int) -> tuple[Tensor, list[Tensor]]:
    """x [B, obs and action] -> Q [B, 1], and what the backward pass needs."""
    return forward(spec, critic, x)


def critic_backward(
    spec: SacSpec, critic: Weights, tape: list[Tensor], d: Tensor, obs_dim: int, *, of_weights: bool = True
) -> tuple[Weights, Tensor]:
    """As `backward`; the second result is at the first layer that the action enters, before its ReLU."""
    return backward(spec, critic, tape, d, of_weights=of_weights)


def scale(units: str, spaces: Spaces, like: Tensor) -> Tensor | float:
    """How long an action's unit is in those units: [A], or 1."""
    return 1.0


def q_values(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], obs: Tensor, action: Tensor
) -> tuple[Tensor, list[list[Tensor]]]:
    """Q_i(s, a) of every critic, [n, B], action in [-1, 1]; and what their backward passes need."""
    x = torch.cat([obs, action], dim=1)
    q, tapes = zip(*(critic_forward(spec, critic, x, spaces.obs_dim) for critic in critics), strict=True)
    return torch.stack([one.squeeze(1) for one in q]), list(tapes)


def reduce(how: str, q: Tensor) -> Tensor:
    """One value per row from the critics': [n, B] -> [B]."""
    return q.amin(0)


def reduce_backward(how: str, q: Tensor, d: float) -> Tensor:
    """The gradient [n, B] of `reduce` for the same gradient d in every row of its result."""
    chosen = q.argmin(0, keepdim=True)
    return torch.zeros_like(q).scatter_(0, chosen, d)


# --- policy: a diagonal Gaussian through tanh ---------------------------------------------------------------------


class Sample(NamedTuple):
    """An action in [-1, 1] and what it came from, [B, A]; its log-probability [B]; the inputs of the actor's layers."""

    action: Tensor
    log_prob: Tensor
    raw: Tensor
    log_std: Tensor
    std: Tensor
    u: Tensor
    noise: Tensor
    inputs: list[Tensor]


def log_std(spec: SacSpec, raw: Tensor) -> Tensor:
    """log std [B, A] of the actor's raw output."""
    return raw.clamp(-20.0, 2.0)


def log_std_backward(spec: SacSpec, drawn: Sample) -> Tensor | float:
    """d log std / d raw [B, A]."""
    return drawn.raw == drawn.log_std


def log_det(spec: SacSpec, spaces: Spaces, u: Tensor, action: Tensor) -> Tensor:
    """log |da / du| [B, A] of a = tanh(u), or of the environment's action (arXiv 1801.01290, eq. 21)."""
    exact = 2 * (LOG_2 - u - F.softplus(-2 * u, threshold=1e3))
    return exact


def log_det_backward(spec: SacSpec, spaces: Spaces, action: Tensor) -> Tensor:
    """d log_det / du [B, A]."""
    return -2 * action


def sample(spec: SacSpec, spaces: Spaces, actor: Weights, obs: Tensor, noise: Tensor) -> Sample:
    """a = tanh(mean + std * noise), with log pi(a|s) by change of variables (arXiv 1801.01290, eq. 21)."""
    output, inputs = forward(spec, actor, obs)
    mean, raw = output.chunk(2, dim=1)
    log_scale = log_std(spec, raw)
    std = log_scale.exp()
    u = torch.addcmul(mean, std, noise)
    action = torch.tanh(u)
    standard = noise
    log_prob = -(0.5 * standard**2 + log_scale + 0.5 * LOG_2PI + log_det(spec, spaces, u, action)).sum(1)
    return Sample(action, log_prob, raw, log_scale, std, u, noise, inputs)


def sample_backward(
    spec: SacSpec, spaces: Spaces, actor: Weights, drawn: Sample, d_action: Tensor | float, d_log_prob: float
) -> Weights:
    """The actor's gradients, given the loss's at the action [B, A] and at every log pi (arXiv 1801.01290, eq. 13)."""
    d_u = d_action * (1 - drawn.action**2) - d_log_prob * log_det_backward(spec, spaces, drawn.action)
    d_density = d_log_prob
    d_raw = (d_u * drawn.std * drawn.noise - d_density) * log_std_backward(spec, drawn)
    return backward(spec, actor, drawn.inputs, torch.cat([d_u, d_raw], dim=1))[0]


# --- losses, with their gradients: each reads only what its signature names ---------------------------------------


def soft_value(spec: SacSpec, q: Tensor, log_prob: Tensor, alpha: float) -> Tensor:
    """Reduced Q minus alpha log pi: [n, B], [B] -> [B] (arXiv 1812.05905, eq. 3)."""
    value = reduce("min", q)
    return value - alpha * log_prob


def critic_target(
    spec: SacSpec,
    spaces: Spaces,
    actor: Weights,
    targets: list[Weights],
    batch: Batch,
    noise: Tensor | None,
    alpha: float,
) -> tuple[Tensor, Tensor | None]:
    """y = scale r + discount (1 - terminated) V'(s') [B] (arXiv 1812.05905, eq. 5-6; with V: 1801.01290, eq. 8), and
    log pi(a'|s') [B]."""
    drawn = sample(spec, spaces, actor, batch.next_obs, noise)
    q, log_prob = q_values(spec, spaces, targets, batch.next_obs, drawn.action)[0], drawn.log_prob
    following = soft_value(spec, q, log_prob, alpha)
    # terminated, not truncated: a time limit is no death
    return 1.0 * batch.reward + 0.99 * (1 - batch.terminated) * following, log_prob


def critic_loss(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], batch: Batch, y: Tensor
) -> tuple[Tensor, Tensor, Weights]:
    """scale * mean (Q_i - y)^2 of each critic [n] (arXiv 1812.05905, eq. 5), Q [n, B], and all critics' gradients."""
    q, tapes = q_values(spec, spaces, critics, batch.obs, batch.action)
    error, grads = q - y, []
    for critic, tape, d in zip(critics, tapes, error * (2 * 1.0 / len(y)), strict=True):
        grads += critic_backward(spec, critic, tape, d.unsqueeze(1), spaces.obs_dim)[0]
    return 1.0 * (error**2).mean(1), q, grads


def actor_loss(
    spec: SacSpec,
    spaces: Spaces,
    actor: Weights,
    critics: list[Weights],
    batch: Batch,
    samples: list[Sample],
    alpha: float,
) -> tuple[Tensor, Weights, Tensor]:
    """mean [alpha log pi(a|s) - reduced Q(s, a)] at the policy's own action (arXiv 1812.05905, eq. 7 and 9), the
    actor's gradients, and d Q / da of the mean [B, A].

    One sample; or three: where Q is differentiated, whose log pi is, and through which Q's gradient reaches the actor.
    """
    drawn, size = samples[0], len(batch.obs)
    d_action = torch.zeros_like(drawn.action)
    q, tapes = q_values(spec, spaces, critics, batch.obs, drawn.action)
    for critic, tape, d in zip(critics, tapes, reduce_backward("min", q, -1 / size), strict=True):
        rows = d.nonzero().squeeze(1)  # a critic that is not the minimum of a row gives it no gradient
        own = [one[rows] for one in tape]
        _, d_first = critic_backward(spec, critic, own, d[rows].unsqueeze(1), spaces.obs_dim, of_weights=False)
        d_action.index_add_(0, rows, d_first @ critic[0][spaces.obs_dim :].t())
    d_action = d_action * scale("unit", spaces, d_action)
    loss = (alpha * drawn.log_prob - reduce("min", q)).mean()
    return loss, sample_backward(spec, spaces, actor, drawn, d_action, alpha / size), -d_action


def alpha_loss(spec: SacSpec, log_alpha: Tensor, log_prob: Tensor, action_dim: int) -> tuple[Tensor, Tensor]:
    """-alpha mean(log pi + H), or -log(alpha) mean(log pi + H) (arXiv 1812.05905, eq. 18); gradient in log alpha."""
    surplus = log_prob.mean() + (-0.5 * action_dim)
    loss = -log_alpha.exp() * surplus
    return loss, loss


# --- update -------------------------------------------------------------------------------------------------------


@dataclass
class Learner:
    """One seed's networks by canonical name, updated in place, and how many updates they have had.

    log_alpha counts as a network of one tensor. Adam's moments mirror the networks; targets have none.
    """

    spec: SacSpec
    spaces: Spaces
    nets: dict[str, Weights] = field(default_factory=dict)
    adam_m: dict[str, Weights] = field(default_factory=dict)
    adam_v: dict[str, Weights] = field(default_factory=dict)
    updates_done: int = 0


def members(spec: SacSpec, stage: str) -> list[str]:
    """The networks that a stage's optimiser moves."""
    if stage == "critic":
        return ["critic1", "critic2"]
    return ["log_alpha" if stage == "alpha" else stage]


def joined(nets: dict[str, Weights], names: Sequence[str]) -> Weights:
    """The tensors of several networks in one list."""
    return [tensor for name in names for tensor in nets[name]]


def descend(learner: Learner, stage: str, grads: Weights, turn: int = 1) -> None:
    """One Adam step of a stage's networks (arXiv 1412.6980, algorithm 1), as one pass through memory."""
    names = members(learner.spec, stage)
    count = learner.updates_done + 1
    eps = 1e-08
    torch._fused_adam_(
        joined(learner.nets, names), grads, joined(learner.adam_m, names), joined(learner.adam_v, names), [],
        [torch.tensor(float(count))] * len(grads), lr=0.0003, beta1=0.9,
        beta2=0.999, weight_decay=0.0, eps=eps, amsgrad=False, maximize=False,
    )  # fmt: skip


def update_once(learner: Learner, batch: Batch, noise: dict[str, Tensor], *, explaining: bool = False) -> dict:
    """One update in place; returns every loss, target, log-probability and gradient by name.

    What later passes of actor and alpha see ends in the pass's number. Where the actor is not due, `explaining` tells
    what it would have done.
    """
    spec, spaces, nets, _count = learner.spec, learner.spaces, learner.nets, learner.updates_done + 1
    actor, targets = nets["actor"], [nets[name] for name in ("target_critic1", "target_critic2")]
    critics = [nets[name] for name in members(spec, "critic")]

    def policy(name: str) -> tuple[float, Sample]:
        """alpha and a sample at the batch's states, as they stand."""
        alpha = nets["log_alpha"][0].exp().item()
        return alpha, sample(spec, spaces, actor, batch.obs, noise[name])

    alpha, drawn = own_alpha, own_drawn = policy("action")  # the update's, and the pass's
    seen = {"alpha": alpha, "log_prob": drawn.log_prob, "action": drawn.action}
    gradients: dict[str, Weights] = {}

    # --- critic
    y, seen["next_log_prob"] = critic_target(spec, spaces, actor, targets, batch, noise.get("next_action"), alpha)
    losses, seen["q"], gradients["critic"] = critic_loss(spec, spaces, critics, batch, y)
    seen |= {"target_q": y, "critic_losses": losses, "critic_loss": losses.sum()}
    descend(learner, "critic", gradients["critic"], 1)

    # --- target
    followers = joined(nets, ("target_critic1", "target_critic2"))
    online = joined(nets, ["critic1", "critic2"])
    torch._foreach_lerp_(followers, online, 0.005)

    # --- actor
    samples = [own_drawn]
    loss, gradients["actor"], dq_da = actor_loss(spec, spaces, actor, critics, batch, samples, own_alpha)
    seen |= {"actor_loss": loss, "dq_da": dq_da}
    descend(learner, "actor", gradients["actor"], 1)

    # --- alpha
    log_prob = own_drawn.log_prob
    loss, grad = alpha_loss(spec, *nets["log_alpha"], log_prob, spaces.action_dim)
    seen["alpha_loss"], gradients["alpha"] = loss, [grad]
    descend(learner, "alpha", gradients["alpha"], 1)
    learner.updates_done += 1
    return seen | {"gradients": gradients}


State = list[Learner]


@torch.inference_mode()
def update(
    state: State, rows: np.ndarray, noise: np.ndarray, obs: np.ndarray | None, act_noise: np.ndarray | None
) -> tuple[State, np.ndarray | None, Metrics]:
    """See suite.contract.Implementation.update."""
    last = []
    for learner, own_rows, own_noise in zip(state, rows, noise, strict=True):
        for k in range(len(own_rows)):
            seen = update_once(learner, *inputs(learner, own_rows[k], own_noise[k]))
        entropy = -seen["log_prob"].mean().item()
        actor_loss = seen["actor_loss"].item() if "actor_loss" in seen else math.nan  # not due
        last.append((seen["critic_loss"].item(), actor_loss, seen["alpha"], entropy))
    metrics = dict(zip(("critic_loss", "actor_loss", "alpha", "entropy"), np.array(last).T, strict=True))
    return state, None if obs is None else act(state, obs, act_noise), metrics


def inputs(learner: Learner, rows: np.ndarray, noise: np.ndarray) -> tuple[Batch, dict[str, Tensor]]:
    """Packed rows [B, width] and noise [draws, B, A] as the update's tensors, by name."""
    dtype = getattr(torch, learner.spec.dtype)
    draws = torch.from_numpy(noise).to(dtype)
    return unpack(torch.from_numpy(rows).to(dtype), learner.spaces), dict(
        zip(("next_action", "action"), draws, strict=True)
    )


@torch.inference_mode()
def explain(state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
    """See suite.contract.Implementation.explain."""
    after = init(state[0].spec, state[0].spaces, get_params(state))
    named = []
    for learner, own_rows, own_noise in zip(after, rows, noise, strict=True):
        seen = update_once(learner, *inputs(learner, own_rows[0], own_noise[0]), explaining=True)
        seen |= {f"critic{i + 1}_loss": loss for i, loss in enumerate(seen.pop("critic_losses"))}
        for stage, grads in seen.pop("gradients").items():
            rest = iter(grads)
            for net in members(learner.spec, stage):
                own = [next(rest) for _ in learner.nets[net]]
                seen |= {
                    f"grad/{name}": grad for name, grad in canonical(learner.spec, learner.spaces, net, own).items()
                }
        named.append({name: np.asarray(value) for name, value in seen.items() if value is not None})
    return after, {name: np.stack([one[name] for one in named]) for name in named[0]}


# --- act ----------------------------------------------------------------------------------------------------------


@torch.inference_mode()
def act(state: State, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
    """See suite.contract.Implementation.act."""
    actions = np.empty((*obs.shape[:2], state[0].spaces.action_dim), np.float32)
    for i, learner in enumerate(state):
        dtype = getattr(torch, learner.spec.dtype)
        mean, raw = forward(learner.spec, learner.nets["actor"], torch.from_numpy(obs[i]).to(dtype))[0].chunk(2, dim=1)
        if noise is not None:
            mean = mean + log_std(learner.spec, raw).exp() * torch.from_numpy(noise[i]).to(dtype)
        actions[i] = torch.tanh(mean).numpy()
    return actions


# --- in and out: canonical arrays ---------------------------------------------------------------------------------


def init(spec: SacSpec, spaces: Spaces, params: Params) -> State:
    """See suite.contract.Implementation.init."""
    torch.set_num_threads(1)  # one process per core: two threads for one small network are slower than one
    return set_params([Learner(spec, spaces) for _ in range(len(params["actor/w0"]))], params)


def canonical(spec: SacSpec, spaces: Spaces, net: str, tensors: Weights) -> dict[str, Tensor]:
    """Our tensors of a network as views by canonical name: all matrices [in, out], the actor's heads apart."""
    if net == "log_alpha":
        return {net: tensors[0]}
    *hidden, w, b = tensors
    named = {f"{net}/{'wb'[i % 2]}{i // 2}": tensor for i, tensor in enumerate(hidden)}
    heads = ("_mean", "_log_std") if net == "actor" else (str(len(hidden) // 2),)
    for head, w_part, b_part in zip(heads, w.chunk(len(heads)), b.chunk(len(heads)), strict=True):
        named |= {f"{net}/w{head}": w_part.t(), f"{net}/b{head}": b_part}
    return named


def get_params(state: State) -> Params:
    """See suite.contract.Implementation.get_params."""
    every = []
    for learner in state:
        own = {"updates_done": np.asarray(learner.updates_done)}
        for prefix, nets in (("", learner.nets), ("adam_m/", learner.adam_m), ("adam_v/", learner.adam_v)):
            for net, tensors in nets.items():
                views = canonical(learner.spec, learner.spaces, net, tensors)
                own |= {prefix + name: tensor.numpy() for name, tensor in views.items()}
        every.append(own)
    return {name: np.stack([own[name] for own in every]) for name in every[0]}


def set_params(state: State, params: Params) -> State:
    """See suite.contract.Implementation.set_params."""
    for i, learner in enumerate(state):
        spec, dtype = learner.spec, getattr(torch, learner.spec.dtype)
        learner.updates_done = int(params["updates_done"][i]) if "updates_done" in params else 0
        moved = ["actor", "critic1", "critic2", "log_alpha"]
        for prefix, kept, names in (
            ("", learner.nets, [*moved, *("target_critic1", "target_critic2")]),
            ("adam_m/", learner.adam_m, moved),
            ("adam_v/", learner.adam_v, moved),
        ):
            for net in names:
                kept[net] = [torch.zeros(shape, dtype=dtype) for shape in shapes(spec, learner.spaces, net)]
                for name, part in canonical(spec, learner.spaces, net, kept[net]).items():
                    if prefix == "" or prefix + name in params:
                        part.copy_(torch.as_tensor(params[prefix + name][i]))
    return state


def shapes(spec: SacSpec, spaces: Spaces, net: str) -> list[tuple[int, ...]]:
    """The shapes of a network's tensors."""
    if net == "log_alpha":
        return [()]
    widths = [spaces.obs_dim + (spaces.action_dim if "critic" in net else 0), *spec.hidden]
    outputs = 2 * spaces.action_dim if net == "actor" else 1
    hidden = [shape for before, after in pairwise(widths) for shape in ((before, after), (after,))]
    return [*hidden, (outputs, widths[-1]), (outputs,)]


def device() -> str | None:
    """See suite.contract.Implementation.device: this engine is written for the processor."""
    return None
