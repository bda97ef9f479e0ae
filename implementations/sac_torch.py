"""Soft Actor-Critic in PyTorch: one file, read from top to bottom, the same headings as sac_jax.py.

Every switch it reads is a field of suite.spec.SacSpec; suite/equations.py says in NumPy what each line must compute.
The mathematics is written for one seed; S seeds in lockstep are a loop. Gradients are written out, every `*_backward`
beside what it differentiates: on one processor core autograd's bookkeeping made an update with 256 x 256 networks 15 %
slower, and one with 64 x 64 networks 50 %.
"""

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

from suite.sac.contract import Batch, Metrics, Params, Spaces, unpack
from suite.sac.spec import DELAYED, ClipLogStd, ExactLogDet, ExpStd, SacSpec, SoftplusStd, SquashLogStd

FRAMEWORK = "torch"
LOG_2, LOG_2PI = math.log(2), math.log(2 * math.pi)
Weights = list[Tensor]
"""A network's w0, b0, w1, b1, ... from the input up. Matrices are [in, out], but the last one [out, in]: with a handful
of outputs that is the faster product. The actor's last layer holds both heads, mean above log std."""


# --- networks: ReLU multi-layer perceptrons -----------------------------------------------------------------------


def factor(spec: SacSpec, layer: int, x: Tensor) -> Tensor:
    """x as a factor of a hidden layer's product: between hidden layers, "bfloat16_hidden" rounds it. The product itself
    stays in float32: its sums must, and torch's bfloat16 product on a processor rounds them too."""
    return x.bfloat16().float() if spec.precision == "bfloat16_hidden" and layer > 0 else x


def forward(spec: SacSpec, weights: Weights, x: Tensor, *, below: int = 0) -> tuple[Tensor, list[Tensor]]:
    """x [B, in] -> the network's output [B, out], and every layer's input for the backward pass: x, then the ReLUs'.

    below: how many hidden layers lie under these weights.
    """
    inputs = [x]
    for i, (w, b) in enumerate(zip(weights[:-2:2], weights[1:-2:2], strict=True), start=below):
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
        rounded = factor(spec, below + i, d)
        if of_weights:
            grads = [factor(spec, below + i, inputs[i]).t() @ rounded, d.sum(0), *grads]
        if i + below > 0:
            d = rounded @ factor(spec, below + i, weights[2 * i]).t()
    return grads, d


def critic_forward(spec: SacSpec, critic: Weights, x: Tensor, obs_dim: int) -> tuple[Tensor, list[Tensor]]:
    """x [B, obs and action] -> Q [B, 1], and what the backward pass needs."""
    if spec.first_critic_layer == "concat":
        return forward(spec, critic, x)
    w, b = critic[:2]  # of the observation's layer, then of the action's
    of_obs = torch.addmm(b[0], x[:, :obs_dim], w[:obs_dim]).relu_()
    of_action = torch.addmm(b[1], x[:, obs_dim:], w[obs_dim:]).relu_()
    q, inputs = forward(spec, critic[2:], of_obs + of_action, below=1)
    return q, [x, of_obs, of_action, *inputs]


def critic_backward(
    spec: SacSpec, critic: Weights, tape: list[Tensor], d: Tensor, obs_dim: int, *, of_weights: bool = True
) -> tuple[Weights, Tensor]:
    """As `backward`; the second result is at the first layer that the action enters, before its ReLU."""
    if spec.first_critic_layer == "concat":
        return backward(spec, critic, tape, d, of_weights=of_weights)
    x, of_obs, of_action, *inputs = tape
    grads, d = backward(spec, critic[2:], inputs, d, of_weights=of_weights, below=1)
    d_obs, d_action = d * (of_obs > 0), d * (of_action > 0)
    if of_weights:
        w = torch.cat([x[:, :obs_dim].t() @ d_obs, x[:, obs_dim:].t() @ d_action])
        grads = [w, torch.stack([d_obs.sum(0), d_action.sum(0)]), *grads]
    return grads, d_action


def scale(units: str, spaces: Spaces, like: Tensor) -> Tensor | float:
    """How long an action's unit is in those units: [A], or 1."""
    return like.new_tensor(spaces.action_scale) if units == "env" and spaces.action_scale else 1.0


def q_values(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], obs: Tensor, action: Tensor
) -> tuple[Tensor, list[list[Tensor]]]:
    """Q_i(s, a) of every critic, [n, B], action in [-1, 1]; and what their backward passes need."""
    if spec.critic_action_units == "env" and spaces.action_scale:
        action = action * scale("env", spaces, action) + action.new_tensor(spaces.action_center)
    x = torch.cat([obs, action], dim=1)
    q, tapes = zip(*(critic_forward(spec, critic, x, spaces.obs_dim) for critic in critics), strict=True)
    return torch.stack([one.squeeze(1) for one in q]), list(tapes)


def reduce(how: str, q: Tensor) -> Tensor:
    """One value per row from the critics': [n, B] -> [B]."""
    if how == "min":
        return q.amin(0)
    return q.mean(0) if how == "mean" else q[0]


def reduce_backward(how: str, q: Tensor, d: float) -> Tensor:
    """The gradient [n, B] of `reduce` for the same gradient d in every row of its result."""
    if how == "mean":
        return torch.full_like(q, d / len(q))
    chosen = q.argmin(0, keepdim=True) if how == "min" else torch.zeros_like(q[:1], dtype=torch.int64)
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
    match spec.std:
        case ClipLogStd(low=low, high=high):
            return raw.clamp(low, high)
        case SquashLogStd(low=low, high=high):
            return low + 0.5 * (high - low) * (torch.tanh(raw) + 1)
        case SoftplusStd(floor=floor):
            return torch.log(F.softplus(raw) + floor)
        case ExpStd():
            return raw


def log_std_backward(spec: SacSpec, drawn: Sample) -> Tensor | float:
    """d log std / d raw [B, A]."""
    match spec.std:
        case ClipLogStd():
            return drawn.raw == drawn.log_std
        case SquashLogStd(low=low, high=high):
            return 0.5 * (high - low) * (1 - torch.tanh(drawn.raw) ** 2)
        case SoftplusStd():
            return torch.sigmoid(drawn.raw) / drawn.std
        case ExpStd():
            return 1.0


def log_det(spec: SacSpec, spaces: Spaces, u: Tensor, action: Tensor) -> Tensor:
    """log |da / du| [B, A] of a = tanh(u), or of the environment's action (arXiv 1801.01290, eq. 21)."""
    if isinstance(spec.log_det, ExactLogDet):
        exact = 2 * (LOG_2 - u - F.softplus(-2 * u, threshold=1e3))
        return exact + scale("env", spaces, u).log() if spec.log_prob_units == "env" and spaces.action_scale else exact
    # 1 - a^2 would lose digits near saturation
    slope = (1 - action) * (1 + action) * scale(spec.log_prob_units, spaces, u)
    return torch.log(slope + spec.log_det.eps)


def log_det_backward(spec: SacSpec, spaces: Spaces, action: Tensor) -> Tensor:
    """d log_det / du [B, A]."""
    if isinstance(spec.log_det, ExactLogDet):
        return -2 * action
    slope = (1 - action) * (1 + action) * scale(spec.log_prob_units, spaces, action)
    return -2 * action * slope / (slope + spec.log_det.eps)


def sample(spec: SacSpec, spaces: Spaces, actor: Weights, obs: Tensor, noise: Tensor) -> Sample:
    """a = tanh(mean + std * noise), with log pi(a|s) by change of variables (arXiv 1801.01290, eq. 21)."""
    output, inputs = forward(spec, actor, obs)
    mean, raw = output.chunk(2, dim=1)
    log_scale = log_std(spec, raw)
    std = log_scale.exp()
    u = torch.addcmul(mean, std, noise)
    action = torch.tanh(u)
    standard = noise * std / (std + spec.gaussian_eps) if spec.gaussian_eps else noise
    log_prob = -(0.5 * standard**2 + log_scale + 0.5 * LOG_2PI + log_det(spec, spaces, u, action)).sum(1)
    return Sample(action, log_prob, raw, log_scale, std, u, noise, inputs)


def sample_backward(
    spec: SacSpec, spaces: Spaces, actor: Weights, drawn: Sample, d_action: Tensor | float, d_log_prob: float
) -> Weights:
    """The actor's gradients, given the loss's at the action [B, A] and at every log pi (arXiv 1801.01290, eq. 13)."""
    d_u = d_action * (1 - drawn.action**2) - d_log_prob * log_det_backward(spec, spaces, drawn.action)
    d_density = d_log_prob
    if spec.gaussian_eps:  # the standardised u is noise std / (std + eps) then, and depends on std
        eps, std = spec.gaussian_eps, drawn.std
        d_density = d_log_prob * (1 + eps * (drawn.noise * std) ** 2 / (std + eps) ** 3)
    d_raw = (d_u * drawn.std * drawn.noise - d_density) * log_std_backward(spec, drawn)
    return backward(spec, actor, drawn.inputs, torch.cat([d_u, d_raw], dim=1))[0]


# --- losses, with their gradients: each reads only what its signature names ---------------------------------------


def soft_value(spec: SacSpec, q: Tensor, log_prob: Tensor, alpha: float) -> Tensor:
    """Reduced Q minus alpha log pi: [n, B], [B] -> [B] (arXiv 1812.05905, eq. 3)."""
    value = reduce(spec.target_reduce, q)
    return value - alpha * log_prob if spec.entropy_in_target else value


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
    if spec.value_net:
        following, log_prob = forward(spec, *targets, batch.next_obs)[0].squeeze(1), None
    else:
        drawn = sample(spec, spaces, actor, batch.next_obs, noise)
        q, log_prob = q_values(spec, spaces, targets, batch.next_obs, drawn.action)[0], drawn.log_prob
        following = soft_value(spec, q, log_prob, alpha)
    # terminated, not truncated: a time limit is no death
    return spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * following, log_prob


def critic_loss(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], batch: Batch, y: Tensor
) -> tuple[Tensor, Tensor, Weights]:
    """scale * mean (Q_i - y)^2 of each critic [n] (arXiv 1812.05905, eq. 5), Q [n, B], and all critics' gradients."""
    q, tapes = q_values(spec, spaces, critics, batch.obs, batch.action)
    error, grads = q - y, []
    for critic, tape, d in zip(critics, tapes, error * (2 * spec.critic_loss_scale / len(y)), strict=True):
        grads += critic_backward(spec, critic, tape, d.unsqueeze(1), spaces.obs_dim)[0]
    return spec.critic_loss_scale * (error**2).mean(1), q, grads


def value_target(spec: SacSpec, q: Tensor, log_prob: Tensor, alpha: float) -> Tensor:
    """What V regresses on: reduced Q_i - alpha log pi_i [B]; or "broadcast", reduced Q_i - alpha log pi_j: [B, B]."""
    if spec.value_net.target == "per_sample":
        return soft_value(spec, q, log_prob, alpha)
    return reduce(spec.target_reduce, q).unsqueeze(1) - alpha * log_prob


def value_loss(spec: SacSpec, value: Weights, batch: Batch, target: Tensor) -> tuple[Tensor, Weights]:
    """scale * mean (V(s) - target)^2, target [B] or [B, B] (arXiv 1801.01290, eq. 5), and V's gradients."""
    output, inputs = forward(spec, value, batch.obs)
    error = output - target.reshape(len(target), -1)
    d = error.mean(1, keepdim=True) * (2 * spec.value_net.loss_scale / len(target))
    return spec.value_net.loss_scale * (error**2).mean(), backward(spec, value, inputs, d)[0]


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
    for critic, tape, d in zip(critics, tapes, reduce_backward(spec.actor_reduce, q, -1 / size), strict=True):
        rows = d.nonzero().squeeze(1)  # a critic that is not the minimum of a row gives it no gradient
        own = [one[rows] for one in tape]
        _, d_first = critic_backward(spec, critic, own, d[rows].unsqueeze(1), spaces.obs_dim, of_weights=False)
        d_action.index_add_(0, rows, d_first @ critic[0][spaces.obs_dim :].t())
    d_action = d_action * scale(spec.critic_action_units, spaces, d_action)
    loss = (alpha * drawn.log_prob - reduce(spec.actor_reduce, q)).mean()
    if spec.pathwise_noise == "shared":
        return loss, sample_backward(spec, spaces, actor, drawn, d_action, alpha / size), -d_action
    of_entropy = sample_backward(spec, spaces, actor, samples[1], 0.0, alpha / size)
    through_q = sample_backward(spec, spaces, actor, samples[2], d_action, 0.0)
    return loss, [one + other for one, other in zip(of_entropy, through_q, strict=True)], -d_action


def alpha_loss(spec: SacSpec, log_alpha: Tensor, log_prob: Tensor, action_dim: int) -> tuple[Tensor, Tensor]:
    """-alpha mean(log pi + H), or -log(alpha) mean(log pi + H) (arXiv 1812.05905, eq. 18); gradient in log alpha."""
    surplus = log_prob.mean() + spec.target_entropy(action_dim)
    if spec.temperature.objective == "alpha":
        loss = -log_alpha.exp() * surplus
        return loss, loss
    return -log_alpha * surplus, -surplus


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
        return [f"critic{i + 1}" for i in range(spec.critics)]
    return ["log_alpha" if stage == "alpha" else stage]


def joined(nets: dict[str, Weights], names: Sequence[str]) -> Weights:
    """The tensors of several networks in one list."""
    return [tensor for name in names for tensor in nets[name]]


def descend(learner: Learner, stage: str, grads: Weights, turn: int = 1) -> None:
    """One Adam step of a stage's networks (arXiv 1412.6980, algorithm 1), as one pass through memory."""
    adam = learner.spec.adam
    names = members(learner.spec, stage)
    count = learner.spec.steps(stage, learner.updates_done + 1, turn)
    eps = adam.eps
    if adam.eps_placement == "tensorflow":  # sqrt(v) + eps before bias correction, said in torch's terms
        eps = eps / math.sqrt(1 - adam.beta2**count)
    torch._fused_adam_(
        joined(learner.nets, names), grads, joined(learner.adam_m, names), joined(learner.adam_v, names), [],
        [torch.tensor(float(count))] * len(grads), lr=learner.spec.learning_rate(stage), beta1=adam.beta1,
        beta2=adam.beta2, weight_decay=0.0, eps=eps, amsgrad=False, maximize=False,
    )  # fmt: skip


def update_once(learner: Learner, batch: Batch, noise: dict[str, Tensor], *, explaining: bool = False) -> dict:
    """One update in place; returns every loss, target, log-probability and gradient by name.

    What later passes of actor and alpha see ends in the pass's number. Where the actor is not due, `explaining` tells
    what it would have done.
    """
    spec, spaces, nets, count = learner.spec, learner.spaces, learner.nets, learner.updates_done + 1
    actor, targets = nets["actor"], [nets[name] for name in spec.targets]
    critics = [nets[name] for name in members(spec, "critic")]

    def policy(name: str) -> tuple[float, Sample]:
        """alpha and a sample at the batch's states, as they stand."""
        alpha = nets["log_alpha"][0].exp().item() if spec.learns_alpha else spec.temperature.value
        return alpha, sample(spec, spaces, actor, batch.obs, noise[name])

    alpha, drawn = own_alpha, own_drawn = policy("action")  # the update's, and the pass's
    seen = {"alpha": alpha, "log_prob": drawn.log_prob, "action": drawn.action}
    gradients: dict[str, Weights] = {}
    due = spec.due(spec.actor_every, count)

    for stage, turn in spec.turns:
        suffix = f"_{turn}" if turn > 1 else ""
        if stage in DELAYED and not due and (turn > 1 or not explaining):
            continue
        if stage == "critic":
            y, seen["next_log_prob"] = critic_target(
                spec, spaces, actor, targets, batch, noise.get("next_action"), alpha
            )
            losses, seen["q"], gradients["critic"] = critic_loss(spec, spaces, critics, batch, y)
            seen |= {"target_q": y, "critic_losses": losses, "critic_loss": losses.sum()}
        elif stage == "value":
            q, _ = q_values(spec, spaces, critics, batch.obs, drawn.action)
            seen["value_target"] = value_target(spec, q, drawn.log_prob, alpha)
            seen["value_loss"], gradients["value"] = value_loss(spec, nets["value"], batch, seen["value_target"])
        elif stage == "actor":
            if turn > 1:
                own_alpha, own_drawn = policy(f"action{suffix}")
                seen |= {f"alpha{suffix}": own_alpha, f"log_prob{suffix}": own_drawn.log_prob}
            samples = [own_drawn]
            if spec.pathwise_noise == "independent":
                samples += [policy(name)[1] for name in ("action_2", "action_3")]
            loss, gradients["actor"], dq_da = actor_loss(spec, spaces, actor, critics, batch, samples, own_alpha)
            seen |= {f"actor_loss{suffix}": loss, "dq_da": dq_da}
        elif stage == "alpha":
            log_prob = own_drawn.log_prob
            if spec.temperature.sample == "fresh":
                log_prob = seen[f"log_prob_alpha{suffix}"] = policy(f"alpha{suffix}")[1].log_prob
            loss, grad = alpha_loss(spec, *nets["log_alpha"], log_prob, spaces.action_dim)
            seen[f"alpha_loss{suffix}"], gradients["alpha"] = loss, [grad]
        elif stage == "target":
            if spec.gradients == "simultaneous":  # every gradient was taken at the first parameters: now step them all
                for each, grads in gradients.items():
                    descend(learner, each, grads)
            followers = joined(nets, spec.targets)
            online = joined(nets, [name.removeprefix("target_") for name in spec.targets])
            if spec.due(spec.target_every, count):
                torch._foreach_lerp_(followers, online, spec.tau)
            if spec.target_copy_every and count % spec.target_copy_every == 0:
                torch._foreach_copy_(followers, online)
        if spec.gradients == "sequential" and stage != "target" and (due or stage not in DELAYED):
            descend(learner, stage, gradients[stage], turn)
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
    return unpack(torch.from_numpy(rows).to(dtype), learner.spaces), dict(zip(learner.spec.draws, draws, strict=True))


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
    if "critic" in net and spec.first_critic_layer == "sum_of_relus":
        w0, b0, parts = (
            named.pop(f"{net}/w0"),
            named.pop(f"{net}/b0"),
            {"obs": slice(spaces.obs_dim), "act": slice(spaces.obs_dim, None)},
        )
        named |= {f"{net}/w0_{part}": w0[rows] for part, rows in parts.items()}
        named |= {f"{net}/b0_{part}": b0[n] for n, part in enumerate(parts)}
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
        moved = [*spec.online, *(["log_alpha"] if spec.learns_alpha else [])]
        for prefix, kept, names in (
            ("", learner.nets, [*moved, *spec.targets]),
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
    if "critic" in net and spec.first_critic_layer == "sum_of_relus":
        hidden[1] = (2, spec.hidden[0])
    return [*hidden, (outputs, widths[-1]), (outputs,)]


def device() -> str | None:
    """See suite.contract.Implementation.device: this engine is written for the processor."""
    return None
